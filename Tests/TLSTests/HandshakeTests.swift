import TLS
import TestSupport
import Testing

/// Who is let in and who is not, over a pair of sockets.
@Suite struct HandshakeTests {
    let fleet: TestFleet

    init() throws {
        fleet = try TestFleet()
    }

    static let wire = ApplicationProtocol("axle/1", asksForCertificate: true)
    static let join = ApplicationProtocol("axle-join/1", asksForCertificate: false)

    func server(_ identity: TLSIdentity? = nil, anchors: TrustStore? = nil) throws -> TLSContext {
        try .server(
            identity: identity ?? fleet.hub, protocols: [Self.wire, Self.join],
            clients: .required(anchors ?? fleet.anchors))
    }

    func client(
        _ identity: TLSIdentity?, _ protocols: [String] = ["axle/1"], anchors: TrustStore? = nil
    ) throws -> TLSContext {
        try .client(identity: identity, protocols: protocols, server: .anchors(anchors ?? fleet.anchors))
    }

    /// The codes with which each side ended; nil for success.
    func outcome(_ pair: TLSPair) -> (server: TLSError.Code?, client: TLSError.Code?) {
        let progress = pair.handshake()
        return (Self.code(progress.server), Self.code(progress.client))
    }

    static func code(_ progress: TLSProgress) -> TLSError.Code? {
        if case .failed(let error) = progress { return error.code }
        return nil
    }

    func firstRead(_ connection: TLSConnection) -> TLSProgress {
        var buffer = [UInt8](repeating: 0, count: 16)
        return buffer.withUnsafeMutableBytes { connection.read(into: $0) }
    }

    @Test func bothSidesWithGoodCertificatesAreLetIn() throws {
        let pair = try TLSPair(server: server(), client: client(fleet.spoke))
        let progress = pair.handshake()
        #expect(progress.server == .complete(0))
        #expect(progress.client == .complete(0))
        #expect(pair.server.negotiatedProtocol == "axle/1")
        #expect(pair.client.negotiatedProtocol == "axle/1")
        #expect(pair.server.peerCertificate == fleet.spoke.leaf)
        #expect(pair.client.peerCertificate == fleet.hub.leaf)
        #expect(pair.server.peerCertificate?.uris == ["axle://test/spoke/\(TestFleet.spokeID)"])
        #expect(pair.client.verifiedChain == fleet.hub.chain)
        #expect(pair.server.cipherSuite == "TLS_AES_128_GCM_SHA256")
        #expect(!pair.server.isResumed)
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        #expect(try TLSPair.transfer(bytes, from: pair.client, to: pair.server) == bytes)
        #expect(try TLSPair.transfer(bytes, from: pair.server, to: pair.client) == bytes)
    }

    @Test func aClientWithoutACertificateIsRefused() throws {
        let pair = try TLSPair(server: server(), client: client(nil))
        #expect(outcome(pair).server == .certificateMissing)
        #expect(Self.code(firstRead(pair.client)) == .peerRefused)
    }

    @Test func aClientOfAnotherAuthorityIsRefused() throws {
        let pair = try TLSPair(server: server(), client: client(fleet.otherCA))
        #expect(outcome(pair).server == .certificateRefused)
        #expect(Self.code(firstRead(pair.client)) == .peerRefused)
    }

    @Test func aServerOfAnotherAuthorityIsRefused() throws {
        let pair = try TLSPair(server: server(fleet.otherCA), client: client(fleet.spoke))
        let outcome = outcome(pair)
        #expect(outcome.client == .certificateRefused)
        #expect(outcome.server == .peerRefused)
    }

    @Test func expiredAndFutureCertificatesAreRefused() throws {
        for identity in [fleet.expired, fleet.notYetValid] {
            #expect(outcome(try TLSPair(server: server(), client: client(identity))).server == .certificateRefused)
            #expect(outcome(try TLSPair(server: server(identity), client: client(nil))).client == .certificateRefused)
        }
    }

    @Test func theClockHandedInDecides() throws {
        // Expired at the fleet's now, good ten minutes before.
        let earlier = TestFleet.now - 600
        let pair = try TLSPair(server: server(), client: client(fleet.expired), certificateTime: earlier)
        #expect(outcome(pair) == (nil, nil))
    }

