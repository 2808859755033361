/// Base 64 (RFC 4648, section 4) for the Basic scheme.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let word = (0..<3).reduce(UInt32(0)) { word, index in
                word << 8 | (index < group.count ? UInt32(group[group.startIndex + index]) : 0)
            }
            for index in 0..<4 {
                text.append(index <= group.count ? alphabet[Int(word >> (18 - 6 * UInt32(index)) & 63)] : 0x3D)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
