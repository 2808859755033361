import TLS
import TestSupport
import Testing

@Suite struct CertificateRequestTests {
    @Test(arguments: [KeyKind.p256, .ed25519])
    func aRequestCarriesItsKey(kind: KeyKind) throws {
        let key = try PrivateKey.generate(kind)
        let request = try CertificateRequest(key: key)
        #expect(request.publicKey == key.publicKey)
        let parsed = try CertificateRequest(der: request.der)
        #expect(parsed.publicKey == key.publicKey)
        let folder = try TemporaryFolder()
        try folder.write("csr", request.der)
        #expect(
            try Program.succeeds(
                "openssl", ["req", "-inform", "DER", "-in", folder.path("csr"), "-verify", "-noout"]))
    }

    @Test func aRequestOfTheOpensslProgramIsRead() throws {
        let folder = try TemporaryFolder()
        let key = try PrivateKey.generate(.p256)
        try folder.write("key", KeyTests.pem(key))
        let der = try Program.run(
            "openssl", ["req", "-new", "-key", folder.path("key"), "-subj", "/CN=anything/O=x", "-outform", "DER"])
        #expect(try CertificateRequest(der: der).publicKey == key.publicKey)
    }

    @Test func aRequestForAnothersKeyIsRefused() throws {
        let (mine, theirs) = (try PrivateKey.generate(.p256), try PrivateKey.generate(.p256))
        var der = try CertificateRequest(key: mine).der
        let (from, to) = (mine.publicKey.der, theirs.publicKey.der)
        let start = try #require((0..<der.count - from.count).first { Array(der[$0..<$0 + from.count]) == from })
        der.replaceSubrange(start..<start + from.count, with: to)
        #expect(KeyTests.code { _ = try CertificateRequest(der: der) } == .badSignature)
    }

    @Test func damagedRequestsAreRefused() throws {
        let der = try CertificateRequest(key: .generate(.p256)).der
        for count in 0..<der.count {
            #expect(KeyTests.code { _ = try CertificateRequest(der: Array(der[..<count])) } == .malformed)
        }
        #expect(KeyTests.code { _ = try CertificateRequest(der: der + [0]) } == .malformed)
        #expect(
            KeyTests.code { _ = try CertificateRequest(der: [UInt8](repeating: 0x30, count: 1 << 20)) } == .malformed)
        for index in der.indices {
            var damaged = der
            damaged[index] ^= 0x20
            #expect(KeyTests.code { _ = try CertificateRequest(der: damaged) } != nil)
        }
    }

    @Test func aRequestWithAKeyThatWeDoNotUseIsRefused() throws {
        let folder = try TemporaryFolder()
        try Program.run(
            "openssl",
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", folder.path("key")])
        let der = try Program.run(
            "openssl", ["req", "-new", "-key", folder.path("key"), "-subj", "/CN=x", "-outform", "DER"])
        #expect(KeyTests.code { _ = try CertificateRequest(der: der) } == .unsupportedKey)
    }
}
