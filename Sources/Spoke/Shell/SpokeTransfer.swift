internal import Content
internal import Model
internal import Protocol
internal import Storage
internal import System
internal import Transport

/// One package on its way from the hub into the pool by a plan: room first, then the bytes that are missing, then the hash, then the name.
///
/// A patch or a chunk delta is an object of its own, fetched so; then the content is made of its base by it, and counts with its signed hash only.
struct SpokeTransfer {
    let replica: WantedReplica
    let plan: TransferPlan
    let pool: any PackagePool
    let disk: NamedQueue
    let links: Links
    /// Makes contents, on a queue of its own.
    let making: NamedQueue
    let intake: ContentIntake
    /// Hears how much of what is fetched is here, at most once a second.
    let progress: @Sendable (UInt64) -> Void

    /// Runs to its end; what arrived stays for the next attempt unless its hash is wrong.
    func run(from hub: LinkID) async -> TransferOutcome {
        switch plan {
        case .published: return await object(replica.sha256, length: replica.length, from: hub)
        case .content:
            guard let content = replica.content else { return .planFailed("the content is not known") }
            return Self.planned(await object(content.sha256, length: content.length.bytes, from: hub))
        case .patch(let patch, let length, let base, _):
            guard let content = replica.content else { return .planFailed("the content is not known") }
            // The room for what the patch gives is held before a byte of it is fetched.
            let room: Reservation
            switch await reserve(content.sha256, length: content.length.bytes) {
            case .success(let reservation): room = reservation
            case .failure(let failure): return failure.outcome
            }
            let outcome = Self.planned(await object(patch, length: length, from: hub))
            guard outcome == .verified else {
                let pool = pool
                await disk.run { pool.abandon(room, keepingBytes: true) }
                return outcome
            }
            return await apply(patch, base, room)
        }
    }

    /// What the end of fetching something means where it was not the published file.
    private static func planned(_ outcome: TransferOutcome) -> TransferOutcome {
        outcome == .hashMismatch ? .planFailed("its bytes have another hash than the plan says") : outcome
    }

    /// Why there is no room: how the transfer ends.
    private struct NoReservation: Error {
        let outcome: TransferOutcome
    }

    private func reserve(_ sha256: SHA256Digest, length: UInt64) async -> Result<Reservation, NoReservation> {
        let pool = pool
        do {
            return .success(try await disk.run { try pool.reserve(sha256, length: ByteCount(length)) })
        } catch let error as StorageError {
            return .failure(NoReservation(outcome: Self.outcome(of: error)))
        } catch {
            return .failure(NoReservation(outcome: .interrupted("\(error)")))
        }
    }

    private func apply(_ patch: SHA256Digest, _ base: PackageContent, _ room: Reservation) async -> TransferOutcome {
        guard let content = replica.content else { return .planFailed("the content is not known") }
        let (pool, intake) = (pool, intake)
        do {
            try await making.run {
                try intake.patch(
                    ContentIdentity(base), by: patch, to: ContentIdentity(content), from: pool, into: pool,
                    reserved: room)
            }
            return .verified
        } catch let error as StorageError where error.isFull {
            return Self.outcome(of: error)
        } catch let error as StorageError where error == .hashMismatch(resumed: false) {
            return .planFailed("it gives another content than the catalog signs")
        } catch {
            return .planFailed("\(error)")
        }
    }

    /// Fetches one object of the pool by its hash.
    private func object(_ sha256: SHA256Digest, length: UInt64, from hub: LinkID) async -> TransferOutcome {
        let pool = pool
        let reservation: Reservation
        switch await reserve(sha256, length: length) {
        case .success(let room): reservation = room
        case .failure(let failure): return failure.outcome
        }
        let outcome = await fetch(reservation, from: hub)
        if outcome != .verified {
            await disk.run { pool.abandon(reservation, keepingBytes: outcome != .hashMismatch) }
        }
        return outcome
    }

    private func fetch(_ reservation: Reservation, from hub: LinkID) async -> TransferOutcome {
        let (pool, progress) = (pool, progress)
        let length = reservation.length.bytes
        let request = FetchPackage(
            path: replica.path, sha256: reservation.digest, length: length, offset: reservation.resumeOffset.bytes)
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
            if reservation.resumeOffset.bytes < length {
                _ = try await links.fetch(
                    hub, .fetchPackage(request), priority: Priority(rawValue: replica.priority), limit: length,
                    into: sink)
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
        // What a power cut left of an attempt before is nobody's fault.
        case .hashMismatch(resumed: true): .interrupted("what was here from an attempt before was damaged and is gone")
        case .hashMismatch: .hashMismatch
        case .quotaExceeded, .noPool, .diskFull, .scratchFull:
            .noRoom(error.description, lacking: error.lacking?.bytes ?? .zero, pool: error.lacking?.pool)
        default: .interrupted(error.description)
        }
    }
}

extension ContentIdentity {
    /// What was signed of a content.
    init(_ content: PackageContent) {
        self.init(length: content.length.bytes, sha256: content.sha256)
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
