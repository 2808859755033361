internal import Glibc

extension SystemClock {
    /// Blocks the calling thread for a while; never on the cooperative pool.
    package static func pause(_ wait: Duration) {
        // Whoever interrupts a pause wants it over.
        _ = poll(nil, 0, milliseconds(wait))
    }
}
