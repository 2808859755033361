import Model
import Testing

@Suite struct RolloutResultTests {
    @Test func everyStateCountsOnceAndOnlyASuccessIsOne() {
        for state in ActionState.allCases {
            let result = RolloutResult([state: 2])
            #expect(result.total == 2)
            #expect(result.allSucceeded == (state == .succeeded))
            #expect(result.isSettled == (state.isFinal || state == .uncertain))
        }
        #expect(!RolloutResult([:]).allSucceeded)
    }

    @Test func theSentenceNamesWhatThereIs() {
        let result = RolloutResult([
            .succeeded: 3, .rolledBack: 1, .refused: 2, .missed: 1, .cancelled: 0, .uncertain: 4, .pending: 5,
        ])
        #expect(result.text == "succeeded 3, failed 1, refused 2, not reached 1, uncertain 4, under way 5")
        #expect(RolloutResult([:]).text == "succeeded 0")
    }

    @Test func numbersOfAHostileHubSaturate() {
        let result = RolloutResult([.succeeded: .max, .failed: .max, .rolledBack: .max, .refused: -5])
        #expect(result.failed == .max && result.refused == 0 && result.total == .max && !result.allSucceeded)
    }

    @Test(arguments: [
        (ErrorRule(of: []), false), (ErrorRule(of: [.failed]), false), (ErrorRule(of: [.failed], count: 0), false),
        (ErrorRule(of: [.failed], count: 1), true), (ErrorRule(of: [.failed], count: 1, percent: 1), false),
        (ErrorRule(of: [.failed], count: 1, minimum: 2), false), (ErrorRule(of: [.failed], percent: 0), false),
        (ErrorRule(of: [.failed], percent: 101), false), (ErrorRule(of: [.silent], percent: 10, minimum: 5), true),
        (ErrorRule(of: [.failed], percent: 10, minimum: 0), false),
        (ErrorRule(of: [.failed, .failed], count: 1), false),
    ])
    func rulesAreChecked(rule: ErrorRule, isGood: Bool) {
        #expect((rule.problem == nil) == isGood, "\(rule.problem ?? "no problem")")
    }

    @Test func rulesAreCrossedByCountOrByPercentOfAnswers() {
        let three = ErrorRule(of: [.failed, .rolledBack], count: 3)
        #expect(three.crossing([.failed: 1, .rolledBack: 1, .rollbackFailed: 9]) == nil)
        #expect(three.crossing([.failed: 2, .rolledBack: 1]) == 3)
        let tenth = ErrorRule(of: [.failed], percent: 10, minimum: 5)
        #expect(tenth.crossing([.failed: 1, .succeeded: 3, .pending: 100]) == nil)
        #expect(tenth.crossing([.failed: 1, .succeeded: 4]) == 1)
        #expect(tenth.crossing([.failed: 1, .succeeded: 10]) == nil)
        // Who is silent has not answered.
        #expect(tenth.crossing([.failed: 1, .succeeded: 3, .missed: 9]) == nil)
        #expect(ErrorRule(of: [.silent], percent: 50).crossing([.succeeded: 1, .missed: 1]) == 1)
    }
}
