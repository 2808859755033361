package import Model

/// Revoked node ids that never change again: a part of a revocation list, which names it by its SHA-256. docs/formats/revocations.cddl.
///
/// Its bytes are the ids one after the other, 16 bytes each, strictly ascending. The signature of the list covers the hash, so a segment needs none.
package struct RevocationSegment: Equatable, Sendable {
    /// How a list names a segment.
    package struct Reference: Hashable, Sendable {
        /// The number of the role that the nodes have; one that this release does not know is kept.
        package var role: UInt8
        package var count: Int
        package var sha256: SHA256Digest

        package init(role: UInt8, count: Int, sha256: SHA256Digest) {
            self.role = role
            self.count = count
            self.sha256 = sha256
        }

        /// The name under which a peer is asked for it with `fetchMetadata`.
        package var name: String { RevocationSegment.namePrefix + sha256.hex }
        /// Its exact length.
        package var length: Int { count * RevocationSegment.idLength }
    }

    private static let idLength = 16
    /// No file of a catalog is named so: those end in `.json`.
    private static let namePrefix = "revocations."

    /// Strictly ascending.
    package let ids: [NodeID]

    /// A segment of some ids, each taken once.
    package init(_ ids: some Sequence<NodeID>) {
        var sorted = ids.sorted()
        var kept = 0
        for index in sorted.indices where index == 0 || sorted[index] != sorted[kept - 1] {
            sorted[kept] = sorted[index]
            kept += 1
        }
        self.ids = Array(sorted.prefix(kept))
    }

    /// Reads bytes; refuses a length that is no multiple of 16, ids that do not ascend, none, and more than `limit`.
    package init(bytes: [UInt8], limit: Int = RecordLimits.segmentIDs) throws(RecordError) {
        let count = bytes.count / Self.idLength
        guard bytes.count % Self.idLength == 0 else {
            throw .malformed("revocation segment: \(bytes.count) bytes are no whole number of ids")
        }
        guard (1...max(1, limit)).contains(count) else {
            throw .malformed("revocation segment: \(count) ids, not 1 to \(limit)")
        }
        var ids: [NodeID] = []
        ids.reserveCapacity(count)
        var index = 0
        func word() -> UInt64 {
            var word: UInt64 = 0
            for byte in bytes[index..<index + 8] { word = word << 8 | UInt64(byte) }
            index += 8
            return word
        }
        while index < bytes.count {
            let high = word()
            let id = NodeID(high: high, low: word())
            if let last = ids.last, last >= id { throw .malformed("revocation segment: the ids do not ascend") }
            ids.append(id)
        }
        self.ids = ids
    }

    /// Reads what a peer sent or a disk holds; refuses whatever is not exactly what the list names.
    package init(
        bytes: [UInt8], of reference: Reference, digester: some Digester
    ) throws(RecordError) {
        guard bytes.count == reference.length else {
            throw .malformed("revocation segment: \(bytes.count) bytes, the list names \(reference.length)")
        }
        guard digester.sha256(bytes) == reference.sha256.bytes else {
            throw .malformed("revocation segment: its SHA-256 is not the one that the list names")
        }
        try self.init(bytes: bytes)
    }

    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ids.count * Self.idLength)
        for id in ids {
            for word in [id.high, id.low] {
                for shift in stride(from: 56, through: 0, by: -8) {
                    bytes.append(UInt8(truncatingIfNeeded: word >> shift))
                }
            }
        }
        return bytes
    }

    package func contains(_ id: NodeID) -> Bool {
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < ids.count && ids[low] == id
    }

    /// The segment that a name asks for; nil where the name asks for something else.
    package static func sha256(named name: String) -> SHA256Digest? {
        guard name.hasPrefix(namePrefix) else { return nil }
        // Any other text after the prefix names no segment.
        return try? SHA256Digest(String(name.dropFirst(namePrefix.count)))
    }
}
