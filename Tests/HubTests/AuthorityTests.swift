import Hub
import Identity
import Model
import Protocol
import TLS
import TestSupport
import Testing
import Trust

/// The CA of a running fleet is changed, and nobody has to be visited.
@Suite struct AuthorityTests {
    private func addRoot(_ world: IdentityWorld) throws -> HubAuthority {
        let (fleet, now) = (world.fleet, world.time.seconds)
        let added = try world.keys.add { try HubAuthority.create($0, fleet: fleet, now: now) }
        try world.run(.authorities(.add(added.pin)))
        return added
    }

    private func set(_ world: IdentityWorld) throws -> AnchorSet {
        let text = try #require(try world.store.setting(.anchorSet))
        return try AnchorSet.open(
            try #require(ASCII.bytes(hex: text)), keys: [world.cryptography.orderKey], verifier: OpenSSLVerifier())
    }

    @Test(arguments: StoreKind.allCases) func theRootIsChangedStepByStepAndNobodyIsCutOff(kind: StoreKind) async throws
    {
        let world = try IdentityWorld(kind)
        let spoke = try await world.join(.spoke, "s1")
        let link = try world.connect(spoke)
        let agent = try await world.join(.agent, "a1", through: link)
        let old = try #require(world.keys.authorities.first)
        let new = try addRoot(world)
        // Both are believed, the old one is issued under; what is told to the spokes is the signed set.
        #expect(try set(world).roots.count == 2 && set(world).issuing == old.pin)
        #expect(
            world.effects.contains {
                if case .link(.request(link, _, .anchors, _)) = $0 { true } else { false }
            })
        #expect(throws: HubRefusal.self) { try world.run(.authorities(.issueUnderNewest(force: false))) }
        #expect(throws: HubRefusal.self) { try world.run(.authorities(.retireOldest(force: false))) }
        #expect(throws: HubRefusal.self) { try world.run(.authorities(.retireOldest(force: true))) }
        // The answer to a question brings the set, the next question says that it is here.
        for (member, way) in [(spoke, nil), (agent, link)] as [(IdentityWorld.Member, LinkID?)] {
            #expect(try world.renew(member, certificate: false, through: way).hasNewAnchors)
            #expect(try set(world).issuing == old.pin)
            try world.renew(member, certificate: false, through: way)
        }
        // The last one has said so: certificates are issued under the new root, and every member sees that it has to renew.
        #expect(try set(world).issuing == new.pin && set(world).number == 3)
        #expect(throws: HubRefusal.self) { try world.run(.authorities(.retireOldest(force: false))) }
        for (member, way) in [(spoke, nil), (agent, link)] as [(IdentityWorld.Member, LinkID?)] {
            try world.renew(member, certificate: false, through: way)
            #expect(!member.keeper.identity.isUnderIssuingRoot)
            try world.renew(member, through: way)
            #expect(member.keeper.identity.isUnderIssuingRoot)
            // Whoever believes both accepts it, before and after.
            #expect(try world.isAccepted(member.keeper.identity.tls, by: spoke.keeper.identity.anchors))
            try world.use(member)
            try world.renew(member, certificate: false, through: way)
        }
        try world.run(.authorities(.retireOldest(force: false)))
        #expect(try set(world).roots == [new.root.der])
        for member in [spoke, agent] {
            try world.renew(member, certificate: false, through: member === agent ? link : nil)
            #expect(member.keeper.identity.anchors == [new.root])
            #expect(try !world.isAccepted(member.keeper.identity.tls, by: [old.root]))
        }
        // Another change can begin, and one at a time only.
        _ = try addRoot(world)
        #expect(throws: HubRefusal.self) { _ = try addRoot(world) }
    }

    @Test func aMemberThatWasAwayDuringTheWholeChangeFindsBackByItself() async throws {
        let world = try IdentityWorld()
        let here = try await world.join(.spoke, "here")
        let away = try await world.join(.spoke, "away")
        let new = try addRoot(world)
        for _ in 0..<2 { try world.renew(here, certificate: false) }
        #expect(try set(world).issuing != new.pin)  // away has not said anything
        try world.run(.authorities(.issueUnderNewest(force: true)))
        try world.renew(here, certificate: false)
        try world.renew(here)
        try world.use(here)
        try world.renew(here, certificate: false)
        #expect(throws: HubRefusal.self) { try world.run(.authorities(.retireOldest(force: false))) }
        try world.run(.authorities(.retireOldest(force: true)))
        try world.renew(here, certificate: false)
        world.time.advance(days: 44)
        // It does not believe the hub's new certificate, and the hub not its old one; the hub's signature is what counts.
        let hub = here.keeper.identity.tls
        #expect(try !world.isAccepted(hub, by: away.keeper.identity.anchors))
        #expect(try !world.isAccepted(away.keeper.identity.tls, by: here.keeper.identity.anchors))
        try world.renew(away, certificate: false)
        #expect(try world.isAccepted(hub, by: away.keeper.identity.anchors))
        try world.renew(away)
        #expect(try world.isAccepted(away.keeper.identity.tls, by: here.keeper.identity.anchors))
    }

