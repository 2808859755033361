internal import System

/// The few facts about an ELF file that matter here: its class and its interpreter (System V ABI, chapter 4).
package struct ELFImage: Equatable, Sendable {
    /// 32 or 64.
    package let bits: Int
    /// The dynamic loader's path; nil for a static program.
    package let interpreter: String?

    /// Reads the header and the program headers out of the first bytes of a file; nil if that is no ELF program.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 52, bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]), bytes[4] == 1 || bytes[4] == 2,
            bytes[5] == 1 || bytes[5] == 2
        else { return nil }
        let wide = bytes[4] == 2
        let little = bytes[5] == 1
        bits = wide ? 64 : 32
        func number(_ offset: Int, _ count: Int) -> Int? {
            guard offset >= 0, offset <= bytes.count - count else { return nil }
            let field = bytes[offset..<offset + count]
            let value = (little ? Array(field.reversed()) : Array(field)).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return Int(exactly: value)
        }
        var found: String?
        if let table = number(wide ? 32 : 28, wide ? 8 : 4), let size = number(wide ? 54 : 42, 2),
            let count = number(wide ? 56 : 44, 2), table <= bytes.count, size > 0
        {
            for index in 0..<min(count, 64) {
                let header = table + index * size
                guard number(header, 4) == 3 else { continue }
                guard let start = number(header + (wide ? 8 : 4), wide ? 8 : 4),
                    let length = number(header + (wide ? 32 : 16), wide ? 8 : 4), (2...4096).contains(length),
                    start <= bytes.count - length
                else { break }
                found = String(decoding: bytes[start..<start + length].prefix { $0 != 0 }, as: UTF8.self)
                break
            }
        }
        interpreter = found
    }

    /// Looks at a file on disk, following links; nil if it is not there, not readable or no ELF program.
    package init?(path: String) {
        do {
            let file = try FileDescriptor.open(path)
            self.init(try file.read(count: 16_384, at: 0))
        } catch {
            // Whatever hides the file, nothing is known about it then.
            return nil
        }
    }
}
