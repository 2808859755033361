internal import Model
internal import Protocol
internal import Rollout
internal import Trust

/// Installs, forward and back: each step is journalled before it is done, and is done again after a
/// cut.
///
/// Remembers the step under way, and what the start of this process says of steps that were
/// journalled before it.
struct Installs {
    private static let hookRetry = RetryPolicy(first: .seconds(60), longest: .seconds(900), attempts: 12)
    private static let stepAttempts = 3

    private var start = AgentStart()
    private var performing: (action: ActionID, step: InstallStep)?
    /// The steps that were journalled before this process started.
    private var stepsAtStart: [ActionID: InstallStep] = [:]
    /// Actions on the agent itself whose health command succeeded; they wait for the trial's end.
    private var verified: Set<ActionID> = []
    /// Whether this process is not, or no longer, on trial: the spoke has acknowledged a report of
    /// it.
    private var isConfirmed = false

    /// Whether no step is under way.
    var isIdle: Bool { performing == nil }

    /// The process has started.
    mutating func start(_ start: AgentStart, _ turn: inout AgentTurn) throws {
        self = Installs()
        self.start = start
        isConfirmed = !start.isOnTrial
        for var record in try turn.store.openActions() {
            guard let step = record.step else { continue }
            stepsAtStart[record.id] = step
            // A start is a reason to look again, whatever was waited for.
            record.notBefore = .distantPast
            try turn.store.save(record)
        }
    }

    /// The spoke has acknowledged a report: a release that is on trial has proved itself.
    mutating func confirm(_ turn: inout AgentTurn) {
        guard !isConfirmed else { return }
        isConfirmed = true
        turn.effect(.confirmTrial)
    }

    /// Begins an install in an open window, once the machine was found eligible a second time.
    mutating func begin(_ cleared: Checks.Cleared, _ turn: inout AgentTurn) throws {
        var record = cleared.record
        let order = try Journal.order(of: record, turn)
        guard performing == nil, case .open = WindowSchedule(order.windows).phase(at: turn.now),
            record.expires > turn.now, try !Journal.isAnyChanging(but: record.id, turn)
        else { return }
        let product = cleared.package.path.product
        let install = InstallProgress(
            package: cleared.package, step: InstallPlan.first,
            previous: try turn.store.installed().first { $0.product == product }?.release)
        record.beginAttempts()
        try Journal.move(
            &record, by: .startInstall, to: .changing(.installing, install), notes: cleared.notes, &turn)
    }

    /// Does the journalled step, unless it is under way or has to wait; gives the believed time to
    /// look again.
    mutating func moveOn(_ record: inout ActionRecord, _ turn: inout AgentTurn) throws -> UnixTime? {
        let stage = record.stage
        guard case .changing(let change, let install) = stage, performing == nil else { return nil }
        if record.notBefore > turn.machine { return turn.clock.believed(record.notBefore) }
        switch settlement(of: install, record.id, turn) {
        case .perform:
            performing = (record.id, install.step)
            let package = install.package
            turn.effect(
                .perform(
                    InstallJob(
                        action: record.id, step: install.step, package: package, previous: install.previous,
                        isSelf: Self.isSelf(install, turn),
                        sharesFiles: try turn.store.openActions().contains {
                            $0.id != record.id && $0.package?.sha256 == package.sha256
                        })))
            return nil
        case .restartAgent:
            performing = (record.id, install.step)
            turn.effect(.restartAgent)
            return nil
        case .wait:
            return nil
        case .done:
            try finish(change, install, &record, &turn)
        case .failed(let why):
            try fail(change, install, &record, why, isReleaseToBlame: true, &turn)
        }
        // A stage that did not change has nothing that could be done at once.
        return record.stage == stage ? nil : try moveOn(&record, &turn)
    }

    private enum Settlement {
        case perform, restartAgent, wait, done
        case failed(String)
    }

    /// What the start of this process, or of the machine, says about a journalled step; most steps
    /// are simply done (again).
    private func settlement(of install: InstallProgress, _ action: ActionID, _ turn: AgentTurn) -> Settlement {
        let wasJournalledBefore = stepsAtStart[action] == install.step
        guard Self.isSelf(install, turn) else {
            let rebooted = install.step == .restart && install.bootID.map { $0 != start.bootID } ?? false
            return rebooted ? .done : .perform
        }
        let isNew = start.runningRelease == install.package.path.release
        let notUp = start.trialFailure ?? "the new release of the agent did not come up"
        switch install.step {
        case .restart:
            if isNew { return .done }
            return wasJournalledBefore ? .failed(notUp) : .restartAgent
        case .verify:
            if !isNew { return .failed(notUp) }
            guard verified.contains(action) else { return .perform }
            return isConfirmed ? .done : .wait
        case .recover:
            if start.runningRelease == install.previous { return .perform }
            return wasJournalledBefore ? .failed("the previous release of the agent does not come up") : .restartAgent
        case .enter, .stage, .place, .stop, .activate, .commit, .deactivate, .discard:
            return .perform
        }
    }

    private static func isSelf(_ install: InstallProgress, _ turn: AgentTurn) -> Bool {
        install.package.path.product == turn.identity.selfProduct
    }

    // MARK: Outcomes

