import TLS
import TestSupport
import Testing

@Suite struct CertificateTests {
    let fleet: TestFleet

    init() throws {
        fleet = try TestFleet()
    }

    func refusal(
        _ identity: TLSIdentity, for purpose: CertificatePurpose = .client, at moment: Int64 = TestFleet.now
    ) -> TLSError.Code? {
        KeyTests.code {
            try identity.leaf.verify(
                through: Array(identity.chain.dropFirst()), to: fleet.anchors, for: purpose, at: moment)
        }
    }

    @Test func aLeafSaysWhatItsProfileSaid() throws {
        let key = try PrivateKey.generate(.p256)
        let profile = LeafProfile(
            name: "Müller, \"x\"\n", uris: ["axle://test/hub/1"], dnsNames: ["a.example", "*.b.example"],
            ipAddresses: ["192.0.2.1", "2001:db8::1"], isServer: true, isClient: true,
            dates: 1_000_000_000...4_000_000_000)
        let leaf = try fleet.issuing.issue(profile, for: key.publicKey)
        #expect(leaf.uris == ["axle://test/hub/1"])
        #expect(leaf.dnsNames == ["a.example", "*.b.example"])
        #expect(leaf.ipAddresses == ["192.0.2.1", "2001:db8::1"])
        #expect(leaf.notBefore == 1_000_000_000 && leaf.notAfter == 4_000_000_000)
        #expect(leaf.issuer == "CN=test issuing")
        #expect(leaf.subject.contains("Müller") && !leaf.subject.contains("\n"))
        #expect(try leaf.publicKey() == key.publicKey)
        #expect(leaf.publicKeyInfo == key.publicKey.der)
        #expect(leaf.publicKeyFingerprint == key.publicKey.fingerprint)
        #expect(leaf.serial.count == 16)
        #expect(!leaf.isAuthority)
        #expect(leaf.isIssued(by: fleet.issuing.certificate))
        #expect(!leaf.isIssued(by: fleet.root.certificate))
        #expect(!leaf.isIssued(by: fleet.otherRoot.certificate))
        #expect(leaf.isValid(at: 1_000_000_000) && leaf.isValid(at: 3_999_999_999))
        #expect(!leaf.isValid(at: 999_999_999) && !leaf.isValid(at: 4_000_000_000))
        #expect(try Certificate(der: leaf.der) == leaf)
        #expect(try Certificate(pem: leaf.pem()) == leaf)
        #expect(leaf != fleet.hub.leaf)
    }

    @Test func serialsAreNeverTheSame() throws {
        let key = try PrivateKey.generate(.p256).publicKey
        let profile = LeafProfile(name: "x", dates: TestFleet.dates)
        let serials = try (0..<50).map { _ in try fleet.issuing.issue(profile, for: key).serial }
        #expect(Set(serials).count == 50)
    }

    @Test func edKeysMayBeCertifiedToo() throws {
        let key = try PrivateKey.generate(.ed25519)
        let leaf = try fleet.issuing.issue(
            LeafProfile(name: "x", isClient: true, dates: TestFleet.dates), for: key.publicKey)
        #expect(try leaf.publicKey() == key.publicKey)
    }

    @Test func namesThatDoNotBelongInACertificateAreRefused() throws {
        let key = try PrivateKey.generate(.p256).publicKey
        func code(_ change: (inout LeafProfile) -> Void) -> TLSError.Code? {
            var profile = LeafProfile(name: "x", dates: TestFleet.dates)
            change(&profile)
            return KeyTests.code { _ = try fleet.issuing.issue(profile, for: key) }
        }
        #expect(code { $0.name = "" } == .malformed)
        #expect(code { $0.name = "a\0b" } == .malformed)
        #expect(code { $0.name = String(repeating: "x", count: 65) } == .malformed)
        #expect(code { $0.uris = [""] } == .malformed)
        #expect(code { $0.uris = ["axle://a b"] } == .malformed)
        #expect(code { $0.uris = ["axle://ü"] } == .malformed)
        #expect(code { $0.dnsNames = ["a\0.example"] } == .malformed)
        #expect(code { $0.ipAddresses = ["1.2.3"] } == .malformed)
        #expect(code { $0.ipAddresses = ["example"] } == .malformed)
        #expect(code { $0.uris = ["axle://x,DNS:evil"] } == nil, "a comma is a part of the name, no second name")
    }

