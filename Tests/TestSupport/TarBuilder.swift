/// Makes tar archives byte by byte, also ones that no honest program would make.
package struct TarBuilder {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// One header block, with the checksum right unless `checksum` says otherwise.
    package mutating func header(
        _ name: String, type: Character = "0", size: Int = 0, mode: Int = 0o644, link: String = "",
        magic: String = "ustar\u{0}00", prefix: String = "", checksum: Int? = nil, sizeField: [UInt8]? = nil
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: some Sequence<UInt8>, at offset: Int, limit: Int) {
            for (index, byte) in text.prefix(limit).enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int, width: Int) -> [UInt8] {
            let digits = String(value, radix: 8)
            return Array((String(repeating: "0", count: max(0, width - 1 - digits.count)) + digits).utf8) + [0]
        }
        put(name.utf8, at: 0, limit: 100)
        put(octal(mode, width: 8), at: 100, limit: 8)
        put(octal(0, width: 8), at: 108, limit: 8)
        put(octal(0, width: 8), at: 116, limit: 8)
        put(sizeField ?? octal(size, width: 12), at: 124, limit: 12)
        put(octal(0, width: 12), at: 136, limit: 12)
        block[156] = type.asciiValue ?? 0
        put(link.utf8, at: 157, limit: 100)
        put(magic.utf8, at: 257, limit: 8)
        put(prefix.utf8, at: 345, limit: 155)
        let sum = block[0..<148].reduce(0) { $0 + Int($1) } + 8 * 0x20 + block[156...].reduce(0) { $0 + Int($1) }
        put(octal(checksum ?? sum, width: 7) + [0x20], at: 148, limit: 8)
        bytes += block
    }

    package mutating func data(_ content: [UInt8]) {
        bytes += content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    package mutating func file(_ name: String, _ content: String, mode: Int = 0o644) {
        header(name, size: content.utf8.count, mode: mode)
        data(Array(content.utf8))
    }

    package mutating func directory(_ name: String) { header(name, type: "5", mode: 0o755) }

    package mutating func symbolicLink(_ name: String, to target: String) { header(name, type: "2", link: target) }

    package mutating func hardLink(_ name: String, to target: String) { header(name, type: "1", link: target) }

    package mutating func pax(_ records: [(String, String)], type: Character = "x") {
        var body: [UInt8] = []
        for (key, value) in records {
            let tail = " \(key)=\(value)\n"
            var length = tail.utf8.count + 1
            while String(length).utf8.count + tail.utf8.count != length { length += 1 }
            body += Array("\(length)\(tail)".utf8)
        }
        header("PaxHeader", type: type, size: body.count)
        data(body)
    }

    package mutating func gnuLong(_ text: String, type: Character) {
        header("././@LongLink", type: type, size: text.utf8.count + 1, magic: "ustar  \u{0}")
        data(Array(text.utf8) + [0])
    }

    package mutating func raw(_ more: [UInt8]) { bytes += more }

    package mutating func end() { bytes += [UInt8](repeating: 0, count: 1024) }

    /// An archive of the given members with its end mark.
    package static func archive(_ build: (inout TarBuilder) -> Void) -> [UInt8] {
        var builder = TarBuilder()
        build(&builder)
        builder.end()
        return builder.bytes
    }
}
