import Codec
import Testing

@Suite("COSE_Sign1")
struct COSESign1Tests {
    private let limits = CBORLimits.message
    private var message: COSESign1 {
        var message = COSESign1(payload: [1, 2, 3], keyID: [0x31, 0x31])
        message.signature = [UInt8](repeating: 7, count: 64)
        return message
    }

    @Test("the bytes to be signed are the Sig_structure of RFC 9052 §4.4")
    func sigStructure() {
        // The example of RFC 9052 appendix C.2.1 has the same protected header, and "This is the content." as its payload.
        let published = COSESign1(payload: Array("This is the content.".utf8), keyID: [0x31, 0x31])
        #expect(
            published.toBeSigned(externalAAD: [])
                == hex("84 6a 5369676e617475726531 43 a10126 40 54 546869732069732074686520636f6e74656e742e"))
        #expect(published.toBeSigned(externalAAD: [1]) != published.toBeSigned(externalAAD: []))
    }

    @Test("the published example of RFC 9052 C.2.1 is read")
    func published() throws {
        let bytes = hex(
            "d2 84 43a10126 a1 04 42 3131 54 546869732069732074686520636f6e74656e742e"
                + "5840 8eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e"
                + "2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36")
        let read = try COSESign1(decoding: bytes, limits: limits)
        #expect(read.payload == Array("This is the content.".utf8))
        #expect(read.keyID == [0x31, 0x31])
        #expect(read.encoded() == bytes)
    }

    @Test("a message comes back equal")
    func roundTrip() throws {
        #expect(try COSESign1(decoding: message.encoded(), limits: limits) == message)
    }

    @Test("a message cut at any byte, or with one more, is refused")
    func truncated() {
        let bytes = message.encoded()
        for length in 0..<bytes.count {
            #expect(throws: CBORError.self) { try COSESign1(decoding: Array(bytes.prefix(length)), limits: limits) }
        }
        #expect(throws: CBORError.trailingBytes(offset: bytes.count)) {
            try COSESign1(decoding: bytes + [0], limits: limits)
        }
    }

    static let hostile: [(String, CBOR)] = {
        let es256 = CBOR.bytes([0xa1, 0x01, 0x26])
        let kid = CBOR.record([4: .bytes([1])])
        let signature = CBOR.bytes([UInt8](repeating: 0, count: 64))
        let payload = CBOR.bytes([])
        return [
            ("untagged", .array([es256, kid, payload, signature])),
            ("another tag", .tagged(98, .array([es256, kid, payload, signature]))),
            ("three parts", .tagged(18, .array([es256, kid, payload]))),
            ("algorithm ES384", .tagged(18, .array([.bytes([0xa1, 0x01, 0x38, 0x22]), kid, payload, signature]))),
            ("no algorithm", .tagged(18, .array([.bytes([]), kid, payload, signature]))),
            ("empty protected map", .tagged(18, .array([.bytes([0xa0]), kid, payload, signature]))),
            (
                "critical header",
                .tagged(
                    18,
                    .array([
                        .bytes(CBOREncoder.encode(.record([1: .integer(-7), 2: .array([])]))), kid, payload, signature,
                    ]))
            ),
            (
                "algorithm outside",
                .tagged(18, .array([.bytes([0xa0]), .record([1: .integer(-7), 4: .bytes([1])]), payload, signature]))
            ),
            ("detached payload", .tagged(18, .array([es256, kid, .null, signature]))),
            ("no key id", .tagged(18, .array([es256, .map([]), payload, signature]))),
            ("text key id", .tagged(18, .array([es256, .record([4: .text("a")]), payload, signature]))),
            (
                "long key id",
                .tagged(
                    18, .array([es256, .record([4: .bytes([UInt8](repeating: 0, count: 65))]), payload, signature]))
            ),
            (
                "unsigned header",
                .tagged(18, .array([es256, .record([4: .bytes([1]), 5: .null]), payload, signature]))
            ),
            ("short signature", .tagged(18, .array([es256, kid, payload, .bytes([UInt8](repeating: 0, count: 63))]))),
        ]
    }()

    @Test("another structure, algorithm or header is refused", arguments: hostile.map(\.0))
    func refused(_ name: String) throws {
        let item = try #require(COSESign1Tests.hostile.first { $0.0 == name }?.1)
        #expect(throws: CBORError.self) { try COSESign1(decoding: CBOREncoder.encode(item), limits: limits) }
    }
}
