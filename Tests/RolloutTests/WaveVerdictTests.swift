import Model
import Rollout
import Testing

@Suite struct WaveVerdictTests {
    private func verdict(
        _ counts: [ActionState: Int], accepted: [ActionState: Int] = [:], rules: [ErrorRule] = ErrorRule.standard
    ) -> WaveVerdict {
        WaveVerdict(counts, accepted: accepted, rules: rules)
    }

    @Test(arguments: [ActionState.failed, .rolledBack, .rollbackFailed])
    func oneFailureStopsAWaveUnlessTheFileSaysOtherwise(state: ActionState) {
        #expect(verdict([.succeeded: 9, state: 1, .pending: 5]).cause == .threshold)
        #expect(verdict([.succeeded: 9, state: 1], rules: []) == .passed)
    }

    @Test(arguments: [ActionState.refused, .cancelled, .missed, .uncertain])
    func whatIsNoSuccessProvesNothing(state: ActionState) {
        #expect(verdict([state: 3]) == .nothingProved)
        #expect(verdict([state: 3], rules: []) == .nothingProved)
        #expect(verdict([state: 3, .succeeded: 1]) == .passed)
        #expect(verdict([state: 3, .installing: 1]) == .open)
    }

    @Test func whatAPersonAcceptedIsNotCountedAgain() {
        let counts: [ActionState: Int] = [.failed: 2, .succeeded: 1, .pending: 1]
        #expect(verdict(counts, accepted: [.failed: 2]) == .open)
        #expect(verdict(counts, accepted: [.failed: 1]).cause == .threshold)
        #expect(verdict([.failed: 2, .succeeded: 2], accepted: [.failed: 2]) == .passed)
    }

    @Test func aWaveWithoutClientsPasses() { #expect(verdict([:]) == .passed) }

    @Test func theSentenceNamesTheWaveAndTheRule() {
        #expect(
            verdict([.failed: 1]).text(wave: 2)
                == "1 client of wave 2 ended badly; the rule is 1 failed, rolledBack or rollbackFailed")
        #expect(verdict([.refused: 1]).text(wave: 0) == "no client of wave 0 succeeded")
        #expect(verdict([.succeeded: 1]).text(wave: 0) == nil)
    }
}
