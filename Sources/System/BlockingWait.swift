internal import Dispatch

/// Asynchronous work for a thread that may block, such as a named queue's: never to be used in `async` code.
package enum BlockingWait {
    /// Nothing came in time; the work was cancelled.
    package struct TimedOut: Error, CustomStringConvertible {
        package var description: String { "no answer came in time" }
    }

    /// Runs `work` and waits for its end, `timeout` at the most.
    package static func run<Value: Sendable>(
        timeout: Duration, _ work: @escaping @Sendable () async throws -> Value
    ) throws -> Value {
        let result = NativeLock<Result<Value, any Error>?>(nil)
        let done = DispatchSemaphore(value: 0)
        let task = Task {
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await work()) } catch { outcome = .failure(error) }
            result.withLock { $0 = outcome }
            done.signal()
        }
        let milliseconds = Int(
            clamping: timeout / .milliseconds(1) > 1e12 ? Int64.max : Int64(timeout / .milliseconds(1)))
        guard done.wait(timeout: .now() + .milliseconds(min(milliseconds, 86_400_000))) == .success,
            let outcome = result.withLock({ $0 })
        else {
            task.cancel()
            throw TimedOut()
        }
        return try outcome.get()
    }
}
