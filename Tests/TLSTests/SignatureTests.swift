import TLS
import TestSupport
import Testing

@Suite struct SignatureTests {
    static let message = Array("axle-order-1: install".utf8)

    static func key(for algorithm: SignatureAlgorithm) throws -> PrivateKey {
        guard algorithm.keyKind == .rsa else { return try .generate(algorithm.keyKind) }
        return try PrivateKey(
            pem: Program.run("openssl", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]))
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func aSignatureIsValidForItsMessageAndKeyOnly(algorithm: SignatureAlgorithm) throws {
        let key = try Self.key(for: algorithm)
        let signature = try key.sign(Self.message, by: algorithm)
        let kept = try PublicKey(der: key.publicKey.der)
        #expect(kept.isValid(signature, of: Self.message, by: algorithm))
        #expect(kept.isValid(try key.sign([], by: algorithm), of: [], by: algorithm))
        #expect(!kept.isValid(signature, of: Self.message + [0], by: algorithm))
        #expect(!kept.isValid(signature, of: [], by: algorithm))
        #expect(!(try Self.key(for: algorithm)).publicKey.isValid(signature, of: Self.message, by: algorithm))
        for other in SignatureAlgorithm.allCases where other != algorithm {
            #expect(!kept.isValid(signature, of: Self.message, by: other))
        }
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func aDamagedSignatureIsNotValid(algorithm: SignatureAlgorithm) throws {
        let key = try Self.key(for: algorithm)
        let signature = try key.sign(Self.message, by: algorithm)
        for index in signature.indices {
            var damaged = signature
            damaged[index] ^= 0x10
            #expect(!key.publicKey.isValid(damaged, of: Self.message, by: algorithm))
        }
        for count in 0..<signature.count {
            #expect(!key.publicKey.isValid(Array(signature[..<count]), of: Self.message, by: algorithm))
        }
        #expect(!key.publicKey.isValid(signature + [0], of: Self.message, by: algorithm))
        let huge = [UInt8](repeating: 0x30, count: 1 << 20)
        #expect(!key.publicKey.isValid(huge, of: Self.message, by: algorithm))
        let zeros = [UInt8](repeating: 0, count: signature.count)
        #expect(!key.publicKey.isValid(zeros, of: Self.message, by: algorithm))
    }

    @Test func aKeySignsByItsOwnAlgorithmsOnly() throws {
        let key = try PrivateKey.generate(.p256)
        #expect(KeyTests.code { _ = try key.sign([], by: .ed25519) } == .unsupportedKey)
        #expect(KeyTests.code { _ = try key.sign([], by: .rsaPSSSHA256) } == .unsupportedKey)
    }

    @Test func rawSignaturesAlwaysHave64Bytes() throws {
        let key = try PrivateKey.generate(.p256)
        // One in 128 has a leading zero that DER drops.
        for number in 0..<600 {
            let message = [UInt8(truncatingIfNeeded: number), UInt8(number >> 8)]
            let signature = try key.sign(message, by: .es256)
            #expect(signature.count == 64)
            if number % 50 == 0 { #expect(key.publicKey.isValid(signature, of: message, by: .es256)) }
        }
    }

    @Test func knownVectorsAreMet() throws {
        // RFC 8032 §7.1, tests 1 and 3.
        let one = try PublicKey(
            ed25519: hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
        let oneSignature = hex(
            """
            e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b
            d25bf5f0595bbe24655141438e7a100b
            """)
        #expect(one.isValid(oneSignature, of: [], by: .ed25519))
        let three = try PublicKey(
            ed25519: hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"))
        let threeSignature = hex(
            """
            6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659
            4a7c15e9716ed28dc027beceea1ec40a
            """)
        #expect(three.isValid(threeSignature, of: [0xAF, 0x82], by: .ed25519))
        // RFC 6979 A.2.5, SHA-256, "sample".
        let point = hex(
            """
            60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6
            7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299
            """)
        let key = try PublicKey(der: hex("3059301306072a8648ce3d020106082a8648ce3d030107034200 04") + point)
        let signature = hex(
            """
            efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716
            f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8
            """)
        #expect(key.isValid(signature, of: Array("sample".utf8), by: .es256))
        #expect(!key.isValid(signature, of: Array("Sample".utf8), by: .es256))
    }

    /// The `openssl` program's arguments to sign or verify a file with a kind of key.
    static func arguments(_ algorithm: SignatureAlgorithm, saltLength: String = "32") -> [String] {
        switch algorithm {
        case .es256, .ecdsaP256DER: ["-digest", "sha256"]
        case .ed25519: []
        case .rsaPSSSHA256:
            ["-digest", "sha256", "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:\(saltLength)"]
        }
    }

    @Test(arguments: [SignatureAlgorithm.ecdsaP256DER, .ed25519, .rsaPSSSHA256])
    func theOpensslProgramAgrees(algorithm: SignatureAlgorithm) throws {
        let key = try Self.key(for: algorithm)
        let folder = try TemporaryFolder()
        try folder.write("key", KeyTests.pem(key))
        try folder.write("public", key.publicKey.pem())
        try folder.write("message", Self.message)
        try folder.write("ours", key.sign(Self.message, by: algorithm))
        let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", folder.path("public"), "-rawin"]
        #expect(
            try Program.succeeds(
                "openssl",
                verify + ["-in", folder.path("message"), "-sigfile", folder.path("ours")]
                    + Self.arguments(algorithm)))
        // PSS with another salt than ours is valid too.
        for salt in algorithm == .rsaPSSSHA256 ? ["32", "20", "max"] : ["32"] {
            try Program.run(
                "openssl",
                [
                    "pkeyutl", "-sign", "-inkey", folder.path("key"), "-rawin", "-in", folder.path("message"),
                    "-out", folder.path("theirs"),
                ] + Self.arguments(algorithm, saltLength: salt))
            #expect(try key.publicKey.isValid(folder.read("theirs"), of: Self.message, by: algorithm))
        }
    }
}