    @Test func chainsAreJudged() throws {
        #expect(refusal(fleet.hub, for: .server) == nil)
        #expect(refusal(fleet.spoke) == nil)
        #expect(refusal(fleet.agent) == nil)
        #expect(refusal(fleet.agent, for: .any) == nil)
        #expect(refusal(fleet.agent, for: .server) == .certificateRefused)
        #expect(refusal(fleet.expired) == .certificateRefused)
        #expect(refusal(fleet.expired, at: TestFleet.now - 1) == nil, "good to its last second")
        #expect(refusal(fleet.notYetValid) == .certificateRefused)
        #expect(refusal(fleet.notYetValid, at: TestFleet.now + 1) == nil)
        #expect(refusal(fleet.otherCA) == .certificateRefused)
        #expect(refusal(fleet.issuedByLeaf) == .certificateRefused)
        let verified = try fleet.hub.leaf.verify(
            through: [fleet.issuing.certificate], to: fleet.anchors, for: .server, at: TestFleet.now)
        #expect(verified == fleet.hub.chain)
        #expect(
            KeyTests.code {
                try fleet.hub.leaf.verify(through: [], to: fleet.anchors, for: .server, at: TestFleet.now)
            } == .certificateRefused)
    }

    @Test func anIssuingAuthorityMakesNoAuthorities() throws {
        let below = try fleet.issuing.issuing(name: "below", dates: TestFleet.dates)
        let key = try PrivateKey.generate(.p256)
        let leaf = try below.issue(LeafProfile(name: "x", isClient: true, dates: TestFleet.dates), for: key.publicKey)
        let identity = try TLSIdentity(
            chain: [leaf, below.certificate, fleet.issuing.certificate], key: key)
        #expect(refusal(identity) == .certificateRefused)
    }

    @Test func anAuthorityIsItsCertificateAndItsKey() throws {
        #expect(
            try CertificateAuthority(certificate: fleet.root.certificate, key: fleet.root.key).certificate
                == fleet.root.certificate)
        #expect(
            KeyTests.code {
                _ = try CertificateAuthority(certificate: fleet.root.certificate, key: fleet.issuing.key)
            } == .certificateRefused)
        #expect(
            KeyTests.code { _ = try CertificateAuthority(certificate: fleet.hub.leaf, key: fleet.hub.key) }
                == .certificateRefused)
        #expect(
            KeyTests.code { _ = try TLSIdentity(chain: fleet.hub.chain, key: fleet.spoke.key) } == .certificateRefused)
        #expect(KeyTests.code { _ = try TLSIdentity(chain: [], key: fleet.spoke.key) } == .certificateMissing)
    }

    @Test func theOpensslProgramAgrees() throws {
        let folder = try TemporaryFolder()
        try folder.write("root", fleet.root.certificate.pem())
        try folder.write("issuing", fleet.issuing.certificate.pem())
        let base = [
            "verify", "-x509_strict", "-attime", "\(TestFleet.now)", "-CAfile", folder.path("root"), "-untrusted",
            folder.path("issuing"),
        ]
        for (identity, isGood) in [
            (fleet.hub, true), (fleet.spoke, true), (fleet.agent, true), (fleet.expired, false),
            (fleet.otherCA, false),
        ] {
            try folder.write("leaf", identity.leaf.pem())
            #expect(
                try Program.succeeds("openssl", base + ["-purpose", "sslclient", folder.path("leaf")]) == isGood)
        }
        try folder.write("leaf", fleet.agent.leaf.pem())
        #expect(try !Program.succeeds("openssl", base + ["-purpose", "sslserver", folder.path("leaf")]))
        let pin = try Program.run("openssl", ["x509", "-in", folder.path("root"), "-noout", "-pubkey"])
        #expect(try PublicKey(pem: pin).fingerprint == fleet.root.certificate.publicKeyFingerprint)
    }

    @Test func damagedCertificatesAreRefused() throws {
        let der = fleet.hub.leaf.der
        for count in 0..<der.count {
            #expect(KeyTests.code { _ = try Certificate(der: Array(der[..<count])) } == .malformed)
        }
        #expect(KeyTests.code { _ = try Certificate(der: der + [0]) } == .malformed)
        #expect(KeyTests.code { _ = try Certificate(der: [UInt8](repeating: 0x30, count: 1 << 20)) } == .malformed)
        for pem in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            #expect(KeyTests.code { _ = try Certificate.parse(pem: Array(pem.utf8)) } == .malformed)
        }
        let pem = try fleet.hub.leaf.pem()
        #expect(KeyTests.code { _ = try Certificate(pem: pem + pem) } == .malformed)
        #expect(KeyTests.code { _ = try Certificate.parse(pem: pem + pem.dropLast(40)) } == .malformed)
        #expect(try Certificate.parse(pem: pem + Array("text\n".utf8) + pem).count == 2)
        let many = Array(repeatElement(pem, count: Certificate.maximumCount + 1).joined())
        #expect(KeyTests.code { _ = try Certificate.parse(pem: many) } == .malformed)
        #expect(KeyTests.code { _ = try Certificate.parse(pem: [UInt8](repeating: 65, count: 16 << 20)) } == .malformed)
    }

    @Test func aFlippedBitNeverPasses() throws {
        // Every mutation is refused when parsed, refused when verified, or is not a change of what is signed.
        let der = fleet.spoke.leaf.der
        var random = SeededGenerator(seed: 7)
        for _ in 0..<3_000 {
            var damaged = der
            for _ in 0...Int.random(in: 0...2, using: &random) {
                damaged[Int.random(in: 0..<der.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
            }
            guard damaged != der else { continue }
            // Only the refusal counts here, not its reason.
            guard let certificate = try? Certificate(der: damaged) else { continue }
            _ = certificate.subject + certificate.issuer
            _ = (certificate.uris, certificate.serial, certificate.der, certificate.publicKeyFingerprint)
            _ = try? certificate.publicKey()
            #expect(
                KeyTests.code {
                    try certificate.verify(
                        through: [fleet.issuing.certificate], to: fleet.anchors, for: .client, at: TestFleet.now)
                } != nil)
        }
    }

    @Test func aNameWithANULInItIsRefused() throws {
        var der = fleet.spoke.leaf.der
        let uri = Array("axle://test/spoke".utf8)
        let start = try #require((0..<der.count - uri.count).first { Array(der[$0..<$0 + uri.count]) == uri })
        der[start + 11] = 0
        #expect(KeyTests.code { _ = try Certificate(der: der) } == .malformed)
        der[start + 11] = 0x1B
        #expect(KeyTests.code { _ = try Certificate(der: der) } == .malformed)
    }

    @Test func trustAnchorsAreReadFromAFile() throws {
        let folder = try TemporaryFolder()
        try folder.write("both", fleet.otherRoot.certificate.pem() + fleet.root.certificate.pem())
        let both = try TrustStore(file: folder.path("both"))
        for identity in [fleet.spoke, fleet.otherCA] {
            try identity.leaf.verify(
                through: Array(identity.chain.dropFirst()), to: both, for: .client, at: TestFleet.now)
        }
        #expect(KeyTests.code { _ = try TrustStore(file: folder.path("none")) } == .malformed)
        try folder.write("garbage", Array("garbage".utf8))
        #expect(KeyTests.code { _ = try TrustStore(file: folder.path("garbage")) } == .malformed)
        #expect(KeyTests.code { _ = try TrustStore([]) } == .certificateRefused)
    }
}
