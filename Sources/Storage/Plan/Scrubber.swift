package import Model
import System

/// Reads one unit of a pool at the schedule's pace and mends what it finds; the shell around `ScrubSchedule`.
///
/// Blocks while it reads and pauses: call it on a queue of its own. Thread rule: one call at a time.
package struct Scrubber: Sendable {
    /// What a unit's reading led to.
    package struct Outcome: Hashable, Sendable {
        /// Found damaged, marked and withheld.
        package var corrupt: [SHA256Digest] = []
        /// Made whole again from the source.
        package var repaired: [SHA256Digest] = []
        /// Bytes that were read, and bytes fetched for repairs.
        package var read = ByteCount.zero
        package var fetched = ByteCount.zero
        /// What went wrong, a sentence each.
        package var failures: [String] = []

        package init() {}
    }

    private let pool: any PackagePool
    private let source: (any RepairSource)?
    private let length: @Sendable (SHA256Digest) -> ByteCount?
    private let sleep: @Sendable (Duration) -> Void

    /// `length` gives a package's signed length; without a source, or for an unknown package, nothing is repaired.
    package init(
        pool: any PackagePool, source: (any RepairSource)?,
        length: @escaping @Sendable (SHA256Digest) -> ByteCount?,
        sleep: @escaping @Sendable (Duration) -> Void = { NativeThread.sleep($0) }
    ) {
        self.pool = pool
        self.source = source
        self.length = length
        self.sleep = sleep
    }

    /// Reads the unit, then repairs all packages that are marked corrupt.
    package func run(_ unit: ScrubUnit, _ schedule: ScrubSchedule) -> Outcome {
        var outcome = Outcome()
        var pending = ByteCount.zero
        var began = SystemClock.uptime
        do throws(StorageError) {
            outcome.corrupt = try pool.scrub(unit) { bytes in
                outcome.read += bytes
                pending += bytes
                guard pending.bytes >= 1 << 20 else { return }
                let wait = schedule.pause(after: pending, taking: SystemClock.uptime - began)
                if wait > .zero { sleep(wait) }
                pending = .zero
                began = SystemClock.uptime
            }
        } catch {
            outcome.failures.append("\(unit) could not be read: \(error)")
        }
        repair(&outcome)
        return outcome
    }

    private func repair(_ outcome: inout Outcome) {
        guard let source else { return }
        for (digest, mark) in pool.marks().sorted(by: { $0.key < $1.key }) where mark == .corrupt {
            guard let length = length(digest) else { continue }
            do throws(StorageError) {
                outcome.fetched += try pool.repair(digest, length: length, from: source).fetched
                outcome.repaired.append(digest)
            } catch {
                outcome.failures.append("package \(digest) could not be repaired: \(error)")
            }
        }
    }
}
