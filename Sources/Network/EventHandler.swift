package import System

/// Hears that a descriptor is ready; called on its loop, must not block.
package protocol EventHandler: AnyObject {
    func ready(_ readiness: Poller.Readiness)
}

/// A descriptor's place in a loop; worth nothing after `deregister`.
package struct Registration: Sendable {
    let number: Int32
    let token: UInt64
}

/// Hears that its timer is due; called on its loop, must not block.
package protocol TimerHandler: AnyObject {
    func timerFired(_ timer: LoopTimer)
}

/// One alarm of a loop, used again and again; belongs to the loop's thread.
///
/// It keeps its handler alive only while it is scheduled.
package final class LoopTimer {
    var deadline: Int64 = 0
    /// Its place in the heap, -1 when it is not scheduled.
    var index = -1
    var handler: (any TimerHandler)?

    package init() {}

    package var isScheduled: Bool { index >= 0 }
}
