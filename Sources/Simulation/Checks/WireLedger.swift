internal import Model

/// What went from the hub to spokes for each package, to compare with what the hub says of it.
struct WireLedger {
    private struct Key: Hashable {
        let spoke: NodeID
        let path: TargetPath
    }

    private struct Item {
        /// Bytes that the hub has sent, all told.
        var sent: UInt64 = 0
        /// Bytes of the fetch that completed the last object, and when it came.
        var came: (bytes: UInt64, at: UnixTime)?
    }

    private var items: [Key: Item] = [:]
    private var hubEnded: UnixTime?
    /// What a hub sent within this time of its end may not be written down, and may still be on its way.
    private static let margin: Duration = .seconds(10)

    mutating func sends(_ path: TargetPath, to spoke: NodeID, _ bytes: UInt64) {
        items[Key(spoke: spoke, path: path), default: Item()].sent += bytes
    }

    mutating func came(_ path: TargetPath, at spoke: NodeID, _ bytes: UInt64, now: UnixTime) {
        let isCounted = hubEnded.map { now - $0 > Self.margin } ?? true
        items[Key(spoke: spoke, path: path), default: Item()].came = isCounted ? (bytes, now) : nil
    }

    /// The package has left the pool: the hub begins to count anew.
    mutating func forget(_ path: TargetPath, at spoke: NodeID) { items[Key(spoke: spoke, path: path)]?.came = nil }

    /// The hub's process has ended: it may not have written down what it sent last.
    mutating func hubEnds(now: UnixTime) {
        hubEnded = now
        for (key, item) in items {
            if let came = item.came, now - came.at < Self.margin { items[key]?.came = nil }
        }
    }

    /// What the hub may say that it sent: all that it did, and at least what brought the package here.
    func bounds(_ path: TargetPath, at spoke: NodeID) -> ClosedRange<UInt64> {
        let item = items[Key(spoke: spoke, path: path)] ?? Item()
        return min(item.came?.bytes ?? 0, item.sent)...item.sent
    }
}
