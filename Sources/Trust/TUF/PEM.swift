/// The `PUBLIC KEY` form of PEM (RFC 7468), read strictly.
enum PEM {
    /// The DER inside exactly one PUBLIC KEY block, else nil. White space is allowed between lines and around the block.
    static func publicKey(_ text: [UInt8]) -> [UInt8]? {
        guard text.count <= 8192 else { return nil }
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        let head = Array("-----BEGIN PUBLIC KEY-----".utf8)
        let tail = Array("-----END PUBLIC KEY-----".utf8)
        var body = text[...].drop(while: isSpace)
        while let last = body.last, isSpace(last) { body.removeLast() }
        guard body.starts(with: head), body.count > head.count + tail.count, body.suffix(tail.count).elementsEqual(tail)
        else { return nil }
        return base64(body.dropFirst(head.count).dropLast(tail.count).filter { !isSpace($0) })
    }

    /// Base64 with padding (RFC 4648 §4) whose unused bits are zero, else nil.
    private static func base64(_ text: [UInt8]) -> [UInt8]? {
        guard !text.isEmpty, text.count % 4 == 0 else { return nil }
        let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text.dropLast(padding) {
            guard let value = sixBits(byte) else { return nil }
            bits = (bits << 6 | value) & 0xFFFFFF
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bits & ((1 << UInt32(count)) - 1) == 0 ? bytes : nil
    }

    private static func sixBits(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte - 0x41)
        case 0x61...0x7A: UInt32(byte - 0x61) + 26
        case 0x30...0x39: UInt32(byte - 0x30) + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