    @Test func aLeafThatPlaysAuthorityIsRefused() throws {
        #expect(
            outcome(try TLSPair(server: server(), client: client(fleet.issuedByLeaf))).server == .certificateRefused)
    }

    @Test func anAgentsCertificateIsNoServers() throws {
        #expect(
            outcome(try TLSPair(server: server(fleet.agent), client: client(fleet.spoke))).client == .certificateRefused
        )
    }

    @Test func aJoinerNeedsNoCertificateAndIsNotAskedForOne() throws {
        let pin = fleet.root.certificate.publicKeyFingerprint
        let joiner = try TLSContext.client(
            identity: fleet.spoke, protocols: ["axle-join/1"], server: .pinnedRoot(pin))
        let pair = try TLSPair(server: server(), client: joiner)
        #expect(outcome(pair) == (nil, nil))
        #expect(pair.server.negotiatedProtocol == "axle-join/1")
        #expect(pair.server.peerCertificate == nil)
        #expect(pair.client.verifiedChain.last == fleet.root.certificate)
        #expect(try TLSPair.transfer([1, 2, 3], from: pair.server, to: pair.client) == [1, 2, 3])
        #expect(pair.client.session == nil, "a session without a certificate gets no ticket")
    }

    @Test func aPinnedRootRefusesEveryOtherChain() throws {
        let pin = fleet.root.certificate.publicKeyFingerprint
        let joiner = try TLSContext.client(protocols: ["axle-join/1"], server: .pinnedRoot(pin))
        // Another CA of the same name; the right root sent along with another's leaf; a chain without its root; the pin of
        // the leaf or of the issuing authority instead of the root's.
        let mixed = try TLSIdentity(chain: fleet.otherCA.chain + [fleet.root.certificate], key: fleet.otherCA.key)
        let rootless = try TLSIdentity(chain: Array(fleet.hub.chain.dropLast()), key: fleet.hub.key)
        for identity in [fleet.otherCA, mixed, rootless, fleet.expired, fleet.agent] {
            let outcome = outcome(try TLSPair(server: server(identity), client: joiner))
            #expect(outcome.client == .certificateRefused)
        }
        for certificate in [fleet.hub.leaf, fleet.issuing.certificate] {
            let wrongPin = try TLSContext.client(
                protocols: ["axle-join/1"], server: .pinnedRoot(certificate.publicKeyFingerprint))
            #expect(outcome(try TLSPair(server: server(), client: wrongPin)).client == .certificateRefused)
        }
        #expect(throws: TLSError.self) {
            try TLSContext.client(protocols: ["axle-join/1"], server: .pinnedRoot([1, 2, 3]))
        }
    }

    @Test func noCommonProtocolIsRefused() throws {
        let outcome = outcome(try TLSPair(server: server(), client: client(fleet.spoke, ["axle/9"])))
        #expect(outcome.server == .protocolMismatch)
        #expect(outcome.client == .protocolMismatch)
    }

    @Test func aClientThatNamesNoProtocolIsRefused() throws {
        let outcome = outcome(try TLSPair(server: server(), client: client(fleet.spoke, [])))
        #expect(outcome.server == .protocolMismatch)
        #expect(outcome.client == .protocolMismatch)
    }

    @Test func theServersPreferenceChoosesTheProtocol() throws {
        let pair = try TLSPair(server: server(), client: client(fleet.spoke, ["axle-join/1", "axle/1"]))
        #expect(outcome(pair) == (nil, nil))
        #expect(pair.server.negotiatedProtocol == "axle/1")
    }

    @Test func aConnectionResumes() throws {
        let (serverContext, clientContext) = (try server(), try client(fleet.spoke))
        let first = try TLSPair(server: serverContext, client: clientContext)
        #expect(outcome(first) == (nil, nil))
        #expect(try TLSPair.transfer([1], from: first.server, to: first.client) == [1])
        let session = try #require(first.client.session)
        for _ in 0..<2 {
            let second = try TLSPair(server: serverContext, client: clientContext, session: session)
            #expect(outcome(second) == (nil, nil))
            #expect(second.server.isResumed && second.client.isResumed)
            #expect(second.server.peerCertificate == fleet.spoke.leaf)
            #expect(second.client.peerCertificate == fleet.hub.leaf)
            #expect(second.server.negotiatedProtocol == "axle/1")
            #expect(try TLSPair.transfer([1, 2], from: second.client, to: second.server) == [1, 2])
        }
    }

    @Test func aBrokenConnectionsSessionStillResumes() throws {
        let (serverContext, clientContext) = (try server(), try client(fleet.spoke))
        var first: TLSPair? = try TLSPair(server: serverContext, client: clientContext)
        _ = first.map(outcome)
        if let first { _ = try TLSPair.transfer([1], from: first.server, to: first.client) }
        let session = try #require(first?.client.session)
        first?.sockets.closeLeft()
        if let first { #expect(Self.code(firstRead(first.client)) == .truncated) }
        first = nil
        let second = try TLSPair(server: serverContext, client: clientContext, session: session)
        #expect(outcome(second) == (nil, nil))
        #expect(second.client.isResumed)
    }

    @Test func aResumedConnectionIsStillJudgedByItsDates() throws {
        let (serverContext, clientContext) = (try server(), try client(fleet.spoke))
        let first = try TLSPair(server: serverContext, client: clientContext)
        _ = outcome(first)
        _ = try TLSPair.transfer([1], from: first.server, to: first.client)
        let session = try #require(first.client.session)
        let later = TestFleet.dates.upperBound
        let second = try TLSPair(
            server: serverContext, client: clientContext, session: session, certificateTime: later)
        #expect(outcome(second) == (.certificateRefused, .certificateRefused))
    }

    @Test func aTicketOfAnotherServerMakesAFullHandshake() throws {
        let clientContext = try client(fleet.spoke)
        let first = try TLSPair(server: server(), client: clientContext)
        _ = outcome(first)
        _ = try TLSPair.transfer([1], from: first.server, to: first.client)
        let second = try TLSPair(server: server(), client: clientContext, session: first.client.session)
        #expect(outcome(second) == (nil, nil))
        #expect(!second.server.isResumed)
    }

    @Test(arguments: ["localhost", "127.0.0.1", "::1"])
    func aServerIsKnownByItsName(host: String) throws {
        let context = try TLSContext.server(
            identity: fleet.hub, protocols: [.init("http/1.1", asksForCertificate: false)], clients: .none,
            requiresProtocol: false)
        let browser = try TLSContext.client(
            protocols: ["http/1.1"], server: .anchors(fleet.anchors), requiresProtocol: false)
        let pair = try TLSPair(server: context, client: browser, expecting: .host(host))
        #expect(outcome(pair) == (nil, nil))
        #expect(pair.server.peerCertificate == nil)
    }

    @Test(arguments: ["example.org", "127.0.0.2", "local", "localhost.example.org", "test", "*"])
    func aServerOfAnotherNameIsRefused(host: String) throws {
        let browser = try TLSContext.client(protocols: [], server: .anchors(fleet.anchors))
        let context = try TLSContext.server(
            identity: fleet.hub, protocols: [], clients: .none, requiresProtocol: false)
        #expect(
            outcome(try TLSPair(server: context, client: browser, expecting: .host(host))).client == .hostnameMismatch)
    }

    @Test(arguments: ["", "a\0b", String(repeating: "a", count: 254)])
    func aHostNameThatIsNoneIsRefused(host: String) throws {
        let browser = try TLSContext.client(protocols: [], server: .anchors(fleet.anchors))
        #expect(throws: TLSError.self) { try TLSPair(server: server(), client: browser, expecting: .host(host)) }
    }

    @Test func oldAndNewTrustAnchorsStandSideBySide() throws {
        let both = try TrustStore([fleet.root.certificate, fleet.otherRoot.certificate])
        for identity in [fleet.spoke, fleet.otherCA] {
            #expect(outcome(try TLSPair(server: server(anchors: both), client: client(identity))) == (nil, nil))
        }
    }

    @Test func aPeerNeedNotSendAnIssuerThatIsKnown() throws {
        let leafOnly = try TLSIdentity(chain: [fleet.agent.leaf], key: fleet.agent.key)
        #expect(outcome(try TLSPair(server: server(), client: client(leafOnly))).server == .certificateRefused)
        let known = try TrustStore([fleet.root.certificate], issuers: [fleet.issuing.certificate])
        #expect(outcome(try TLSPair(server: server(anchors: known), client: client(leafOnly))) == (nil, nil))
        // To know an issuer is not to trust it.
        let unanchored = try TrustStore([fleet.otherRoot.certificate], issuers: [fleet.issuing.certificate])
        let refused = try TLSPair(server: server(anchors: unanchored), client: client(leafOnly))
        #expect(outcome(refused).server == .certificateRefused)
    }

    @Test func aSessionOfAJoinIsNeverOneOfTheWire() throws {
        // Join first, then resume as a member: without a ticket there is nothing to resume with, and the demand stands.
        let context = try server()
        let joiner = try TLSContext.client(
            protocols: ["axle-join/1"], server: .pinnedRoot(fleet.root.certificate.publicKeyFingerprint))
        let first = try TLSPair(server: context, client: joiner)
        #expect(outcome(first) == (nil, nil))
        _ = try TLSPair.transfer([1], from: first.server, to: first.client)
        let second = try TLSPair(server: context, client: client(nil), session: first.client.session)
        #expect(outcome(second).server == .certificateMissing)
    }

    @Test func aPeerOfTLS12IsRefused() throws {
        let folder = try TemporaryFolder()
        try folder.write("chain", fleet.hub.chain.flatMap { try $0.pem() })
        try folder.write("key", fleet.hub.key.withPEM { [UInt8]($0) })
        let port = try FreePort.next()
        let judge = try RunningProgram(
            "openssl",
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-cert", folder.path("chain"), "-key",
                folder.path("key"), "-tls1_2", "-quiet",
            ])
        defer { judge.stop() }
        let socket = try Loopback.connect(port)
        defer { Loopback.close(socket) }
        let context = try TLSContext.client(protocols: [], server: .anchors(fleet.anchors))
        let connection = try TLSConnection(
            client: context, descriptor: socket, expecting: .checkedByCaller, certificateTime: TestFleet.now)
        #expect(Self.code(Loopback.wait(socket) { connection.handshake() }) == .versionMismatch)
    }

    @Test func theOpensslProgramShakesHandsOrIsRefused() throws {
        let folder = try TemporaryFolder()
        try folder.write("root", fleet.root.certificate.pem())
        try folder.write("chain", fleet.agent.chain.flatMap { try $0.pem() })
        try folder.write("key", fleet.agent.key.withPEM { [UInt8]($0) })
        let base = [
            "s_client", "-ign_eof", "-CAfile", folder.path("root"), "-attime", "\(TestFleet.now)",
            "-verify_return_error",
        ]
        let member = ["-cert", folder.path("chain"), "-cert_chain", folder.path("chain"), "-key", folder.path("key")]
        for (arguments, expected) in [
            (member + ["-alpn", "axle/1"], nil), (["-alpn", "axle-join/1"], nil),
            (["-alpn", "axle/1"], .certificateMissing), (member + ["-alpn", "h2"], .protocolMismatch),
            (member, .protocolMismatch), (member + ["-alpn", "axle/1", "-tls1_2"], .versionMismatch),
        ] as [([String], TLSError.Code?)] {
            let listener = try Loopback.listen()
            defer { Loopback.close(listener.descriptor) }
            let client = try RunningProgram(
                "openssl", base + arguments + ["-connect", "127.0.0.1:\(listener.port)"])
            defer { client.stop() }
            let socket = try Loopback.accept(listener.descriptor)
            defer { Loopback.close(socket) }
            let connection = try TLSConnection(
                server: server(), descriptor: socket, certificateTime: TestFleet.now)
            #expect(Self.code(Loopback.wait(socket) { connection.handshake() }) == expected, "\(arguments)")
        }
    }

    @Test func garbageInsteadOfAHelloIsRefused() throws {
        let sockets = try ConnectedSockets()
        let connection = try TLSConnection(server: server(), descriptor: sockets.left)
        try sockets.writeRight(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        #expect(Self.code(connection.handshake()) != nil)
        #expect(Self.code(connection.handshake()) != nil, "and it stays so")
    }

    @Test func aPeerThatGoesAwayInTheHandshakeIsTruncated() throws {
        let sockets = try ConnectedSockets()
        let connection = try TLSConnection(server: server(), descriptor: sockets.left)
        #expect(connection.handshake() == .wantRead)
        sockets.closeRight()
        #expect(Self.code(connection.handshake()) == .truncated)
    }

    @Test func aProperEndIsToldFromABrokenOne() throws {
        let pair = try TLSPair(server: server(), client: client(fleet.spoke))
        _ = outcome(pair)
        _ = try TLSPair.transfer([1], from: pair.server, to: pair.client)
        #expect(pair.server.shutdown() == .complete(0))
        #expect(firstRead(pair.client) == .closed)
        #expect(pair.client.shutdown() == .closed)

        let broken = try TLSPair(server: server(), client: client(fleet.spoke))
        _ = outcome(broken)
        broken.sockets.closeLeft()
        _ = firstRead(broken.client)
        #expect(Self.code(firstRead(broken.client)) == .truncated)
        let failed = [UInt8](repeating: 0, count: 10).withUnsafeBytes { broken.client.write($0) }
        #expect(Self.code(failed) == .truncated, "no SIGPIPE, and the first failure stays")
    }

    @Test func aWriteToAClosedSocketRaisesNoSignal() throws {
        let pair = try TLSPair(server: server(), client: client(fleet.spoke))
        _ = outcome(pair)
        pair.sockets.closeLeft()
        let failed = [UInt8](repeating: 0, count: 10).withUnsafeBytes { pair.client.write($0) }
        #expect(Self.code(failed) == .connectionFailed)
    }

    @Test func aFullSocketSaysWantWriteAndGoesOn() throws {
        let pair = try TLSPair(server: server(), client: client(fleet.spoke))
        _ = outcome(pair)
        let bytes = [UInt8](repeating: 7, count: 8 << 20)
        var sent = 0
        while true {
            let progress = bytes.withUnsafeBytes { pair.client.write(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
            guard case .complete(let count) = progress else {
                #expect(progress == .wantWrite)
                break
            }
            sent += count
        }
        #expect(sent > 0 && sent < bytes.count)
        let rest = try TLSPair.transfer(Array(bytes[sent...]), from: pair.client, to: pair.server)
        #expect(rest.allSatisfy { $0 == 7 })
    }
}
