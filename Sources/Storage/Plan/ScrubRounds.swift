package import Model
import System

/// Scrubs a pool by its schedule for as long as this lives, and reads all of it when it is asked to; one unit at a time, on a queue of its own.
///
/// How far the round is stands in a file, so that a restart goes on with it. What is damaged is marked and withheld by the pool and told; whoever owns the pool
/// has it repaired. Thread rule: any thread.
package final class ScrubRounds: Sendable {
    /// What reading found, told on the scrub's queue.
    package typealias Found = @Sendable (Scrubber.Outcome) -> Void

    /// How often a pool that has nothing to read is looked at again.
    private static let longestWait = Duration.seconds(600)

    private let pool: any PackagePool
    private let scrubber: Scrubber
    private let file: String
    private let now: @Sendable () -> UnixTime
    private let queue: NamedQueue
    private let schedule: NativeLock<ScrubSchedule>
    private let loop = NativeLock<Task<Void, Never>?>(nil)

    /// `file` says where the round is; one that cannot be read begins a new round.
    package init(
        pool: any PackagePool, file: String, period: Duration = ScrubSchedule.standardPeriod,
        rate: ByteCount = ScrubSchedule.standardRate, now: @escaping @Sendable () -> UnixTime,
        sleep: @escaping @Sendable (Duration) -> Void = { NativeThread.sleep($0) }
    ) {
        self.pool = pool
        self.file = file
        self.now = now
        queue = NamedQueue("pool.scrub")
        scrubber = Scrubber(pool: pool, source: nil, length: { _ in nil }, sleep: sleep)
        let (began, done) = Self.read(file) ?? (now(), 0)
        // A clock that was set back must not make it wait for the old time.
        schedule = NativeLock(ScrubSchedule(began: min(began, now()), done: done, period: period, rate: rate))
    }

    deinit { loop.withLock { $0?.cancel() } }

    /// Begins to scrub; ends when this goes away or `stop` is called.
    package func start(_ found: @escaping Found) {
        let task = Task { [weak self, queue] in
            while !Task.isCancelled {
                guard let wait = await queue.run({ [weak self] in self?.step(found) }) else { return }
                // Cancelled with its owner.
                try? await Task.sleep(for: min(max(wait, .milliseconds(10)), Self.longestWait))
            }
        }
        loop.withLock { old in
            old?.cancel()
            old = task
        }
    }

    package func stop() {
        loop.withLock { $0?.cancel() }
    }

    /// Reads the unit that is due, if one is, and notes it; says how long nothing is due.
    package func step(_ found: (Scrubber.Outcome) -> Void) -> Duration {
        let units = pool.scrubUnits()
        var schedule = schedule.withLock { $0 }
        schedule.renew(of: units, at: now())
        switch schedule.next(of: units, at: now()) {
        case .wait(let time):
            keep(schedule)
            return max(time - now(), .zero)
        case .read(let unit):
            let outcome = scrubber.run(unit, schedule)
            schedule.finished(of: units, at: now())
            keep(schedule)
            if !outcome.corrupt.isEmpty || !outcome.failures.isEmpty { found(outcome) }
            return .zero
        }
    }

    /// Compares books and storage of the pool, or of a part of it, and with `readsData` reads everything at once, at no measured pace; `progress` hears at most once a second how far it is.
    package func check(
        readsData: Bool, of part: (any PackagePool)? = nil,
        progress: @escaping @Sendable (PoolCheck, _ total: ByteCount) -> Void
    ) async -> PoolCheck {
        await queue.run { [pool = part ?? pool] in
            var check = pool.check(readData: false)
            guard readsData else { return check }
            let total = pool.account().used
            var told = SystemClock.uptime
            for unit in pool.scrubUnits() {
                do throws(StorageError) {
                    check.found(
                        try pool.scrub(unit) { bytes in
                            check.bytesRead += bytes
                            guard SystemClock.uptime - told >= .seconds(1) else { return }
                            told = SystemClock.uptime
                            progress(check, total)
                        })
                } catch {
                    check.problems.append("\(unit) could not be read: \(error)")
                }
            }
            return check
        }
    }

    private func keep(_ schedule: ScrubSchedule) {
        let isNew = self.schedule.withLock { known in
            defer { known = schedule }
            return known != schedule || !File.exists(file)
        }
        guard isNew else { return }
        // Without the note the round begins again after a restart, which costs reading and nothing else.
        try? AtomicFile.write("axle scrub 1\n\(schedule.began.milliseconds) \(schedule.done)\n", to: file, mode: 0o600)
    }

    private static func read(_ file: String) -> (UnixTime, Int)? {
        // What cannot be read is no note.
        guard let bytes = try? File.read(file, limit: 256) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let words = lines.last?.split(separator: " ") ?? []
        guard lines.count == 2, lines.first == "axle scrub 1", words.count == 2, let began = Int64(words[0]),
            let done = Int(words[1]), done >= 0, (0...1 << 53).contains(began)
        else { return nil }
        return (UnixTime(milliseconds: began), done)
    }
}
