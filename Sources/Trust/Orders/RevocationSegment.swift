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

    /// The ids, strictly ascending, each as its high and its low word: a search compares plain words next to each other.
    private let words: [UInt64]

    /// A segment of some ids, each taken once.
    package init(_ ids: some Sequence<NodeID>) {
        var words: [UInt64] = []
        for id in ids.sorted() where words.isEmpty || words.suffix(2) != [id.high, id.low] {
            words.append(id.high)
            words.append(id.low)
        }
        self.words = words
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
        var words: [UInt64] = []
        words.reserveCapacity(2 * count)
        for start in stride(from: 0, to: bytes.count, by: 8) {
            var word: UInt64 = 0
            for byte in bytes[start..<start + 8] { word = word << 8 | UInt64(byte) }
            words.append(word)
        }
        for index in stride(from: 2, to: words.count, by: 2) {
            let (high, before) = (words[index], words[index - 2])
            guard before < high || before == high && words[index - 1] < words[index + 1] else {
                throw .malformed("revocation segment: the ids do not ascend")
            }
        }
        self.words = words
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

    package var count: Int { words.count / 2 }

    /// Strictly ascending.
    package var ids: [NodeID] {
        stride(from: 0, to: words.count, by: 2).map { NodeID(high: words[$0], low: words[$0 + 1]) }
    }

    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * Self.idLength)
        for word in words {
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return bytes
    }

    package func contains(_ id: NodeID) -> Bool {
        let (wanted, last) = (id.high, id.low)
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            let word = words[2 * middle]
            if word < wanted || word == wanted && words[2 * middle + 1] < last {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < count && words[2 * low] == wanted && words[2 * low + 1] == last
    }

    /// The segment that a name asks for; nil where the name asks for something else.
    package static func sha256(named name: String) -> SHA256Digest? {
        guard name.hasPrefix(namePrefix) else { return nil }
        // Any other text after the prefix names no segment.
        return try? SHA256Digest(String(name.dropFirst(namePrefix.count)))
    }
}
