package import Model

/// Where a repair reads what is damaged: the hub for a spoke, the vendor's repository for the hub, another pool.
///
/// It is not believed: what it gives has to have the package's hash.
package protocol RepairSource: Sendable {
    /// Exactly `count` bytes of the package at `offset`; called from the thread that repairs, and may block.
    func read(_ digest: SHA256Digest, at offset: ByteCount, count: Int) throws -> [UInt8]
}

/// What a repair did.
package struct RepairReport: Hashable, Sendable {
    /// Bytes that were read from the source.
    package let fetched: ByteCount

    package init(fetched: ByteCount) {
        self.fetched = fetched
    }
}

/// Reads from a source in pieces, counts, and turns its errors into the pool's.
struct RepairFetch {
    static let piece: UInt64 = 1 << 20
    let source: any RepairSource
    let digest: SHA256Digest
    private(set) var fetched: UInt64 = 0

    init(_ source: any RepairSource, _ digest: SHA256Digest) {
        self.source = source
        self.digest = digest
    }

    mutating func read(at offset: UInt64, count: UInt64) throws(StorageError) -> [UInt8] {
        let bytes: [UInt8]
        do {
            bytes = try source.read(digest, at: ByteCount(offset), count: Int(count))
        } catch {
            throw .sourceFailed("\(error)")
        }
        guard UInt64(bytes.count) == count else {
            throw .sourceFailed("\(bytes.count) bytes came where \(count) were asked for")
        }
        fetched += count
        return bytes
    }
}
