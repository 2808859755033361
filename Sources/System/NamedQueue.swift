internal import Dispatch

/// A serial queue with a name, for work that blocks: disk, SQLite, name look-ups.
///
/// Jobs run one after the other in the order of arrival, on a thread that is not of the cooperative pool. It is an
/// executor too: an actor that answers it as `unownedExecutor` runs its methods here.
package final class NamedQueue: SerialExecutor {
    package let name: String
    private let queue: DispatchQueue

    package init(_ name: String) {
        self.name = name
        queue = DispatchQueue(label: "axle.\(name)")
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    package func checkIsolated() {
        dispatchPrecondition(condition: .onQueue(queue))
    }

    /// Runs blocking work here and awaits its result; the caller's thread is free meanwhile.
    ///
    /// Work that has begun is not cancelled: a write that was started is finished.
    package func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try work() }) }
        }
    }

    /// Runs blocking work here that cannot fail, and awaits its result.
    package func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }

    /// Puts work at the end of the queue and returns at once.
    package func submit(_ work: @escaping @Sendable () -> Void) {
        queue.async(execute: work)
    }

    /// Runs work here and waits, blocking the calling thread: for programs and tests, never in `async` code.
    package func wait<Value: Sendable>(_ work: @Sendable () throws -> Value) rethrows -> Value {
        try queue.sync(execute: work)
    }
}
