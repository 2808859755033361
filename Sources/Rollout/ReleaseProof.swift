package import Model

/// What a rollout that is over says about its release, for shares that follow rollouts.
///
/// The last rollout of a release that says anything decides: a release that completed with a canary
/// and failed on the rest does not count.
package enum ReleaseProof: Equatable, Sendable {
    /// It completed, and every ordered client succeeded.
    case proved
    /// It failed or was stopped, and clients failed or rolled back.
    case disproved
    /// Nothing: it is not over, nobody installed, or an operator accepted that some clients did not
    /// succeed.
    case none

    package init(_ state: RolloutState, _ result: RolloutResult) {
        switch state {
        case .completed: self = result.allSucceeded ? .proved : .none
        case .failed, .stopped, .rolledBack: self = result.failed > 0 ? .disproved : .none
        case .draft, .preparing, .ready, .running, .paused, .stopping, .rollingBack: self = .none
        }
    }
}
