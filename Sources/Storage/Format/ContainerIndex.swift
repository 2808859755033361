import Content
import Model

/// The chunks of a finished container, written beside it so that a start need not read the container itself.
///
/// It is believed only if its checksum is right, its number is the container's and its length is the container's length; else the container is scanned.
///
/// | at | bytes | field |
/// |---|---|---|
/// | 0 | 8 | `AXLEindx` |
/// | 8 | 4 | format, 1 |
/// | 12 | 4 | number of entries |
/// | 16 | 8 | the container's number |
/// | 24 | 8 | the container's length |
/// | 32 | 56 each | offset (8), checksum of the stored bytes (8), length (4), length as stored with the coding in its top byte (4), SHA-256 (32) |
/// | end | 8 | checksum of all before |
struct ContainerIndex: Hashable, Sendable {
    static let headerLength = 32
    static let entryLength = 56
    /// The longest file that is read: what a container of 4 GiB with the shortest chunks of production could have, eight times over.
    static let longest = 1 << 27

    let number: UInt64
    let containerLength: UInt64
    let chunks: [ContainerScan.Found]

    init(number: UInt64, containerLength: UInt64, chunks: [ContainerScan.Found]) {
        self.number = number
        self.containerLength = containerLength
        self.chunks = chunks
    }

    /// The length of the file for so many chunks.
    static func length(chunks: Int) -> UInt64 { UInt64(headerLength + 8) + UInt64(chunks) * UInt64(entryLength) }

    init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.headerLength + 8, bytes.count <= Self.longest else { return nil }
        var fields = FieldReader(bytes)
        guard fields.matches("AXLEindx"), fields.integer(UInt32.self) == 1, let count = fields.integer(UInt32.self),
            let number = fields.integer(UInt64.self), let containerLength = fields.integer(UInt64.self),
            UInt64(bytes.count) == Self.length(chunks: Int(count))
        else { return nil }
        var chunks: [ContainerScan.Found] = []
        chunks.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let offset = fields.integer(UInt64.self), let checksum = fields.integer(UInt64.self),
                let length = fields.integer(UInt32.self), let packed = fields.integer(UInt32.self),
                let digest = fields.digest()
            else { return nil }
            let header = ChunkHeader(
                coding: UInt8(packed >> 24), chunkLength: length, storedLength: packed & 0xFF_FFFF, digest: digest,
                payloadChecksum: checksum)
            guard 1...UInt32(ChunkLimits.longest) ~= length, 1...length ~= header.storedLength,
                offset >= UInt64(ContainerHeader.length), offset <= containerLength,
                header.recordLength <= containerLength - offset
            else { return nil }
            chunks.append(ContainerScan.Found(header: header, offset: offset))
        }
        let body = bytes.withUnsafeBytes { Checksum.of(.init(rebasing: $0[..<(bytes.count - 8)])) }
        guard fields.integer(UInt64.self) == body else { return nil }
        self.init(number: number, containerLength: containerLength, chunks: chunks)
    }

    var encoded: [UInt8] {
        var fields = FieldWriter(capacity: Int(Self.length(chunks: chunks.count)))
        fields.add("AXLEindx")
        fields.add(UInt32(1))
        fields.add(UInt32(clamping: chunks.count))
        fields.add(number)
        fields.add(containerLength)
        for chunk in chunks {
            fields.add(chunk.offset)
            fields.add(chunk.header.payloadChecksum)
            fields.add(chunk.header.chunkLength)
            fields.add(UInt32(chunk.header.coding) << 24 | chunk.header.storedLength)
            fields.add(chunk.header.digest)
        }
        fields.seal()
        return fields.bytes
    }
}
