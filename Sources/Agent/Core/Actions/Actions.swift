internal import Model
internal import Protocol
internal import Rollout
internal import Trust

/// The open actions, each moved on from its order to its end: check, download, wait for a window,
/// check again, install.
///
/// Several may be open at once; one is downloaded and one is installed at a time, in the order of
/// the hub's sequence. Checks, downloads and installs have memory of their own; here is remembered
/// only when to look again. It takes `reportAcknowledged`.
struct Actions: AgentPart {
    private var checks = Checks()
    private var downloads = Downloads()
    private var installs = Installs()
    /// When an action that waits for time is due, by the machine's clock; found by each `settle`.
    private var due: UnixTime?

    // MARK: Start, link and clock

    /// The process has started: nothing is under way.
    mutating func start(_ start: AgentStart, _ turn: inout AgentTurn) throws {
        self = Actions()
        try installs.start(start, &turn)
    }

    /// A new link is a reason not to wait for a retry.
    static func opened(_ turn: inout AgentTurn) throws {
        for var record in try turn.store.openActions() where record.notBefore > turn.machine {
            guard record.state == .offered || record.state == .downloading else { continue }
            record.notBefore = turn.machine
            try turn.store.save(record)
        }
    }

    /// The believed time was set back: no action waits for a time that was reckoned with the wrong
    /// one.
    static func clockWasSetRight(at machine: UnixTime, _ store: any AgentStore) throws {
        for var record in try store.openActions() where record.notBefore > machine {
            record.notBefore = .distantPast
            try store.save(record)
        }
    }

    // MARK: Answers

    mutating func checked(_ check: TargetCheck, of action: ActionID, _ turn: inout AgentTurn) throws {
        try checks.checked(check, of: action, &turn)
    }

    mutating func gathered(_ facts: ClientFacts, for action: ActionID, _ turn: inout AgentTurn) throws {
        guard let cleared = try checks.gathered(facts, for: action, &turn) else { return }
        try installs.begin(cleared, &turn)
    }

    mutating func downloaded(_ outcome: DownloadOutcome, of action: ActionID, _ turn: inout AgentTurn) throws {
        try downloads.ended(outcome, of: action, &turn)
    }

    mutating func performed(
        _ outcome: StepOutcome, of step: InstallStep, _ action: ActionID, _ turn: inout AgentTurn
    ) throws {
        try installs.performed(outcome, of: step, action, &turn)
    }

    // MARK: Moving on

    mutating func settle(_ turn: inout AgentTurn) throws {
        if turn.take(.reportAcknowledged) { installs.confirm(&turn) }
        due = nil
        for record in try turn.store.openActions() {
            do {
                guard let believed = try moveOn(record, &turn) else { continue }
                let time = turn.clock.machine(believed)
                due = due.map { min($0, time) } ?? time
            } catch let error as AgentError where error.code == .storeDamaged {
                // A record that cannot be understood does not hold up the others.
                turn.log(.error, "action \(record.id) cannot go on: \(error.message)")
            }
        }
    }

    func nextDue(_ turn: AgentTurn) -> UnixTime? { due }

    /// Does what can be done now for one action; gives the believed time to look again, if it waits
    /// for time only.
    private mutating func moveOn(_ saved: ActionRecord, _ turn: inout AgentTurn) throws -> UnixTime? {
        var record = saved
        if record.isCancelRequested, AgentActionMachine.next(record.state, .cancel) != nil {
            try Journal.move(
                &record, by: .cancel, to: .cancelling(record.path), detail: "cancelled by the hub", &turn)
        }
        switch record.stage {
        case .offered, .downloading, .downloaded, .waitingForWindow: return try moveToInstall(&record, &turn)
        case .changing: return try installs.moveOn(&record, &turn)
        case .cancelling:
            abandon(record.id, &turn)
            try Journal.move(
                &record, by: .finishCancel, to: record.stage.ended(.cancelled), detail: "cancelled by the hub", &turn)
            return nil
        case .over: return nil
        }
    }

    private mutating func moveToInstall(_ record: inout ActionRecord, _ turn: inout AgentTurn) throws -> UnixTime? {
        let order = try Journal.order(of: record, turn)
        guard record.expires > turn.now else {
            return try expire(&record, "the order expired at \(record.expires)", &turn)
        }
        let windows = WindowSchedule(order.windows)
        guard let windowStart = windows.nextStart(turn.now) else {
            return try expire(&record, "the last window closed before the install could start", &turn)
        }
        let end = min(windows.end ?? record.expires, record.expires)
        let retry = record.notBefore > turn.machine ? min(turn.clock.believed(record.notBefore), end) : nil
        switch record.stage {
        case .offered(let path, _):
            if let retry { return retry }
            switch checks.standing(of: record.id) {
            case .none: checks.begin(record.id, path, order, &turn)
            case .underWay: break
            case .accepted(let package):
                let lead = windows.downloadStart(turn.now, lead: .seconds(Int64(order.leadSeconds))) ?? turn.now
                if lead > turn.now { return min(lead, end) }
                checks.forget(record.id)
                try Journal.move(&record, by: .startDownload, to: .downloading(package), &turn)
                return try moveToInstall(&record, &turn)
            }
            return end
        case .downloading(let package):
            if let retry { return retry }
            downloads.begin(record.id, package, &turn)
            return end
        case .downloaded(let package), .waitingForWindow(let package):
            guard windowStart <= turn.now else {
                if case .downloaded = record.stage {
                    try Journal.move(&record, by: .waitForWindow, to: .waitingForWindow(package), &turn)
                }
                return min(windowStart, end)
            }
            // One install at a time; the check is made right before it.
            guard installs.isIdle, try !Journal.isAnyChanging(but: record.id, turn) else { return end }
            if case .none = checks.standing(of: record.id), retry == nil {
                checks.begin(record.id, package.path, order, &turn)
            }
            return retry ?? end
        case .changing, .cancelling, .over: return nil
        }
    }

    private mutating func expire(
        _ record: inout ActionRecord, _ why: String, _ turn: inout AgentTurn
    ) throws -> UnixTime? {
        abandon(record.id, &turn)
        try Journal.move(
            &record, by: .refuse, to: record.stage.ended(.refused), reasons: [Reason(.orderExpired, why)], detail: why,
            &turn)
        return nil
    }

    /// Stops what is under way for an action before its install.
    private mutating func abandon(_ action: ActionID, _ turn: inout AgentTurn) {
        downloads.stop(action, &turn)
        checks.forget(action)
    }
}
