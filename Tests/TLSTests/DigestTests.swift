import TLS
import TestSupport
import Testing

@Suite struct DigestTests {
    @Test func knownDigestsAreMet() {
        #expect(SHA256.hash([]) == hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
        #expect(
            SHA256.hash(Array("abc".utf8)) == hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))
        #expect(
            SHA512.hash(Array("abc".utf8))
                == hex(
                    """
                    ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
                    2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f
                    """))
    }

    @Test func anyDivisionGivesTheSameDigest() throws {
        var random = SeededGenerator(seed: 1)
        let bytes = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        let whole256 = SHA256.hash(bytes)
        let whole512 = SHA512.hash(bytes)
        for _ in 0..<10 {
            var (one, other) = (SHA256(), SHA512())
            var index = 0
            while index < bytes.count {
                let end = min(bytes.count, index + Int.random(in: 0...40_000, using: &random))
                one.update(Array(bytes[index..<end]))
                other.update(Array(bytes[index..<end]))
                index = end
            }
            #expect(one.finish() == whole256)
            #expect(other.finish() == whole512)
        }
        let judged = try Program.run("openssl", ["dgst", "-sha256", "-binary"], input: bytes)
        #expect(judged == whole256)
    }

    @Test func aCopyContinuesOnItsOwn() {
        var one = SHA256()
        one.update(Array("a".utf8))
        var other = one
        one.update(Array("bc".utf8))
        #expect(one.finish() == SHA256.hash(Array("abc".utf8)))
        other.update(Array("x".utf8))
        #expect(other.finish() == SHA256.hash(Array("ax".utf8)))
        one.update(Array("abc".utf8))
        #expect(one.finish() == SHA256.hash(Array("abc".utf8)), "it starts anew after finish")
    }

    @Test func knownCodesAreMet() throws {
        // RFC 4231, cases 1, 2, 3 and 6.
        let cases: [(key: [UInt8], message: [UInt8], code: String)] = [
            (
                [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
            ),
            (
                [UInt8](repeating: 0xAA, count: 131),
                Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
            // Python's hmac, for the empty key and message.
            ([], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
        ]
        for (key, message, code) in cases {
            #expect(try HMAC.sha256(key: key, message) == hex(code))
            #expect(try HMAC.isValid(hex(code), key: key, message))
            #expect(try !HMAC.isValid(Array(hex(code).dropLast()), key: key, message))
            #expect(try !HMAC.isValid(hex(code), key: key + [1], message))
        }
    }

    @Test func comparisonLooksAtEveryByte() {
        #expect(ConstantTime.equal([], []))
        #expect(ConstantTime.equal([1, 2], [1, 2]))
        #expect(!ConstantTime.equal([1, 2], [1, 3]))
        #expect(!ConstantTime.equal([1, 2], [1, 2, 3]))
    }

    @Test func randomBytesDiffer() throws {
        #expect(try SecureRandom.bytes(0).isEmpty)
        #expect(try SecureRandom.bytes(32) != SecureRandom.bytes(32))
        #expect(throws: TLSError.self) { try SecureRandom.bytes(-1) }
        #expect(throws: TLSError.self) { try SecureRandom.bytes(1 << 30) }
        var random = SecureRandom()
        #expect(random.next() != random.next())
    }
}
