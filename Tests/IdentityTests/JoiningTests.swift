import Identity
import Model
import Protocol
import TLS
import TestSupport
import Testing
import Trust

/// The joiner against a hub made here, honest and not.
@Suite struct JoiningTests {
    private let fleet: TestFleet
    private let token: JoinToken
    private let nonce = Array(repeating: UInt8(7), count: 32)

    init() throws {
        fleet = try TestFleet()
        let anchor = try #require(fleet.anchors.anchors.first)
        token = try JoinToken(
            id: TokenID(high: 1, low: 2), secret: Array(repeating: 9, count: 32),
            pin: try SHA256Digest(bytes: anchor.publicKeyFingerprint))
    }

    private func peer() throws -> PeerIdentity {
        PeerIdentity(fleet: try FleetName("test"), role: .hub, id: try NodeID(TestFleet.hubID))
    }

    /// The hub's answer to a request: a certificate for the key in the CSR, with what the test changes.
    private func answer(
        _ request: JoinRequest, secret: [UInt8]? = nil, uri: String? = nil, name: String = "mail-1",
        fleetName: String = "test",
        key: PublicKey? = nil, roots: [Certificate]? = nil
    ) throws -> Message {
        let secret = secret ?? token.secret
        try JoinProof.checkRequest(
            request.proof, secret: token.secret, nonce: request.nonce, body: request.body, OpenSSLKeyedHash())
        let wanted = try JoinRequestBody(decoding: request.body)
        let id = NodeID(high: 3, low: 4)
        let csr = try CertificateRequest(der: wanted.csr)
        let profile = LeafProfile(
            name: name, uris: [uri ?? "axle://test/\(wanted.role.name)/\(id)"], dnsNames: [], ipAddresses: [],
            isServer: true, isClient: true, dates: TestFleet.dates)
        let leaf = try fleet.issuing.issue(profile, for: key ?? csr.publicKey)
        let body = JoinAnswerBody(
            id: id, fleet: try FleetName(fleetName), chain: [leaf.der, fleet.issuing.certificate.der],
            roots: (roots ?? fleet.anchors.anchors).map(\.der), orderKey: try PrivateKey.generate(.p256).publicKey.der,
            catalogRoot: [1, 2], time: UnixTime(seconds: TestFleet.now)
        ).encoded()
        let proof = try JoinProof.answer(secret: secret, nonce: request.nonce, body: body, OpenSSLKeyedHash())
        return .joinAnswer(JoinAnswer(body: body, proof: proof))
    }

    private func join(
        as role: Role = .agent, answering: @escaping (JoinRequest) throws -> Message
    ) async throws -> Joining.Outcome {
        let joining = try Joining(token: token, role: role, name: try NodeName("mail-1"))
        return try await joining.run(peer: try peer(), upstream: "hub.example:7440") { message in
            switch message {
            case .joinBegin: .joinChallenge(JoinChallenge(nonce: nonce))
            case .joinRequest(let request): try answering(request)
            default: throw JoinTestError.unexpected
            }
        }
    }

    @Test func aMemberIsCalledWhatTheHubSays() async throws {
        let joining = try Joining(token: token, role: .agent, name: try NodeName("mail-1"))
        let got = try await join { try answer($0, name: "mail-1-2") }.identity.member
        #expect(got.name.text == "mail-1-2")
        #expect(try #require(joining.remark(on: got, wasNamed: true)).contains("this one is mail-1-2"))
        let wanted = try await join { try answer($0) }.identity.member
        #expect(joining.remark(on: wanted, wasNamed: true) == nil)
        #expect(try #require(joining.remark(on: wanted, wasNamed: false)).contains("named after this machine"))
        await #expect(throws: (any Error).self) { try await join { try answer($0, name: "a b") } }
    }

    private enum JoinTestError: Error { case unexpected }

    @Test(arguments: [Role.agent, .spoke]) func aJoinGivesAnIdentityForTheKeyThatWasMadeHere(_ role: Role) async throws
    {
        let outcome = try await join(as: role) { try answer($0) }
        #expect(outcome.identity.member.role == role)
        #expect(outcome.identity.member.name.text == "mail-1")
        #expect(outcome.identity.tls.leaf.publicKeyInfo == outcome.identity.tls.key.publicKey.der)
        #expect((outcome.identity.reportKey != nil) == (role == .agent))
        #expect(outcome.catalogRoot == [1, 2])
    }

    @Test func aSpokeThatSwapsTheCertificateKeyIsRefused() async throws {
        let stolen = try PrivateKey.generate(.p256).publicKey
        await #expect(throws: (any Error).self) { try await join { try answer($0, key: stolen) } }
    }

    @Test func anAnswerWithoutTheSecretIsRefused() async throws {
        await #expect(throws: RecordError.badProof) {
            try await join { try answer($0, secret: Array(repeating: 8, count: 32)) }
        }
    }

    @Test func anAnswerAlteredOnTheWayIsRefused() async throws {
        await #expect(throws: RecordError.badProof) {
            try await join {
                guard case .joinAnswer(var reply) = try answer($0) else { throw JoinTestError.unexpected }
                reply.body[reply.body.count - 1] ^= 1
                return .joinAnswer(reply)
            }
        }
    }

    @Test func anotherRoleThanAskedForIsRefused() async throws {
        await #expect(throws: Joining.Failure.self) {
            try await join { try answer($0, uri: "axle://test/hub/\(NodeID(high: 3, low: 4))") }
        }
    }

    @Test func anotherFleetIsRefused() async throws {
        await #expect(throws: Joining.Failure.self) { try await join { try answer($0, fleetName: "other") } }
    }

    @Test func rootsWithoutThePinnedOneAreRefused() async throws {
        await #expect(throws: Joining.Failure.self) {
            try await join { try answer($0, roots: [fleet.otherRoot.certificate]) }
        }
    }

    @Test func aRefusalComesWithTheHubsOwnWords() async throws {
        let error = await #expect(throws: Joining.Failure.self) {
            try await join { _ in .error(ErrorReply(code: .expired, text: "the token has been used")) }
        }
        #expect(error?.description.contains("the token has been used") == true)
    }
}
