internal import Model
internal import Protocol
internal import System

/// The limit of one link, or of several that share it: who wants to send bulk reserves a piece and waits for its time. May be used from every thread.
final class Pacer: Sendable {
    /// Bytes in one reservation.
    let quantum: Int
    private let bucket: NativeLock<TokenBucket>

    init(_ rate: BitRate) {
        let bucket = TokenBucket(rate)
        quantum = bucket.quantum
        self.bucket = NativeLock(bucket)
    }

    /// The uptime from which the next `quantum` bytes may go.
    func reserve(at now: Duration) -> Duration {
        bucket.withLock { $0.reserve(at: now) }
    }
}
