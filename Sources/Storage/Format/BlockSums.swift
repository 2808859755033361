/// Checksums of a package's blocks of 256 KiB, kept beside a package of a file pool so that a repair fetches the bad blocks only.
///
/// They say where damage is; whether the package is right is said by its hash alone. A package of one block has none.
///
/// | at | bytes | field |
/// |---|---|---|
/// | 0 | 8 | `AXLEsums` |
/// | 8 | 4 | format, 1 |
/// | 12 | 4 | number of blocks |
/// | 16 | 8 | length of the package |
/// | 24 | 8 each | checksum of a block |
/// | end | 8 | checksum of all before |
struct BlockSums: Hashable, Sendable {
    static let block: UInt64 = 1 << 18
    /// The most blocks that are read: 4 TiB.
    static let mostBlocks: UInt64 = 1 << 24

    let length: UInt64
    let sums: [UInt64]

    init(length: UInt64, sums: [UInt64]) {
        self.length = length
        self.sums = sums
    }

    static func blocks(in length: UInt64) -> UInt64 { length / block + (length % block == 0 ? 0 : 1) }

    /// The length of the file of sums for a package; 0 where it has none.
    static func fileLength(for length: UInt64) -> UInt64 {
        let blocks = blocks(in: length)
        return 2...mostBlocks ~= blocks ? 32 + blocks * 8 : 0
    }

    init?(_ bytes: [UInt8]) {
        var fields = FieldReader(bytes)
        guard fields.matches("AXLEsums"), fields.integer(UInt32.self) == 1, let count = fields.integer(UInt32.self),
            let length = fields.integer(UInt64.self), Self.blocks(in: length) == UInt64(count),
            UInt64(bytes.count) == Self.fileLength(for: length)
        else { return nil }
        let sums = (0..<Int(count)).compactMap { _ in fields.integer(UInt64.self) }
        let body = bytes.withUnsafeBytes { Checksum.of(.init(rebasing: $0[..<(bytes.count - 8)])) }
        guard sums.count == Int(count), fields.integer(UInt64.self) == body else { return nil }
        self.init(length: length, sums: sums)
    }

    var encoded: [UInt8] {
        var fields = FieldWriter(capacity: 32 + sums.count * 8)
        fields.add("AXLEsums")
        fields.add(UInt32(1))
        fields.add(UInt32(clamping: sums.count))
        fields.add(length)
        for sum in sums { fields.add(sum) }
        fields.seal()
        return fields.bytes
    }

    /// Makes the sums while the bytes come in.
    struct Builder: Sendable {
        private var sums: [UInt64] = []
        private var current = Checksum()
        private var filled: UInt64 = 0

        mutating func update(_ bytes: UnsafeRawBufferPointer) {
            var rest = bytes
            while !rest.isEmpty {
                let count = Int(min(UInt64(rest.count), BlockSums.block - filled))
                current.update(.init(rebasing: rest[..<count]))
                filled += UInt64(count)
                rest = .init(rebasing: rest[count...])
                if filled == BlockSums.block { close() }
            }
        }

        private mutating func close() {
            sums.append(current.value)
            current = Checksum()
            filled = 0
        }

        /// The sums of all bytes so far, as of a whole package.
        func finish(length: UInt64) -> BlockSums {
            var copy = self
            if copy.filled > 0 { copy.close() }
            return BlockSums(length: length, sums: copy.sums)
        }
    }
}
