internal import Model
internal import Protocol
internal import Rollout
internal import Trust

extension AgentCore {
    /// Begins an install in an open window, once the machine was found eligible a second time.
    mutating func beginInstall(_ record: inout ActionRecord, notes: [Note]) throws {
        let order = try order(of: record)
        guard performing == nil, case .open = WindowSchedule(order.windows).phase(at: now), record.expires > now,
            try !store.openActions().contains(where: { $0.id != record.id && $0.state.isChanging })
        else { return }
        record.previous = try store.installed().first { $0.product == record.path?.product }?.release
        record.failures = 0
        record.notBefore = .distantPast
        record.step = InstallPlan.first
        try transition(&record, .startInstall, notes: notes)
    }

    /// Does the journalled step, unless it is under way or has to wait; gives the believed time to look again.
    mutating func advanceInstall(_ record: inout ActionRecord) throws -> UnixTime? {
        guard let step = record.step, let package = record.package else { throw Self.damaged(record) }
        guard performing == nil else { return nil }
        if record.notBefore > machineNow { return clock.believed(record.notBefore) }
        switch settle(record, step, package) {
        case .perform:
            performing = (record.id, step)
            effects.append(
                .perform(
                    InstallJob(
                        action: record.id, step: step, package: package, previous: record.previous,
                        isSelf: isSelf(record),
                        sharesFiles: try store.openActions().contains {
                            $0.id != record.id && $0.package?.sha256 == package.sha256
                        })))
            return nil
        case .restartAgent:
            performing = (record.id, step)
            effects.append(.restartAgent)
            return nil
        case .wait:
            return nil
        case .done:
            try finish(step, &record)
        case .failed(let why):
            try fail(step, &record, why, isReleaseToBlame: true)
        }
        return record.state.isFinal ? nil : try advanceInstall(&record)
    }

    private enum Settlement {
        case perform, restartAgent, wait, done
        case failed(String)
    }

    /// What the start of this process, or of the machine, says about a journalled step; most steps are simply done (again).
    private func settle(_ record: ActionRecord, _ step: InstallStep, _ package: Package) -> Settlement {
        let wasJournalledBefore = stepsAtStart[record.id] == step
        guard isSelf(record) else {
            let rebooted = step == .restart && record.bootID.map { $0 != start.bootID } ?? false
            return rebooted ? .done : .perform
        }
        let isNew = start.runningRelease == package.path.release
        let notUp = start.trialFailure ?? "the new release of the agent did not come up"
        switch step {
        case .restart:
            if isNew { return .done }
            return wasJournalledBefore ? .failed(notUp) : .restartAgent
        case .verify:
            if !isNew { return .failed(notUp) }
            guard verified.contains(record.id) else { return .perform }
            return isConfirmed ? .done : .wait
        case .recover:
            if start.runningRelease == record.previous { return .perform }
            return wasJournalledBefore ? .failed("the agent's release before does not come up") : .restartAgent
        default:
            return .perform
        }
    }

    /// A step ended.
    mutating func handle(_ outcome: StepOutcome, of step: InstallStep, _ action: ActionID) throws {
        guard let performing, performing.action == action, performing.step == step else { return }
        self.performing = nil
        guard var record = try store.action(action), record.step == step, !record.state.isFinal else { return }
        switch outcome {
        case .done where step == .restart && record.bootID == start.bootID && record.bootID != nil:
            // The machine was asked to restart and has not yet done so.
            try again(step, &record, "the machine did not restart", after: .seconds(300))
        case .done where step == .verify && isSelf(record):
            verified.insert(action)
        case .done:
            try finish(step, &record)
        case .retryLater(let why) where step == .enter:
            record.failures += 1
            guard let delay = Self.hookRetry.delay(afterFailure: record.failures, using: &random),
                case .open = WindowSchedule(try order(of: record).windows).phase(at: now)
            else { return try fail(step, &record, "hooks asked to wait for too long: \(why)", isReleaseToBlame: false) }
            record.notBefore = machineNow + delay
            try store.save(record)
            effects.append(.log(.notice, why))
        case .retryLater(let why):
            try stepFailed(step, &record, .retryLater, why)
        case .failed(let code, let why):
            try stepFailed(step, &record, code, why)
        }
    }

