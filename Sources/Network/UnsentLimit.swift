/// How many bytes may wait unsent in the kernel beyond those in flight (`TCP_NOTSENT_LOWAT`), learnt from how fast they leave.
///
/// Much of it spares a fast link the wake-ups: a sender that sleeps every 128 KiB is woken thousands of times a second, and both ends wait for it.
/// Little of it lets an urgent message overtake on a slow one. The kernel says that there is room when half of it has left; that shall take some
/// milliseconds.
package struct UnsentLimit: Sendable, Equatable {
    /// Bytes, from `least` to `most`.
    package private(set) var bytes: Int32
    /// When there was no room, in nanoseconds of uptime.
    private var fullSince: Int64 = 0

    package static let least: Int32 = 64 * 1024
    package static let most: Int32 = 4 * 1024 * 1024
    /// Half of it leaves no faster and no slower than this, where the range allows it.
    static let fastest: Duration = .milliseconds(2)
    static let slowest: Duration = .milliseconds(50)

    package init(_ bytes: Int32) {
        self.bytes = min(max(bytes, Self.least), Self.most)
    }

    /// There is no room for more.
    package mutating func full(at now: Int64) {
        fullSince = now
    }

    /// There is room again; the limit if it changes by that.
    package mutating func hasRoom(at now: Int64) -> Int32? {
        let time = Duration.nanoseconds(now - fullSince)
        let before = bytes
        if time < Self.fastest { bytes = min(bytes * 2, Self.most) }
        if time > Self.slowest { bytes = max(bytes / 2, Self.least) }
        return bytes == before ? nil : bytes
    }
}
