internal import Synchronization
package import System

/// A few event loops among which connections are spread.
package final class EventLoopGroup: Sendable {
    package let loops: [EventLoop]
    private let turn = Atomic<Int>(0)

    /// Starts the loops. One is enough for an agent; two serve a hub or spoke on small machines.
    package init(_ name: String = "loop", count: Int) throws(SystemError) {
        var loops: [EventLoop] = []
        for index in 0..<max(1, min(count, 64)) { loops.append(try EventLoop("\(name)-\(index)")) }
        self.loops = loops
    }

    /// The loops in turn.
    package func next() -> EventLoop {
        let ticket = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(UInt(bitPattern: ticket) % UInt(loops.count))]
    }

    /// Ends all loops; see `EventLoop.stop`.
    package func stop() {
        for loop in loops { loop.stop() }
    }
}
