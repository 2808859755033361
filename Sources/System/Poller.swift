internal import CLinux

/// Waits for many descriptors at once (epoll(7), level-triggered), and can be woken from any thread.
///
/// `add`, `change`, `remove` and `wait` belong to one thread; `wake` may be called from every thread.
package final class Poller: Sendable {
    /// What a descriptor is ready for, or what is waited for.
    package struct Readiness: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let read = Readiness(rawValue: 0x001)
        package static let write = Readiness(rawValue: 0x004)
        /// The connection broke; reported without being asked for.
        package static let failed = Readiness(rawValue: 0x008)
        /// The connection ended in both directions; reported without being asked for.
        package static let hungUp = Readiness(rawValue: 0x010)
    }

    private let epoll: FileDescriptor
    private let waker: FileDescriptor
    private let wakerToken = UInt64.max

    package init() throws(SystemError) {
        epoll = FileDescriptor(takingOwnership: try retrying("epoll_create") { axle_epoll_create() })
        waker = FileDescriptor(takingOwnership: try retrying("eventfd") { axle_eventfd() })
        try add(waker.number, .read, token: wakerToken)
    }

    /// Waits for a descriptor from now on; `token` comes with its events (all bits set is taken).
    package func add(_ number: Int32, _ interest: Readiness, token: UInt64) throws(SystemError) {
        try retrying("epoll_ctl") { axle_epoll_control(epoll.number, 1, number, interest.rawValue, token) }
    }

    /// Waits for something else.
    package func change(_ number: Int32, _ interest: Readiness, token: UInt64) throws(SystemError) {
        try retrying("epoll_ctl") { axle_epoll_control(epoll.number, 3, number, interest.rawValue, token) }
    }

    /// Waits no longer; before the descriptor is closed.
    package func remove(_ number: Int32) {
        // It may be gone already with its descriptor.
        _ = axle_epoll_control(epoll.number, 2, number, 0, 0)
    }

    /// Waits at most `timeout` (nil: without end) and calls `body` for each ready descriptor.
    package func wait(timeout: Duration?, _ body: (_ token: UInt64, _ readiness: Readiness) -> Void) {
        let capacity = 256
        withUnsafeTemporaryAllocation(of: axle_ready.self, capacity: capacity) { ready in
            let wait = timeout.map { milliseconds($0) } ?? -1
            let count = Int(axle_epoll_wait(epoll.number, ready.baseAddress, Int32(capacity), wait))
            // An interrupted wait is an early one.
            guard count > 0 else { return }
            for index in 0..<count {
                let event = ready[index]
                if event.data == wakerToken {
                    var value: UInt64 = 0
                    withUnsafeMutableBytes(of: &value) { buffer in
                        // Reading resets it; a second waker may have been quicker.
                        _ = try? waker.read(into: buffer)
                    }
                } else {
                    body(event.data, Readiness(rawValue: event.events))
                }
            }
        }
    }

    /// Ends the wait that is on or the next one, from any thread.
    package func wake() {
        var one: UInt64 = 1
        withUnsafeBytes(of: &one) { buffer in
            // Full means that the wake-up is already on its way.
            _ = try? waker.writeSome(buffer)
        }
    }
}
