/// How many records without data a peer may still send: key updates, tickets, empty records.
///
/// Each costs this side more than it costs the peer, and none makes progress. A connection may send `most` of them, and one
/// more for each `bytesForEach` bytes of data: a peer that changes its key as often as any implementation does never notices.
package struct EmptyRecordLimit: Sendable {
    package static let most = 32
    package static let bytesForEach = 64 * 1024

    package private(set) var left = most
    /// Data that has not earned a record yet.
    private var bytes = 0

    package init() {}

    /// Data came; at most one record's.
    package mutating func count(data count: Int) {
        guard left < Self.most else { return }
        bytes += count
        guard bytes >= Self.bytesForEach else { return }
        left = min(Self.most, left + bytes / Self.bytesForEach)
        bytes %= Self.bytesForEach
    }

    /// A record without data came; false if that was one too many.
    package mutating func take() -> Bool {
        guard left > 0 else { return false }
        left -= 1
        return true
    }
}
