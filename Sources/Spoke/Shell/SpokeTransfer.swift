internal import Model
internal import Protocol
internal import Storage
internal import System
internal import Transport

/// One package on its way from the hub into the pool: room first, then the bytes that are missing, then the hash, then the name.
struct SpokeTransfer {
    let replica: WantedReplica
    let pool: any PackagePool
    let disk: NamedQueue
    let links: Links
    /// Hears how much is here, at most once a second.
    let progress: @Sendable (UInt64) -> Void

    /// Runs to its end; what arrived stays for the next attempt unless its hash is wrong.
    func run(from hub: LinkID) async -> TransferOutcome {
        let (replica, pool, disk) = (replica, pool, disk)
        let reservation: Reservation
        do {
            reservation = try await disk.run {
                try pool.reserve(replica.sha256, length: ByteCount(replica.length))
            }
        } catch let error as StorageError {
            return Self.outcome(of: error)
        } catch {
            return .interrupted("\(error)")
        }
        let outcome = await fetch(reservation, from: hub)
        if outcome != .verified {
            await disk.run { pool.abandon(reservation, keepingBytes: outcome != .hashMismatch) }
        }
        return outcome
    }

    private func fetch(_ reservation: Reservation, from hub: LinkID) async -> TransferOutcome {
        let (pool, progress) = (pool, progress)
        let request = FetchPackage(
            path: replica.path, sha256: replica.sha256, length: replica.length,
            offset: reservation.resumeOffset.bytes)
        let failure = NativeLock<StorageError?>(nil)
        let pace = ProgressPace()
        do {
            let sink = BulkSink.writer(disk) { bytes, offset in
                do throws(StorageError) {
                    try pool.write(reservation, at: ByteCount(offset), RawSpan(_unsafeBytes: bytes))
                } catch {
                    failure.withLock { $0 = error }
                    throw error
                }
                if pace.isDue() { progress(offset + UInt64(bytes.count)) }
            }
            if reservation.resumeOffset.bytes < replica.length {
                _ = try await links.fetch(
                    hub, .fetchPackage(request), priority: Priority(rawValue: replica.priority),
                    limit: replica.length, into: sink)
            }
            try await disk.run { try pool.publish(reservation) }
            return .verified
        } catch let error as StorageError {
            return Self.outcome(of: error)
        } catch {
            if let stored = failure.withLock({ $0 }) { return Self.outcome(of: stored) }
            return .interrupted("\(error)")
        }
    }

    private static func outcome(of error: StorageError) -> TransferOutcome {
        switch error {
        case .alreadyHeld: .verified
        case .hashMismatch: .hashMismatch
        case .quotaExceeded, .diskFull: .noRoom(error.description)
        default: .interrupted(error.description)
        }
    }
}

/// Lets one call a second through.
private final class ProgressPace: Sendable {
    private let last = NativeLock(SystemClock.uptime)

    func isDue() -> Bool {
        let now = SystemClock.uptime
        return last.withLock { last in
            guard now - last >= .seconds(1) else { return false }
            last = now
            return true
        }
    }
}
