internal import Model
internal import Protocol
internal import Rollout
internal import Trust

extension AgentCore {
    /// Does what can be done now for one action; gives the believed time to look again, if it waits for time only.
    mutating func advance(_ saved: ActionRecord) throws -> UnixTime? {
        var record = saved
        if record.state == .cancelling { return try finishCancel(&record) }
        if record.isCancelRequested, AgentActionMachine.next(record.state, .cancel) != nil {
            try transition(&record, .cancel, detail: "cancelled by the hub")
            return try finishCancel(&record)
        }
        switch record.state {
        case .offered, .downloading, .downloaded, .waitingForWindow: return try advanceBeforeInstall(&record)
        case .installing, .restarting, .verifying, .rollingBack: return try advanceInstall(&record)
        default: return nil
        }
    }

    private mutating func finishCancel(_ record: inout ActionRecord) throws -> UnixTime? {
        if downloading == record.id {
            downloading = nil
            effects.append(.stopDownload(record.id))
        }
        checks[record.id] = nil
        try transition(&record, .finishCancel, detail: "cancelled by the hub")
        return nil
    }

    // MARK: Before the install

    private mutating func advanceBeforeInstall(_ record: inout ActionRecord) throws -> UnixTime? {
        let order = try order(of: record)
        guard record.expires > now else {
            return try refuse(&record, "the order expired at \(record.expires)")
        }
        let windows = WindowSchedule(order.windows)
        guard let windowStart = windows.nextStart(now) else {
            return try refuse(&record, "the last window closed before the install could start")
        }
        let end = min(windows.end ?? record.expires, record.expires)
        let waiting = min(clock.believed(record.notBefore), end)
        switch record.state {
        case .offered:
            if record.notBefore > machineNow { return waiting }
            switch checks[record.id] {
            case nil: try askTargets(record)
            case .askingTargets, .gatheringFacts: break
            case .accepted:
                let lead = windows.downloadStart(now, lead: .seconds(Int64(order.leadSeconds))) ?? now
                if lead > now { return min(lead, end) }
                checks[record.id] = nil
                try transition(&record, .startDownload)
                return try advanceBeforeInstall(&record)
            }
            return end
        case .downloading:
            if record.notBefore > machineNow { return waiting }
            guard let package = record.package else { throw Self.damaged(record) }
            if downloading == nil, link != nil {
                downloading = record.id
                effects.append(.download(record.id, package))
            }
            return end
        default:
            guard windowStart <= now else {
                if record.state == .downloaded { try transition(&record, .waitForWindow) }
                return min(windowStart, end)
            }
            // One install at a time; the check is asked right before it.
            guard performing == nil, try !isAnyChanging(but: record.id) else { return end }
            if checks[record.id] == nil, record.notBefore <= machineNow { try askTargets(record) }
            return record.notBefore > machineNow ? waiting : end
        }
    }

    private mutating func refuse(_ record: inout ActionRecord, _ why: String) throws -> UnixTime? {
        if downloading == record.id {
            downloading = nil
            effects.append(.stopDownload(record.id))
        }
        checks[record.id] = nil
        try transition(&record, .refuse, reasons: [Reason(.orderExpired, why)], detail: why)
        return nil
    }

    private func isAnyChanging(but action: ActionID) throws -> Bool {
        try store.openActions().contains { $0.id != action && $0.state.isChanging }
    }

    /// A download ended: the package is there, or it is tried again a bounded number of times.
    mutating func handle(_ outcome: DownloadOutcome, of action: ActionID) throws {
        if downloading == action { downloading = nil }
        guard var record = try store.action(action), record.state == .downloading else { return }
        guard let path = record.package?.path else { throw Self.damaged(record) }
        let product = path.product
        switch outcome {
        case .complete:
            try store.setWarning(product, false)
            record.failures = 0
            record.notBefore = .distantPast
            try transition(&record, .finishDownload)
        case .notYet(let why, let wait):
            // A spoke that fetches over a slow link, or repairs what its disk has damaged, may need longer than all attempts together; the order's end is the
            // bound.
            try store.setWarning(product, true)
            record.notBefore = machineNow + wait + .milliseconds(Int64.random(in: 0...1000, using: &random))
            try store.save(record)
            effects.append(.log(.info, "\(path) is waited for: \(why)"))
        case .mismatch, .failed:
            try store.setWarning(product, true)
            var why = "the bytes that came are not the signed ones"
            if case .failed(let text) = outcome { why = text }
            if outcome == .mismatch { try reportAttack(.hashMismatch, "\(path): \(why)") }
            // A broken link is no failure of the transfer: it goes on when there is a link again.
            if link == nil { return try store.save(record) }
            record.failures += 1
            guard let delay = Self.transferRetry.delay(afterFailure: record.failures, using: &random) else {
                return try transition(&record, .fail, detail: "the download failed \(record.failures) times: \(why)")
            }
            record.notBefore = machineNow + delay
            try store.save(record)
            effects.append(.log(.warning, "the download of \(path) will be tried again: \(why)"))
        }
    }

    // MARK: States

    /// Moves an action on by an event, journals it and queues the report of it in the same transaction.
    mutating func transition(
        _ record: inout ActionRecord, _ event: AgentActionEvent, reasons: [Reason] = [], notes: [Note] = [],
        detail: String = "", attack: AttackSeen? = nil
    ) throws {
        guard let next = AgentActionMachine.next(record.state, event) else {
            return effects.append(.log(.error, "\(event.rawValue) is not allowed while \(record.state.name)"))
        }
        record.state = next
        if !detail.isEmpty { record.detail = Event.singleLine(detail, limit: 1024) }
        try store.save(record)
        if next.isFinal {
            checks[record.id] = nil
            if performing?.action == record.id { performing = nil }
            factsDue = machineNow
        }
        try report(record, reasons: reasons, notes: notes, detail: detail, attack: attack)
    }

    static func damaged(_ record: ActionRecord) -> AgentError {
        AgentError(.storeDamaged, "the journal of \(record.id) lacks its package")
    }
}
