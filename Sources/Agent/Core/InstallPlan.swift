internal import Model

/// Which step of an install follows which, and in which state of the action it is done.
///
/// Forward: enter, stage, place, stop, activate, restart, verify, commit. A failure before services are stopped leads to `discard` and a failed
/// action with the old release untouched; a later one to deactivate, recover, discard: the way back.
enum InstallPlan {
    static let first = InstallStep.enter

    /// What follows a step that was done; nil at the end of either way.
    static func next(after step: InstallStep) -> InstallStep? {
        switch step {
        case .enter: .stage
        case .stage: .place
        case .place: .stop
        case .stop: .activate
        case .activate: .restart
        case .restart: .verify
        case .verify: .commit
        case .deactivate: .recover
        case .recover: .discard
        case .commit, .discard: nil
        }
    }

    /// The state in which an action is while the step is done, on the way forward and back; nil keeps the state.
    static func state(of step: InstallStep) -> ActionState? {
        switch step {
        case .enter, .stage, .place, .stop, .activate: .installing
        case .restart: .restarting
        case .verify, .commit: .verifying
        case .deactivate, .recover: .rollingBack
        case .discard: nil
        }
    }

    /// Where a failed step leads.
    static func failure(of step: InstallStep) -> InstallStep {
        switch step {
        case .enter, .stage, .place: .discard
        default: .deactivate
        }
    }
}
