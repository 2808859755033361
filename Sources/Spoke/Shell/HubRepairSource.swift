internal import Model
internal import Protocol
internal import Storage
internal import System
internal import Transport

/// A package at the hub, read in stretches for a repair: each is a fetch from an offset on that is broken off when the stretch is here.
struct HubRepairSource: RepairSource {
    /// How long one stretch of at most a MiB may take.
    private static let patience = Duration.seconds(900)

    let replica: WantedReplica
    let hub: LinkID
    let links: Links
    /// Where pieces are taken in.
    let queue: NamedQueue

    /// What was asked for is here; the rest of the answer is not taken.
    private struct Enough: Error {}

    /// Mends the replica; blocks.
    func repair(in pool: any PackagePool) -> TransferOutcome {
        do throws(StorageError) {
            let report = try pool.repair(replica.sha256, length: ByteCount(replica.length), from: self)
            return .repaired(fetched: report.fetched)
        } catch {
            return switch error {
            case .sourceFailed(let why): .interrupted(why)
            case .quotaExceeded, .diskFull, .noPool: .noRoom(error.description)
            // Nothing of it can be used: all of it is fetched.
            case .hashMismatch, .notHeld, .corrupt: .hashMismatch
            default: .interrupted(error.description)
            }
        }
    }

    func read(_ digest: SHA256Digest, at offset: ByteCount, count: Int) throws -> [UInt8] {
        let found = NativeLock<[UInt8]>([])
        let sink = BulkSink.writer(queue) { bytes, _ in
            let isEnough = found.withLock { found in
                found += bytes.prefix(count - found.count)
                return found.count == count
            }
            if isEnough { throw Enough() }
        }
        let request = FetchPackage(
            path: replica.path, sha256: replica.sha256, length: replica.length, offset: offset.bytes)
        let (links, hub, length) = (links, hub, replica.length)
        do {
            _ = try BlockingWait.run(timeout: Self.patience) {
                try await links.fetch(hub, .fetchPackage(request), limit: length, into: sink)
            }
        } catch {
            // Broken off by ourselves.
            guard found.withLock({ $0.count }) == count else { throw error }
        }
        return found.withLock { $0 }
    }
}
