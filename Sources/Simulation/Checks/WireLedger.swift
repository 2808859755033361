internal import Model

/// What spokes asked for and got for each package, to compare with what the hub says that it sent.
struct WireLedger {
    private struct Key: Hashable {
        let spoke: String
        let package: SHA256Digest
    }

    private struct Asked {
        var last: SHA256Digest?
        /// Bytes of all objects that were asked for, one that was asked for again in a row once.
        var all: UInt64 = 0
        /// Of each means the shortest object: the hub counts a means once in a row, whatever the object.
        var shortest: [TransferMeans: UInt64] = [:]
        /// How the package came, since it was dropped last.
        var came: TransferMeans?
    }

    private var asked: [Key: Asked] = [:]

    mutating func asks(
        _ spoke: String, _ package: SHA256Digest, _ means: TransferMeans, _ object: SHA256Digest, _ length: UInt64
    ) {
        var item = asked[Key(spoke: spoke, package: package)] ?? Asked()
        if item.last != object { item.all += length }
        item.last = object
        item.shortest[means] = min(item.shortest[means] ?? length, length)
        asked[Key(spoke: spoke, package: package)] = item
    }

    mutating func came(_ spoke: String, _ package: SHA256Digest, _ means: TransferMeans) {
        asked[Key(spoke: spoke, package: package)]?.came = means
    }

    /// The package has left the pool: the hub begins to count anew, and what is asked for again counts again.
    mutating func forget(_ spoke: String, _ package: SHA256Digest) {
        asked[Key(spoke: spoke, package: package)]?.came = nil
        asked[Key(spoke: spoke, package: package)]?.last = nil
    }

    /// What the hub may say that it sent; an object whose request was lost is not counted there.
    func bounds(_ spoke: String, _ package: SHA256Digest) -> ClosedRange<UInt64> {
        let item = asked[Key(spoke: spoke, package: package)] ?? Asked()
        return min(item.came.flatMap { item.shortest[$0] } ?? 0, item.all)...item.all
    }
}
