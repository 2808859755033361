/// The records of one PAX extended header: `LENGTH KEY=VALUE\n`, the length in decimal and counting itself (POSIX.1-2001, pax).
///
/// Only `path`, `linkpath` and `size` change anything here. Times, owners, ACLs, extended attributes and capabilities are dropped: a
/// release gets those of who unpacks it. A sparse file's records are refused, as is a global `path`, `linkpath` or `size`.
struct PaxRecords {
    /// `nil`: no record; empty: the record takes the header's own value back.
    var path: [UInt8]?
    var linkPath: [UInt8]?
    var size: Int64?

    init() {}

    init(_ bytes: [UInt8], global: Bool) throws(ContentError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty, digits.count <= 8, let length = Int(String(decoding: digits, as: UTF8.self)),
                length <= rest.count, length > digits.count + 2
            else { throw Self.malformed }
            let record = rest.prefix(length)
            guard record.last == 0x0A, record.dropFirst(digits.count).first == 0x20 else { throw Self.malformed }
            let body = record.dropFirst(digits.count + 1).dropLast()
            guard let equals = body.firstIndex(of: 0x3D), equals > body.startIndex else { throw Self.malformed }
            try set(
                key: String(decoding: body[..<equals], as: UTF8.self), value: Array(body[(equals + 1)...]),
                global: global)
            rest = rest.dropFirst(length)
        }
    }

    private static var malformed: ContentError { ContentError(.malformed, "a PAX record is malformed") }

    private mutating func set(key: String, value: [UInt8], global: Bool) throws(ContentError) {
        if key.hasPrefix("GNU.sparse") { throw ContentError(.special, "sparse files are not accepted") }
        guard ["path", "linkpath", "size"].contains(key) else { return }
        guard !global else { throw ContentError(.malformed, "a global PAX header may not set \(key)") }
        switch key {
        case "path": path = value
        case "linkpath": linkPath = value
        default:
            guard value.count <= 18, value.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int64(String(decoding: value, as: UTF8.self))
            else { throw ContentError(.malformed, "a PAX size is not a number") }
            size = number
        }
    }
}
