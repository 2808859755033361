/// The header of a zstd frame (RFC 8878, 3.1.1.1), read without the library.
///
/// ```
/// offset length
///      0      4  28 B5 2F FD
///      4      1  descriptor: bits 7-6 length of the content length, 5 single segment, 3 reserved (0), 2 checksum, 1-0 length of the dictionary's id
///      5    0-1  window (absent with a single segment)
///          0-4   dictionary's id
///          0-8   content length, little-endian
/// ```
package struct ZstdFrame: Hashable, Sendable {
    /// Bytes that hold any header.
    package static let longestHeader = 18

    /// Bytes of the window; the content's length for a single segment.
    package let windowLength: UInt64
    package let isSingleSegment: Bool
    package let contentLength: UInt64?
    package let hasChecksum: Bool
    package let hasDictionary: Bool

    /// Reads the header at the beginning of a file; nil if there is none.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 6, bytes.prefix(4).elementsEqual([0x28, 0xB5, 0x2F, 0xFD]), bytes[4] & 0x08 == 0 else {
            return nil
        }
        let descriptor = bytes[4]
        isSingleSegment = descriptor & 0x20 != 0
        hasChecksum = descriptor & 0x04 != 0
        var rest = bytes.dropFirst(5)
        var window: UInt64?
        if !isSingleSegment, let byte = rest.popFirst() {
            let base: UInt64 = 1 << (10 + UInt64(byte >> 3))
            window = base + base / 8 * UInt64(byte & 7)
        }
        let idLength = [0, 1, 2, 4][Int(descriptor & 3)]
        hasDictionary = idLength > 0
        rest = rest.dropFirst(idLength)
        let flag = Int(descriptor >> 6)
        let lengthLength = flag == 0 ? (isSingleSegment ? 1 : 0) : 1 << flag
        guard rest.count >= lengthLength else { return nil }
        let number = rest.prefix(lengthLength).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        contentLength = lengthLength == 0 ? nil : number + (lengthLength == 2 ? 256 : 0)
        guard let length = window ?? contentLength else { return nil }
        windowLength = length
    }
}
