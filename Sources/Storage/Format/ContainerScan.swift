import Model

/// Finds the chunks of a container by reading it from its first byte to its last: how the index is rebuilt from the containers alone.
///
/// A record that is not as it was written is stepped over: the scan goes on at the next bytes that are a header with a right checksum, so that one
/// flipped bit hides one chunk and not all behind it. The disk is not believed: nothing is read that does not lie inside the file.
struct ContainerScan {
    /// A chunk and where its record begins.
    struct Found: Hashable, Sendable {
        let header: ChunkHeader
        let offset: UInt64
    }

    private(set) var found: [Found] = []
    /// Stretches that hold no whole record; the last one may be a torn tail.
    private(set) var damaged: [Range<UInt64>] = []
    /// Where the last whole record ends.
    private(set) var end: UInt64
    private static let window = 1 << 16

    /// Scans a container of `length` bytes; `read` gives bytes at an offset, fewer than asked for only at the end.
    init<Failure: Error>(
        length: UInt64, read: (_ offset: UInt64, _ count: Int) throws(Failure) -> [UInt8]
    ) throws(Failure) {
        end = UInt64(ContainerHeader.length)
        var at = end
        while at < length {
            if let header = try Self.header(at, length, read) {
                found.append(Found(header: header, offset: at))
                at += header.recordLength
                end = at
            } else {
                let next = try Self.nextHeader(after: at, length, read) ?? length
                damaged.append(at..<next)
                at = next
            }
        }
    }

    private static func header<Failure: Error>(
        _ at: UInt64, _ length: UInt64, _ read: (UInt64, Int) throws(Failure) -> [UInt8]
    ) throws(Failure) -> ChunkHeader? {
        guard length - at >= UInt64(ChunkHeader.length),
            let header = ChunkHeader(try read(at, ChunkHeader.length)), header.recordLength <= length - at
        else { return nil }
        return header
    }

    private static func nextHeader<Failure: Error>(
        after start: UInt64, _ length: UInt64, _ read: (UInt64, Int) throws(Failure) -> [UInt8]
    ) throws(Failure) -> UInt64? {
        var at = start + 1
        while at < length {
            let bytes = try read(at, Int(min(UInt64(window), length - at)))
            guard bytes.count >= 8 else { return nil }
            for index in 0...(bytes.count - 8)
            where bytes[index] == 0x41 && bytes[index + 4] == 0x63 && bytes[index + 7] == 0x6B {
                let candidate = at + UInt64(index)
                if try header(candidate, length, read) != nil { return candidate }
            }
            // The windows overlap by seven bytes, so that no magic is missed between two.
            at += UInt64(bytes.count - 7)
        }
        return nil
    }
}
