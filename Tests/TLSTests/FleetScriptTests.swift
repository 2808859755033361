import TLS
import TestSupport
import Testing

/// What `Certs/make-test-fleet.sh` makes is what our own TLS accepts.
@Suite struct FleetScriptTests {
    static let script: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/") + "/Certs/make-test-fleet.sh"
    }()

    func identity(_ folder: TemporaryFolder, _ name: String) throws -> TLSIdentity {
        try TLSIdentity(
            chainPEM: folder.read("fleet/\(name).chain.pem"), keyPEM: folder.read("fleet/\(name).key"))
    }

    @Test func theWholeFleetShakesHands() throws {
        let folder = try TemporaryFolder()
        try Program.run(Self.script, [folder.path("fleet"), "demo-1"])
        let root = try Certificate(pem: folder.read("fleet/root.pem"))
        let anchors = try TrustStore([root])
        let wire = ApplicationProtocol("axle/1", asksForCertificate: true)
        let join = ApplicationProtocol("axle-join/1", asksForCertificate: false)
        let dials = [("spoke1", "hub"), ("spoke2", "hub"), ("agent1", "spoke1"), ("agent4", "spoke2")]
        for (dialler, listener) in dials {
            let listening = try identity(folder, listener)
            let server = try TLSContext.server(
                identity: listening, protocols: [wire, join], clients: .required(anchors))
            let client = try TLSContext.client(
                identity: identity(folder, dialler), protocols: ["axle/1"], server: .anchors(anchors))
            // By the system's clock: the script made them just now.
            let pair = try TLSPair(server: server, client: client, certificateTime: nil)
            let progress = pair.handshake()
            #expect(progress.server == .complete(0) && progress.client == .complete(0))
            let role = dialler.hasPrefix("agent") ? "agent" : "spoke"
            let uris = try #require(pair.server.peerCertificate?.uris)
            #expect(uris.count == 1)
            #expect(uris.first?.hasPrefix("axle://demo-1/\(role)/") == true)

            let joiner = try TLSContext.client(
                protocols: ["axle-join/1"], server: .pinnedRoot(root.publicKeyFingerprint))
            let joining = try TLSPair(server: server, client: joiner, certificateTime: nil).handshake()
            #expect(joining.server == .complete(0) && joining.client == .complete(0))
        }
        let issuing = try CertificateAuthority(
            certificate: Certificate(pem: folder.read("fleet/issuing.pem")),
            key: PrivateKey(pem: folder.read("fleet/issuing.key")))
        #expect(issuing.certificate.isIssued(by: root))
    }

    @Test func aFolderThatHoldsAFleetIsLeftAlone() throws {
        let folder = try TemporaryFolder()
        try Program.run(Self.script, [folder.path("fleet")])
        let before = try folder.read("fleet/root.key")
        #expect(try !Program.succeeds(Self.script, [folder.path("fleet")]))
        #expect(try folder.read("fleet/root.key") == before)
    }

    @Test(arguments: [[], ["x", "Not A Name"], ["x", ""], ["x", "y", "z"]])
    func wrongArgumentsAreRefused(arguments: [String]) throws {
        #expect(try !Program.succeeds(Self.script, arguments))
    }
}
