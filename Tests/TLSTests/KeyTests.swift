import TLS
import TestSupport
import Testing

@Suite struct KeyTests {
    static let keyArguments: [(kind: KeyKind, arguments: [String])] = [
        (.p256, ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        (.ed25519, ["-algorithm", "ED25519"]),
        (.rsa, ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ]

    static func pem(_ key: PrivateKey, passphrase: [UInt8]? = nil) throws -> [UInt8] {
        try key.withPEM(passphrase: passphrase) { [UInt8]($0) }
    }

    static func code(_ body: () throws -> Void) -> TLSError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? TLSError)?.code
        }
    }

    @Test(arguments: [KeyKind.p256, .ed25519])
    func aKeyComesBackFromItsPEM(kind: KeyKind) throws {
        let key = try PrivateKey.generate(kind)
        let plain = try PrivateKey(pem: Self.pem(key))
        #expect(plain.publicKey == key.publicKey)
        #expect(plain.kind == kind)
        let other = try PrivateKey.generate(kind)
        #expect(other.publicKey != key.publicKey)
    }

    @Test func anEncryptedKeyNeedsItsPassphrase() throws {
        let key = try PrivateKey.generate(.p256)
        let passphrase = Array("correct horse".utf8)
        let encrypted = try Self.pem(key, passphrase: passphrase)
        #expect(String(decoding: encrypted, as: UTF8.self).hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----"))
        #expect(try PrivateKey(pem: encrypted, passphrase: passphrase).publicKey == key.publicKey)
        #expect(Self.code { _ = try PrivateKey(pem: encrypted, passphrase: [1]) } == .wrongPassphrase)
        #expect(Self.code { _ = try PrivateKey(pem: encrypted) } == .wrongPassphrase)
        #expect(Self.code { _ = try Self.pem(key, passphrase: []) } == .wrongPassphrase)
        let folder = try TemporaryFolder()
        try folder.write("key", encrypted)
        let der = try Program.run(
            "openssl",
            ["pkey", "-in", folder.path("key"), "-passin", "pass:correct horse", "-pubout", "-outform", "DER"])
        #expect(der == key.publicKey.der)
    }

    @Test(arguments: keyArguments.map(\.kind))
    func keysOfTheOpensslProgramAreRead(kind: KeyKind) throws {
        let arguments = try #require(Self.keyArguments.first { $0.kind == kind }?.arguments)
        let folder = try TemporaryFolder()
        try Program.run("openssl", ["genpkey", "-out", folder.path("key")] + arguments)
        let key = try PrivateKey(pem: folder.read("key"))
        #expect(key.kind == kind)
        let der = try Program.run("openssl", ["pkey", "-in", folder.path("key"), "-pubout", "-outform", "DER"])
        let pem = try Program.run("openssl", ["pkey", "-in", folder.path("key"), "-pubout"])
        #expect(key.publicKey.der == der)
        #expect(try PublicKey(der: der) == key.publicKey)
        #expect(try PublicKey(pem: pem) == key.publicKey)
        #expect(try key.publicKey.pem() == pem)
        #expect(key.publicKey.fingerprint == SHA256.hash(der))
        let raw = key.publicKey.ed25519Bytes
        #expect((raw != nil) == (kind == .ed25519))
        if let raw { #expect(try PublicKey(ed25519: raw) == key.publicKey) }
    }

    @Test(arguments: [
        ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
        ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
        ["-algorithm", "X25519"], ["-algorithm", "ED448"],
    ])
    func otherKindsOfKeyAreRefused(arguments: [String]) throws {
        let folder = try TemporaryFolder()
        try Program.run("openssl", ["genpkey", "-out", folder.path("key")] + arguments)
        let private_ = try folder.read("key")
        let der = try Program.run("openssl", ["pkey", "-in", folder.path("key"), "-pubout", "-outform", "DER"])
        #expect(Self.code { _ = try PrivateKey(pem: private_) } == .unsupportedKey)
        #expect(Self.code { _ = try PublicKey(der: der) } == .unsupportedKey)
    }

    @Test func anEncodingOtherThanTheUsualOneIsRefused() throws {
        // The same point compressed, and the curve spelled out: valid keys, but a second spelling of them.
        let folder = try TemporaryFolder()
        let key = try PrivateKey.generate(.p256)
        try folder.write("key", Self.pem(key))
        for extra in [["-conv_form", "compressed"], ["-param_enc", "explicit"]] {
            let der = try Program.run(
                "openssl", ["ec", "-in", folder.path("key"), "-pubout", "-outform", "DER"] + extra)
            #expect(der != key.publicKey.der)
            #expect(Self.code { _ = try PublicKey(der: der) } != nil)
        }
    }

    @Test(arguments: [KeyKind.p256, .ed25519])
    func aTruncatedOrLengthenedPublicKeyIsRefused(kind: KeyKind) throws {
        let der = try PrivateKey.generate(kind).publicKey.der
        for count in 0..<der.count {
            #expect(Self.code { _ = try PublicKey(der: Array(der[..<count])) } == .malformed)
        }
        #expect(Self.code { _ = try PublicKey(der: der + [0]) } == .malformed)
        #expect(Self.code { _ = try PublicKey(der: [UInt8](repeating: 0x30, count: 1 << 20)) } == .malformed)
        #expect(Self.code { _ = try PublicKey(pem: Array("-----BEGIN PUBLIC KEY-----\n".utf8)) } == .malformed)
        #expect(Self.code { _ = try PublicKey(ed25519: [1, 2, 3]) } == .malformed)
    }

    @Test func aPointThatIsNotOnTheCurveIsRefused() throws {
        var der = try PrivateKey.generate(.p256).publicKey.der
        der[der.count - 1] ^= 1
        #expect(Self.code { _ = try PublicKey(der: der) } != nil)
    }

    @Test func damagedPrivateKeysAreRefused() throws {
        let pem = try Self.pem(PrivateKey.generate(.p256))
        for count in stride(from: 0, to: pem.count - 2, by: 7) {
            #expect(Self.code { _ = try PrivateKey(pem: Array(pem[..<count])) } == .malformed)
        }
        #expect(Self.code { _ = try PrivateKey(pem: []) } == .malformed)
        #expect(Self.code { _ = try PrivateKey(pem: [UInt8](repeating: 65, count: 1 << 20)) } == .malformed)
        let certificate = try TestFleet().hub.leaf.pem()
        #expect(Self.code { _ = try PrivateKey(pem: certificate) } == .malformed)
    }

    @Test func axleMakesNoRSAKeys() {
        #expect(Self.code { _ = try PrivateKey.generate(.rsa) } == .unsupportedKey)
    }

    @Test func aKeySaysNothingOfItself() throws {
        let key = try PrivateKey.generate(.p256)
        #expect("\(key)" == "p256 private key")
        #expect(String(describing: key.publicKey) == "p256 public key")
    }
}
