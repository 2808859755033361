internal import Dispatch

/// A serial lane for computing beside the caller: at most `limit` jobs wait in it, and who brings one more waits for room.
///
/// For short work that ends by itself (a hash, a compression), never for waiting on anything outside; so its waits need no time-out.
package final class WorkLane: Sendable {
    private let queue: DispatchQueue
    private let room: DispatchSemaphore

    package init(_ name: String, limit: Int) {
        queue = DispatchQueue(label: "axle.\(name)")
        room = DispatchSemaphore(value: limit)
    }

    /// Puts a job at the end; blocks while the lane is full.
    package func submit(_ work: @escaping @Sendable () -> Void) {
        room.wait()
        queue.async {
            work()
            self.room.signal()
        }
    }

    /// Puts a job at the end, whose value is asked for later.
    package func compute<Value: Sendable>(_ work: @escaping @Sendable () -> Value) -> WorkResult<Value> {
        let result = WorkResult<Value>()
        submit { result.set(work()) }
        return result
    }

    /// Returns when all that was put in before is done.
    package func drain() {
        queue.sync {}
    }
}

/// The value of a job that may not be done yet.
package final class WorkResult<Value: Sendable>: Sendable {
    private let done = DispatchSemaphore(value: 0)
    private let value = NativeLock<Value?>(nil)

    fileprivate init() {}

    fileprivate func set(_ value: Value) {
        self.value.withLock { $0 = value }
        done.signal()
    }

    /// Waits for the value; any number of times.
    package func get() -> Value {
        while true {
            done.wait()
            done.signal()
            if let value = value.withLock({ $0 }) { return value }
        }
    }
}