    private mutating func stepFailed(
        _ step: InstallStep, _ record: inout ActionRecord, _ code: AgentError.Code, _ why: String
    ) throws {
        effects.append(.log(.error, "\(record.id), \(step): \(why)"))
        switch step {
        case .commit, .discard:
            // Only leftovers are concerned; the next install of the product sweeps them.
            try finish(step, &record)
        case .deactivate, .recover:
            try again(step, &record, why, after: .seconds(10))
        default:
            let isBlamed = step >= .activate || code.rawValue.hasPrefix("archive") || code == .healthFailed
            if code == .hashMismatch { try reportAttack(.fileSwapped, why) }
            try fail(step, &record, why, isReleaseToBlame: isBlamed)
        }
    }

    /// Tries a step again a few times, then gives up on it.
    private mutating func again(
        _ step: InstallStep, _ record: inout ActionRecord, _ why: String, after delay: Duration
    ) throws {
        record.failures += 1
        if record.failures >= Self.stepAttempts { return try fail(step, &record, why, isReleaseToBlame: true) }
        record.notBefore = machineNow + delay
        try store.save(record)
    }

    /// A step is done: journals the next one, or ends the action.
    private mutating func finish(_ step: InstallStep, _ record: inout ActionRecord) throws {
        guard let package = record.package else { throw Self.damaged(record) }
        record.failures = 0
        record.notBefore = .distantPast
        guard let next = nextStep(after: step, record, package) else { return try end(&record, package) }
        record.step = next
        if next == .restart, !isSelf(record), package.metadata.install.restart == .machine {
            record.bootID = start.bootID
        }
        switch InstallPlan.state(of: next) {
        case .restarting? where record.state != .restarting: try transition(&record, .restart)
        case .verifying? where record.state != .verifying: try transition(&record, .verify)
        default: try store.save(record)
        }
    }

    /// The step after this one, leaving out what the package has no need of.
    private func nextStep(after step: InstallStep, _ record: ActionRecord, _ package: Package) -> InstallStep? {
        let install = package.metadata.install
        var next = InstallPlan.next(after: step)
        if next == .stop, install.services.isEmpty { next = .activate }
        if next == .restart, install.services.isEmpty, install.restart == .none, !isSelf(record) { next = .verify }
        return next
    }

    /// A step has failed for good: the way back begins, or, on the way back, ends badly.
    private mutating func fail(
        _ step: InstallStep, _ record: inout ActionRecord, _ why: String, isReleaseToBlame: Bool
    ) throws {
        if isReleaseToBlame, record.kind == .install, step < .deactivate, let path = record.path {
            try store.reject(RejectedRelease(product: path.product, release: path.release))
        }
        record.failures = 0
        record.notBefore = .distantPast
        guard step < .deactivate else {
            return try transition(&record, .failRollback, detail: "\(record.detail); going back failed: \(why)")
        }
        record.step = InstallPlan.failure(of: step)
        record.detail = Event.singleLine(why, limit: 512)
        if record.step == .deactivate {
            try transition(&record, .rollBack, detail: record.detail)
        } else {
            try store.save(record)
        }
    }

    /// The last step of the way forward or back is done.
    private mutating func end(_ record: inout ActionRecord, _ package: Package) throws {
        switch record.state {
        case .verifying:
            try store.setInstalled(
                InstalledPackage(
                    product: package.path.product, release: package.path.release, line: package.metadata.line,
                    counter: package.metadata.counter, path: package.path, sha256: package.sha256, source: .axle))
            try store.setCounterFloor(package.metadata.product, package.metadata.line, package.metadata.counter)
            try store.unreject(RejectedRelease(product: package.path.product, release: package.path.release))
            try transition(&record, .succeed)
        case .rollingBack: try transition(&record, .finishRollback, detail: record.detail)
        default: try transition(&record, .fail, detail: record.detail)
        }
    }

    func isSelf(_ record: ActionRecord) -> Bool {
        record.path.map { $0.product == identity.selfProduct } ?? false
    }
}
