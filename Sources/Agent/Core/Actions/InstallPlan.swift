internal import Model

/// Which step of an install follows which, and what is done to the machine in it.
///
/// Forward: enter, stage, place, stop, activate, restart, verify, commit. A failure before services
/// are stopped leads to `discard` and a failed action with the old release untouched; a later one
/// to deactivate, recover, discard: the way back.
enum InstallPlan {
    static let first = InstallStep.enter

    /// What follows a step that was done, without the steps that the package does not need; nil at
    /// the end of either way.
    static func next(after install: InstallProgress, isSelf: Bool) -> InstallStep? {
        let needs = install.package.metadata.install
        let next = next(after: install.step)
        if next == .stop, needs.services.isEmpty { return .activate }
        if next == .restart, needs.services.isEmpty, needs.restart == .none, !isSelf { return .verify }
        return next
    }

    private static func next(after step: InstallStep) -> InstallStep? {
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

    /// What is being done to the machine in a step, on the way forward and back; nil where it stays
    /// what it was.
    static func change(of step: InstallStep) -> ActionStage.Change? {
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
        case .stop, .activate, .restart, .verify, .commit, .deactivate, .recover, .discard: .deactivate
        }
    }
}
