import Content
import Model

/// What stands before a chunk's bytes in a container.
///
/// | at | bytes | field |
/// |---|---|---|
/// | 0 | 8 | `AXLEchnk` |
/// | 8 | 1 | format, 1 |
/// | 9 | 1 | coding of the stored bytes, 0 = as they are |
/// | 10 | 2 | 0 |
/// | 12 | 4 | length of the chunk, 1 to 2^18 |
/// | 16 | 4 | length as stored, 1 to the length |
/// | 20 | 4 | 0 |
/// | 24 | 32 | SHA-256 of the chunk |
/// | 56 | 8 | checksum of the stored bytes |
/// | 64 | 8 | checksum of the 64 bytes before |
struct ChunkHeader: Hashable, Sendable {
    static let length = 72
    static let magic: StaticString = "AXLEchnk"

    let coding: UInt8
    let chunkLength: UInt32
    let storedLength: UInt32
    let digest: SHA256Digest
    let payloadChecksum: UInt64

    init(coding: UInt8, chunkLength: UInt32, storedLength: UInt32, digest: SHA256Digest, payloadChecksum: UInt64) {
        self.coding = coding
        self.chunkLength = chunkLength
        self.storedLength = storedLength
        self.digest = digest
        self.payloadChecksum = payloadChecksum
    }

    /// Header and chunk together.
    var recordLength: UInt64 { UInt64(Self.length) + UInt64(storedLength) }

    /// Reads a header; nil if anything in it is not as it was written.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        var fields = FieldReader(bytes)
        guard fields.matches(Self.magic), fields.integer(UInt8.self) == 1, let coding = fields.integer(UInt8.self),
            fields.integer(UInt16.self) == 0, let chunkLength = fields.integer(UInt32.self),
            let storedLength = fields.integer(UInt32.self), fields.integer(UInt32.self) == 0,
            let digest = fields.digest(), let payload = fields.integer(UInt64.self),
            let own = fields.integer(UInt64.self), own == Checksum.of(Array(bytes.prefix(64))),
            1...UInt32(ChunkLimits.longest) ~= chunkLength, 1...chunkLength ~= storedLength,
            coding != 0 || storedLength == chunkLength
        else { return nil }
        self.init(
            coding: coding, chunkLength: chunkLength, storedLength: storedLength, digest: digest,
            payloadChecksum: payload)
    }

    var encoded: [UInt8] {
        var fields = FieldWriter(capacity: Self.length)
        fields.add(Self.magic)
        fields.add(UInt8(1))
        fields.add(coding)
        fields.add(UInt16(0))
        fields.add(chunkLength)
        fields.add(storedLength)
        fields.add(UInt32(0))
        fields.add(digest)
        fields.add(payloadChecksum)
        fields.seal()
        return fields.bytes
    }
}