    @Test func aSpokeCannotPutInARootAndAnOlderSetIsRefused() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        let first = try #require(try world.store.setting(.anchorSet).flatMap { ASCII.bytes(hex: $0) })
        _ = try addRoot(world)
        try world.renew(spoke, certificate: false)
        let known = spoke.keeper.identity.anchors
        // Correctly signed, but older.
        #expect(throws: IdentityError.self) { try spoke.keeper.take(anchors: first) }
        // Newer, but signed with another key.
        let mine = try PrivateKey.generate(.p256)
        let evil = try AnchorSet(
            fleet: world.fleet, number: 99, issued: world.now,
            roots: [try CertificateAuthority.root(name: "evil", dates: 0...world.time.seconds * 2).certificate.der],
            issuing: try SHA256Digest(bytes: [UInt8](repeating: 1, count: 32)))
        #expect(throws: IdentityError.self) {
            try spoke.keeper.take(anchors: try evil.signed(by: OpenSSLRecordSigner(mine)))
        }
        // Of another fleet of the same hub.
        let foreign = try AnchorSet(
            fleet: try FleetName("other"), number: 99, issued: world.now, roots: evil.roots, issuing: evil.issuing)
        #expect(throws: IdentityError.self) {
            try spoke.keeper.take(
                anchors: try foreign.signed(
                    by: world.cryptography.orderSigner as? OpenSSLRecordSigner ?? OpenSSLRecordSigner(mine)))
        }
        try spoke.restart()
        #expect(spoke.keeper.identity.anchors == known && known.count == 2)
    }

    @Test func aForcedRetirementLetsInNothingThatTheOldRootSignsLater() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        let old = try #require(world.keys.authorities.first)
        _ = try addRoot(world)
        try world.run(.authorities(.issueUnderNewest(force: true)))
        try world.run(.authorities(.retireOldest(force: true)))
        // Whoever stole the old CA's key signs himself the spoke's name.
        let thief = try PrivateKey.generate(.p256)
        let issued = try world.cryptography.issue(
            request: try CertificateRequest(key: thief).der, identity: spoke.keeper.identity.peer,
            name: try NodeName("s1"), under: old.pin, at: world.now)
        let request = try RenewalRequest(
            fleet: world.fleet, node: spoke.id, nonce: Array(repeating: 1, count: 32), time: world.now, anchors: 1,
            certificate: issued.chain[0], csr: try CertificateRequest(key: thief).der)
        let answer = try world.ask(
            .renew(Renew(node: spoke.id, signed: try request.signed(by: OpenSSLRecordSigner(thief)))))
        guard case .error(let error) = answer else {
            Issue.record("a retired root still lets in")
            return
        }
        #expect(error.code == .refused)
        // The spoke's own certificate, which the hub remembers, finds back.
        try world.renew(spoke)
    }

    @Test func theHubsOwnCertificatesAreRenewedAtHalfOfTheirLifeAndFollowTheRoot() throws {
        let world = try IdentityWorld()
        let old = try #require(world.keys.authorities.first)
        let now = world.time.seconds
        #expect(try world.keys.renew(issuing: old.pin, oldest: old.pin, now: now))
        let first = try #require(world.keys.wire?.leaf)
        #expect(try !world.keys.renew(issuing: old.pin, oldest: old.pin, now: now + 44 * 86_400))
        #expect(try world.keys.renew(issuing: old.pin, oldest: old.pin, now: now + 46 * 86_400))
        #expect(world.keys.wire?.leaf != first)
        let new = try addRoot(world)
        #expect(try world.keys.renew(issuing: new.pin, oldest: old.pin, now: now + 47 * 86_400))
        #expect(world.keys.wire?.chain.last == new.root && world.keys.api?.chain.last == old.root)
    }
}
