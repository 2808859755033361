import Content
import Model

/// The chunks that a package is made of, in order: a file that grows while the package comes and is renamed when it is whole.
///
/// Every entry has a checksum of its own that covers its place too, so that one damaged entry costs one chunk and not the package.
///
/// | at | bytes | field |
/// |---|---|---|
/// | 0 | 8 | `AXLEmani` |
/// | 8 | 4 | format, 1 |
/// | 12 | 4 | 0 |
/// | 16 | 32 | SHA-256 of the package |
/// | 48 | 8 | length of the package |
/// | 56 | 8 | checksum of the 56 bytes before |
/// | 64 | 40 each | SHA-256 of the chunk (32), its length (4), low half of the checksum of the entry's number (8), hash and length (4) |
struct PackageManifest: Hashable, Sendable {
    static let headerLength = 64
    static let entryLength = 40
    /// The most entries that are read: 256 GiB in chunks of average length.
    static let mostEntries = 1 << 22

    /// A chunk of the package.
    struct Entry: Hashable, Sendable {
        let digest: SHA256Digest
        let length: UInt32
    }

    /// Nil where the header is damaged.
    var header: (digest: SHA256Digest, length: UInt64)? { digest.map { ($0, length) } }
    private let digest: SHA256Digest?
    private let length: UInt64
    /// The entries in order; nil in place of one that is damaged.
    private(set) var entries: [Entry?]
    /// Bytes behind the last whole entry.
    let trailing: Int

    /// Reads a manifest, damaged or unfinished as it may be; nothing in it is believed without its checksum.
    init(reading bytes: [UInt8]) {
        var fields = FieldReader(bytes)
        if bytes.count >= Self.headerLength, fields.matches("AXLEmani"), fields.integer(UInt32.self) == 1,
            fields.integer(UInt32.self) == 0, let digest = fields.digest(), let length = fields.integer(UInt64.self),
            fields.integer(UInt64.self) == Checksum.of(Array(bytes.prefix(56)))
        {
            self.digest = digest
            self.length = length
        } else {
            digest = nil
            length = 0
        }
        fields = FieldReader(bytes, at: Self.headerLength)
        var entries: [Entry?] = []
        let count = min(fields.rest / Self.entryLength, Self.mostEntries)
        entries.reserveCapacity(count)
        for index in 0..<count {
            guard let chunk = fields.digest(), let length = fields.integer(UInt32.self),
                let check = fields.integer(UInt32.self)
            else { break }
            let entry = Entry(digest: chunk, length: length)
            let isGood =
                check == Self.check(UInt64(index), entry) && 1...UInt32(ChunkLimits.longest) ~= entry.length
            entries.append(isGood ? entry : nil)
        }
        self.entries = entries
        trailing = fields.rest
    }

    /// All entries, if the manifest is whole: of this package, undamaged, of the right length in all.
    func whole(_ package: SHA256Digest) -> [Entry]? {
        guard digest == package, trailing == 0 else { return nil }
        var sum: UInt64 = 0
        var whole: [Entry] = []
        whole.reserveCapacity(entries.count)
        for entry in entries {
            guard let entry else { return nil }
            sum += UInt64(entry.length)
            whole.append(entry)
        }
        return sum == length ? whole : nil
    }

    /// The file's length for so many entries.
    static func length(entries: Int) -> UInt64 { UInt64(headerLength) + UInt64(entries) * UInt64(entryLength) }

    static func header(_ digest: SHA256Digest, length: UInt64) -> [UInt8] {
        var fields = FieldWriter(capacity: headerLength)
        fields.add("AXLEmani")
        fields.add(UInt32(1))
        fields.add(UInt32(0))
        fields.add(digest)
        fields.add(length)
        fields.seal()
        return fields.bytes
    }

    static func encode(_ entry: Entry, at index: Int) -> [UInt8] {
        var fields = FieldWriter(capacity: entryLength)
        fields.add(entry.digest)
        fields.add(entry.length)
        fields.add(check(UInt64(index), entry))
        return fields.bytes
    }

    /// The whole file.
    static func encode(_ digest: SHA256Digest, _ entries: [Entry]) -> [UInt8] {
        var bytes = header(digest, length: entries.reduce(0) { $0 + UInt64($1.length) })
        bytes.reserveCapacity(Int(length(entries: entries.count)))
        for (index, entry) in entries.enumerated() { bytes += encode(entry, at: index) }
        return bytes
    }

    private static func check(_ index: UInt64, _ entry: Entry) -> UInt32 {
        var fields = FieldWriter(capacity: 44)
        fields.add(index)
        fields.add(entry.digest)
        fields.add(entry.length)
        return UInt32(truncatingIfNeeded: Checksum.of(fields.bytes))
    }
}
