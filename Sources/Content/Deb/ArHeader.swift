/// What stands before each member of an `ar` archive (ar(5), deb(5)).
///
/// ```
/// offset length
///      0     16  name, blanks behind it, perhaps a slash before them
///     16     12  time
///     28      6  user
///     34      6  group
///     40      8  mode
///     48     10  bytes of the member, decimal, blanks behind them
///     58      2  60 0A
/// ```
/// A member of an odd number of bytes is followed by one 0A. Only name and size are read; the rest is kept as it is.
struct ArHeader {
    static let length = 60
    /// What the archive begins with.
    static let magic = Array("!<arch>\n".utf8)
    /// Stands behind a member of an odd number of bytes.
    static let padding: UInt8 = 0x0A
    /// The largest size that ten digits can say.
    static let sizeLimit: UInt64 = 9_999_999_999

    private static let nameLength = 16
    private static let sizeField = 48..<58
    private static let end: [UInt8] = [0x60, 0x0A]
    private static let slash: UInt8 = 0x2F
    private static let blank: UInt8 = 0x20

    let name: String
    let size: UInt64
    /// As it was read.
    let bytes: [UInt8]

    /// Reads a header; throws `truncated` or `malformed`.
    init(_ bytes: [UInt8]) throws(ContentError) {
        guard bytes.count == Self.length else { throw ContentError(.truncated, "the deb ends within a header") }
        guard bytes[58...].elementsEqual(Self.end) else { throw Self.malformed("has a header that is none") }
        var name = Self.withoutBlanks(bytes[..<Self.nameLength])
        if name.last == Self.slash { name = name.dropLast() }
        guard !name.isEmpty, name.allSatisfy({ (0x21...0x7E).contains($0) && $0 != Self.slash }) else {
            throw Self.malformed("has a member whose name is none")
        }
        let digits = Self.withoutBlanks(bytes[Self.sizeField])
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw Self.malformed("has a member whose size is no number")
        }
        self.name = String(decoding: name, as: UTF8.self)
        // Ten digits at most.
        size = digits.reduce(0) { $0 * 10 + UInt64($1 - 0x30) }
        self.bytes = bytes
    }

    /// This header for the member unpacked: another name (with its slash where there was one) and size, everything else as it was.
    func renamed(_ name: String, size: UInt64) throws(ContentError) -> [UInt8] {
        guard size <= Self.sizeLimit else {
            throw ContentError(.tooLarge, "\(self.name) unpacks to more than an ar archive can say")
        }
        let hasSlash = Self.withoutBlanks(bytes[..<Self.nameLength]).last == Self.slash
        return Self.field(Array(name.utf8) + (hasSlash ? [Self.slash] : []), Self.nameLength)
            + bytes[Self.nameLength..<Self.sizeField.lowerBound]
            + Self.field(Array(String(size).utf8), Self.sizeField.count) + Self.end
    }

    static func malformed(_ why: String) -> ContentError { ContentError(.malformed, "the deb \(why)") }

    private static func withoutBlanks(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        field.prefix((field.lastIndex { $0 != blank } ?? field.startIndex - 1) - field.startIndex + 1)
    }

    private static func field(_ bytes: [UInt8], _ length: Int) -> [UInt8] {
        bytes + [UInt8](repeating: blank, count: max(0, length - bytes.count))
    }
}
