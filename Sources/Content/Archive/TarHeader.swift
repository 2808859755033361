/// One 512-byte header block of POSIX.1-2001 `ustar` or GNU tar.
///
/// ```
/// offset length field            offset length field
///      0    100 name                156      1 type
///    100      8 mode                157    100 link name
///    124     12 size                257      6 magic "ustar\0" (POSIX) or "ustar " (GNU)
///    148      8 checksum            345    155 prefix (POSIX only)
/// ```
/// Numbers are octal text ended by NUL or space, or base 256 when the first bit is set (GNU). The older V7 format is refused.
struct TarHeader {
    static let length = 512

    let name: [UInt8]
    let mode: Int64
    let size: Int64
    let type: UInt8
    let linkName: [UInt8]

    /// Reads a header; throws `archiveMalformed` for a wrong magic, checksum or number.
    init(_ block: [UInt8]) throws(ContentError) {
        guard block.count == Self.length else { throw ContentError(.malformed, "a header block is 512 bytes") }
        var sum: Int64 = 8 * 0x20
        for (index, byte) in block.enumerated() where !(148..<156).contains(index) { sum += Int64(byte) }
        guard block[257..<262].elementsEqual("ustar".utf8), block[262] == 0 || block[262] == 0x20 else {
            // The V7 format differs from the others by what it lacks.
            if (try? Self.number(block[148..<156])) == sum {
                throw ContentError(.malformed, "an archive in the V7 format, which knows no long names")
            }
            throw ContentError(
                .malformed,
                ForeignFormat.name(of: block).map { "\($0), not a tar archive" }
                    ?? "not a ustar, PAX or GNU tar archive")
        }
        let isPOSIX = block[262] == 0
        guard try Self.number(block[148..<156]) == sum else {
            throw ContentError(.malformed, "a header's checksum is wrong")
        }
        let short = Self.text(block[0..<100])
        let prefix = isPOSIX ? Self.text(block[345..<500]) : []
        name = prefix.isEmpty ? short : prefix + [0x2F] + short
        mode = try Self.number(block[100..<108])
        size = try Self.number(block[124..<136])
        type = block[156]
        linkName = Self.text(block[157..<257])
    }

    /// The bytes up to the first NUL.
    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] { Array(field.prefix { $0 != 0 }) }

    /// An octal or base-256 number, never negative.
    private static func number(_ field: ArraySlice<UInt8>) throws(ContentError) -> Int64 {
        let bad = ContentError(.malformed, "a header's number is malformed")
        guard let first = field.first else { throw bad }
        var value: Int64 = 0
        if first & 0x80 != 0 {
            guard first == 0x80 else { throw bad }
            for byte in field.dropFirst() {
                guard value >> 55 == 0 else { throw bad }
                value = value << 8 | Int64(byte)
            }
            return value
        }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        let rest = field.drop { $0 == 0x20 }.dropFirst(digits.count)
        guard rest.allSatisfy({ $0 == 0 || $0 == 0x20 }) else { throw bad }
        for byte in digits {
            guard (0x30...0x37).contains(byte), value >> 60 == 0 else { throw bad }
            value = value << 3 | Int64(byte - 0x30)
        }
        return value
    }
}
