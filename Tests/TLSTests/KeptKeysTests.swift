import TLS
import TestSupport
import Testing

@Suite struct KeptKeysTests {
    @Test func keysAreFoundByTheirBytes() throws {
        let keys = KeptKeys()
        let (curve, edwards) = (try PrivateKey.generate(.p256), try PrivateKey.generate(.ed25519))
        let message: [UInt8] = [1, 2, 3]
        let raw = try #require(edwards.publicKey.ed25519Bytes)
        for _ in 0..<3 {
            for algorithm in [SignatureAlgorithm.es256, .ecdsaP256DER] {
                let signature = try curve.sign(message, by: algorithm)
                #expect(keys.isValid(signature, of: message, by: algorithm, publicKey: curve.publicKey.der))
                #expect(!keys.isValid(signature, of: [], by: algorithm, publicKey: curve.publicKey.der))
                #expect(!keys.isValid(signature, of: message, by: algorithm, publicKey: raw))
            }
            let signature = try edwards.sign(message, by: .ed25519)
            #expect(keys.isValid(signature, of: message, by: .ed25519, publicKey: raw))
            #expect(!keys.isValid(signature, of: message, by: .ed25519, publicKey: edwards.publicKey.der))
            #expect(!keys.isValid(signature, of: message, by: .es256, publicKey: []))
        }
        #expect(keys.count == 2)
    }

    @Test func noMoreKeysAreKeptThanAllowed() throws {
        let keys = KeptKeys(capacity: 4)
        let favourite = try PrivateKey.generate(.ed25519).publicKey
        let bytes = try #require(favourite.ed25519Bytes)
        let first = try keys.key(bytes, isRaw: true)
        for _ in 0..<40 {
            let other = try #require(PrivateKey.generate(.ed25519).publicKey.ed25519Bytes)
            _ = try keys.key(other, isRaw: true)
            #expect(try keys.key(bytes, isRaw: true) === first, "a key in use stays")
            #expect(keys.count <= 8)
        }
    }

    @Test func manyThreadsMayVerifyAtOnce() async throws {
        let keys = KeptKeys(capacity: 2)
        let signers = try (0..<4).map { _ in try PrivateKey.generate(.p256) }
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                let key = signers[number % signers.count]
                group.addTask {
                    let message = [UInt8(number)]
                    guard let signature = try? key.sign(message, by: .es256) else { return false }
                    return keys.isValid(signature, of: message, by: .es256, publicKey: key.publicKey.der)
                }
            }
            for await isValid in group { #expect(isValid) }
        }
    }
}
