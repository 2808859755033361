import Model
import Rollout
import Testing

@Suite("What a rollout says about its release")
struct ReleaseProofTests {
    @Test("only a rollout in which everybody succeeded proves, only one that is over with failures disproves")
    func table() {
        let good: [ActionState: Int] = [.succeeded: 3]
        for state in RolloutState.allCases {
            let isOver = state == .failed || state == .stopped || state == .rolledBack
            #expect(ReleaseProof(state, RolloutResult(good)) == (state == .completed ? .proved : .none), "\(state)")
            #expect(ReleaseProof(state, RolloutResult([:])) == .none, "\(state)")
            for bad in [ActionState.failed, .rolledBack, .rollbackFailed] {
                let result = RolloutResult([.succeeded: 3, bad: 1])
                #expect(ReleaseProof(state, result) == (isOver ? .disproved : .none), "\(state) \(bad)")
            }
            for other in [ActionState.refused, .cancelled, .missed, .uncertain, .installing] {
                #expect(ReleaseProof(state, RolloutResult([.succeeded: 3, other: 1])) == .none, "\(state) \(other)")
                #expect(ReleaseProof(state, RolloutResult([other: 1])) == .none, "\(state) \(other)")
            }
        }
    }
}