    /// A step ended.
    mutating func performed(
        _ outcome: StepOutcome, of step: InstallStep, _ action: ActionID, _ turn: inout AgentTurn
    ) throws {
        guard let performing, performing == (action, step) else { return }
        self.performing = nil
        guard var record = try turn.store.action(action), case .changing(let change, let install) = record.stage,
            install.step == step
        else { return }
        switch outcome {
        case .done where step == .restart && install.bootID == start.bootID:
            // The machine was asked to restart and has not yet done so.
            try again(change, install, &record, "the machine did not restart", after: .seconds(300), &turn)
        case .done where step == .verify && Self.isSelf(install, turn):
            verified.insert(action)
        case .done:
            try finish(change, install, &record, &turn)
        case .retryLater(let why) where step == .enter:
            record.failures += 1
            guard let delay = Self.hookRetry.delay(afterFailure: record.failures, using: &turn.random),
                case .open = WindowSchedule(try Journal.order(of: record, turn).windows).phase(at: turn.now)
            else {
                return try fail(
                    change, install, &record, "hooks asked to wait for too long: \(why)", isReleaseToBlame: false,
                    &turn)
            }
            record.notBefore = turn.machine + delay
            try turn.store.save(record)
            turn.log(.notice, why)
        case .retryLater(let why):
            try failed(change, install, &record, .retryLater, why, &turn)
        case .failed(let code, let why):
            try failed(change, install, &record, code, why, &turn)
        }
    }

    /// A step failed: decides whether it is tried again, left, or undone with those before it.
    private func failed(
        _ change: ActionStage.Change, _ install: InstallProgress, _ record: inout ActionRecord,
        _ code: AgentError.Code, _ why: String, _ turn: inout AgentTurn
    ) throws {
        let step = install.step
        turn.log(.error, "\(record.id), \(step): \(why)")
        switch step {
        case .commit, .discard:
            // Only leftovers are concerned; the next install of the product sweeps them.
            try finish(change, install, &record, &turn)
        case .deactivate, .recover:
            try again(change, install, &record, why, after: .seconds(10), &turn)
        case .enter, .stage, .place, .stop, .activate, .restart, .verify:
            let isBlamed = step >= .activate || code.rawValue.hasPrefix("archive") || code == .healthFailed
            if code == .hashMismatch { try turn.reportAttack(.fileSwapped, why) }
            try fail(change, install, &record, why, isReleaseToBlame: isBlamed, &turn)
        }
    }

    /// Tries a step again a few times, then gives up on it.
    private func again(
        _ change: ActionStage.Change, _ install: InstallProgress, _ record: inout ActionRecord, _ why: String,
        after delay: Duration, _ turn: inout AgentTurn
    ) throws {
        record.failures += 1
        if record.failures >= Self.stepAttempts {
            return try fail(change, install, &record, why, isReleaseToBlame: true, &turn)
        }
        record.notBefore = turn.machine + delay
        try turn.store.save(record)
    }

    /// A step is done: journals the next one, or ends the action.
    private func finish(
        _ change: ActionStage.Change, _ install: InstallProgress, _ record: inout ActionRecord, _ turn: inout AgentTurn
    ) throws {
        record.beginAttempts()
        let isSelf = Self.isSelf(install, turn)
        guard let step = InstallPlan.next(after: install, isSelf: isSelf) else {
            return try end(change, install, &record, &turn)
        }
        var install = install
        install.step = step
        if step == .restart, !isSelf, install.package.metadata.install.restart == .machine {
            install.bootID = start.bootID
        }
        switch InstallPlan.change(of: step) {
        case .restarting? where change != .restarting:
            try Journal.move(&record, by: .restart, to: .changing(.restarting, install), &turn)
        case .verifying? where change != .verifying:
            try Journal.move(&record, by: .verify, to: .changing(.verifying, install), &turn)
        case .installing?, .restarting?, .verifying?, .rollingBack?, nil:
            record.stage = .changing(change, install)
            try turn.store.save(record)
        }
    }

    /// A step has failed for good: the way back begins, or, on the way back, ends badly.
    private func fail(
        _ change: ActionStage.Change, _ install: InstallProgress, _ record: inout ActionRecord, _ why: String,
        isReleaseToBlame: Bool, _ turn: inout AgentTurn
    ) throws {
        let path = install.package.path
        if isReleaseToBlame, record.kind == .install, install.step < .deactivate {
            try turn.store.reject(RejectedRelease(product: path.product, release: path.release))
        }
        record.beginAttempts()
        guard install.step < .deactivate else {
            return try Journal.move(
                &record, by: .failRollback, to: record.stage.ended(.rollbackFailed),
                detail: "\(record.detail); going back failed: \(why)", &turn)
        }
        var install = install
        install.step = InstallPlan.failure(of: install.step)
        record.detail = Event.singleLine(why, limit: 512)
        if install.step == .deactivate {
            try Journal.move(
                &record, by: .rollBack, to: .changing(.rollingBack, install), detail: record.detail, &turn)
        } else {
            record.stage = .changing(change, install)
            try turn.store.save(record)
        }
    }

    /// The last step of the way forward or back is done.
    private func end(
        _ change: ActionStage.Change, _ install: InstallProgress, _ record: inout ActionRecord, _ turn: inout AgentTurn
    ) throws {
        let package = install.package
        switch change {
        case .verifying:
            try turn.store.setInstalled(
                InstalledPackage(
                    product: package.path.product, release: package.path.release, line: package.metadata.line,
                    counter: package.metadata.counter, path: package.path, sha256: package.sha256, source: .axle))
            try turn.store.setCounterFloor(
                package.metadata.product, package.metadata.line, package.metadata.counter)
            try turn.store.unreject(RejectedRelease(product: package.path.product, release: package.path.release))
            try Journal.move(&record, by: .succeed, to: record.stage.ended(.succeeded), &turn)
        case .rollingBack:
            try Journal.move(
                &record, by: .finishRollback, to: record.stage.ended(.rolledBack), detail: record.detail, &turn)
        case .installing, .restarting:
            try Journal.move(&record, by: .fail, to: record.stage.ended(.failed), detail: record.detail, &turn)
        }
    }
}
