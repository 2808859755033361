internal import Model
internal import Protocol
internal import Rollout
internal import Trust

/// Downloads of packages: one at a time, each tried again a bounded number of times.
///
/// Remembers the action whose package is coming.
struct Downloads {
    private var current: ActionID?

    /// Begins a download, unless one is under way or there is no link.
    mutating func begin(_ action: ActionID, _ package: Package, _ turn: inout AgentTurn) {
        guard current == nil, turn.uplink.isOpen else { return }
        current = action
        turn.effect(.download(action, package))
    }

    /// Stops an action's download, if that is under way.
    mutating func stop(_ action: ActionID, _ turn: inout AgentTurn) {
        guard current == action else { return }
        current = nil
        turn.effect(.stopDownload(action))
    }

    /// A download ended: the package is there, or it is tried again.
    mutating func ended(_ outcome: DownloadOutcome, of action: ActionID, _ turn: inout AgentTurn) throws {
        if current == action { current = nil }
        guard var record = try turn.store.action(action), case .downloading(let package) = record.stage else { return }
        let path = package.path
        switch outcome {
        case .complete:
            try turn.store.setWarning(path.product, false)
            record.beginAttempts()
            try Journal.move(&record, by: .finishDownload, to: .downloaded(package), &turn)
        case .notYet(let why, let wait):
            // A spoke that fetches over a slow link, or repairs what its disk has damaged, may need
            // longer than all attempts together; the order's end is the bound.
            try turn.store.setWarning(path.product, true)
            let spread = Duration.milliseconds(Int64.random(in: 0...1000, using: &turn.random))
            record.notBefore = turn.machine + wait + spread
            try turn.store.save(record)
            turn.log(.info, "\(path) is waited for: \(why)")
        case .mismatch:
            let why = "the bytes that came are not the signed ones"
            try turn.store.setWarning(path.product, true)
            try turn.reportAttack(.hashMismatch, "\(path): \(why)")
            try failed(&record, path, why, &turn)
        case .failed(let why):
            try turn.store.setWarning(path.product, true)
            try failed(&record, path, why, &turn)
        }
    }

    private func failed(
        _ record: inout ActionRecord, _ path: TargetPath, _ why: String, _ turn: inout AgentTurn
    ) throws {
        // A broken link is no failure of the transfer, which continues on the next link.
        guard turn.uplink.isOpen else { return try turn.store.save(record) }
        record.failures += 1
        guard let delay = RetryPolicy.transfer.delay(afterFailure: record.failures, using: &turn.random) else {
            return try Journal.move(
                &record, by: .fail, to: record.stage.ended(.failed),
                detail: "the download failed \(record.failures) times: \(why)", &turn)
        }
        record.notBefore = turn.machine + delay
        try turn.store.save(record)
        turn.log(.warning, "the download of \(path) will be tried again: \(why)")
    }
}
