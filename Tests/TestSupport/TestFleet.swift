package import TLS

/// A complete fleet's certificates, made in memory: for every test that needs an identity, a good one or a bad one.
///
/// All dates are around `now`, which is fixed, so that tests do not depend on the clock: hand `now` in as the certificate time.
/// Bad identities are wrong in exactly the way that their name says.
package struct TestFleet: Sendable {
    /// The moment at which the good certificates are good: 2026-01-01T00:00:00Z, in seconds since 1970.
    package static let now: Int64 = 1_767_225_600
    /// Name of the fleet in the URIs.
    package let name: String
    /// The root and the hub's issuing authority.
    package let root: CertificateAuthority
    package let issuing: CertificateAuthority
    /// What members of the fleet trust.
    package let anchors: TrustStore

    /// The hub (its chain holds the root too, as a join needs it; also good for `localhost` and `127.0.0.1`).
    package let hub: TLSIdentity
    /// A spoke (also good for `localhost` and `127.0.0.1`).
    package let spoke: TLSIdentity
    /// An agent.
    package let agent: TLSIdentity
    /// A second spoke and a second agent.
    package let otherSpoke: TLSIdentity
    package let otherAgent: TLSIdentity

    /// A spoke whose certificate has just ended at `now`.
    package let expired: TLSIdentity
    /// A spoke whose certificate begins a second after `now`.
    package let notYetValid: TLSIdentity
    /// A node whose URI has a role that does not exist.
    package let unknownRole: TLSIdentity
    /// A spoke of another fleet, signed by our authority.
    package let otherFleet: TLSIdentity
    /// A node with two URIs, hub and spoke.
    package let twoURIs: TLSIdentity
    /// A node with no URI at all.
    package let noURI: TLSIdentity
    /// A spoke with the same URI as `spoke`, signed by another authority.
    package let otherCA: TLSIdentity
    /// That other authority's root.
    package let otherRoot: CertificateAuthority
    /// An identity whose issuer is a leaf: an agent that tries to be an authority.
    package let issuedByLeaf: TLSIdentity

    /// Ids of the good identities: 32 lower-case hexadecimal digits.
    package static let hubID = "000000000000000000000000000000a1"
    package static let spokeID = "000000000000000000000000000000b1"
    package static let otherSpokeID = "000000000000000000000000000000b2"
    package static let agentID = "000000000000000000000000000000c1"
    package static let otherAgentID = "000000000000000000000000000000c2"

    /// Begin and end of the good certificates' validity: 90 days.
    package static let dates: ClosedRange<Int64> = now - 86_400...now + 89 * 86_400

    /// Makes a fleet with new keys (a few milliseconds).
    package init(name: String = "test") throws {
        let longDates = Self.now - 86_400...Self.now + 3650 * 86_400
        self.name = name
        root = try CertificateAuthority.root(name: "\(name) root", dates: longDates)
        issuing = try root.issuing(name: "\(name) issuing", dates: longDates)
        anchors = try TrustStore([root.certificate])
        otherRoot = try CertificateAuthority.root(name: "\(name) root", dates: longDates)
        let otherIssuing = try otherRoot.issuing(name: "\(name) issuing", dates: longDates)

        let spokeURI = "axle://\(name)/spoke/\(Self.spokeID)"
        hub = try Self.make(
            issuing, [root.certificate], ["axle://\(name)/hub/\(Self.hubID)"], isServer: true)
        spoke = try Self.make(issuing, [root.certificate], [spokeURI], isServer: true)
        agent = try Self.make(issuing, [], ["axle://\(name)/agent/\(Self.agentID)"])
        otherSpoke = try Self.make(
            issuing, [root.certificate], ["axle://\(name)/spoke/\(Self.otherSpokeID)"], isServer: true)
        otherAgent = try Self.make(issuing, [], ["axle://\(name)/agent/\(Self.otherAgentID)"])

        expired = try Self.make(issuing, [], [spokeURI], isServer: true, Self.now - 86_400...Self.now)
        notYetValid = try Self.make(issuing, [], [spokeURI], isServer: true, Self.now + 1...Self.now + 86_400)
        unknownRole = try Self.make(issuing, [], ["axle://\(name)/king/\(Self.spokeID)"], isServer: true)
        otherFleet = try Self.make(issuing, [], ["axle://not-\(name)/spoke/\(Self.spokeID)"], isServer: true)
        twoURIs = try Self.make(
            issuing, [], ["axle://\(name)/hub/\(Self.hubID)", spokeURI], isServer: true)
        noURI = try Self.make(issuing, [], [], isServer: true)
        otherCA = try Self.make(otherIssuing, [otherRoot.certificate], [spokeURI], isServer: true)
        issuedByLeaf = try Self.makeIssuedByLeaf(agent, root.certificate, issuing.certificate, spokeURI)
    }

    /// An identity issued by this fleet's authority for `role` ("hub", "spoke" or "agent") and `id`.
    package func identity(role: String, id: String, dates: ClosedRange<Int64> = dates) throws -> TLSIdentity {
        try Self.make(
            issuing, role == "agent" ? [] : [root.certificate], ["axle://\(name)/\(role)/\(id)"],
            isServer: role != "agent", dates)
    }

    private static func make(
        _ authority: CertificateAuthority, _ above: [Certificate], _ uris: [String], isServer: Bool = false,
        _ dates: ClosedRange<Int64> = dates
    ) throws -> TLSIdentity {
        let key = try PrivateKey.generate(.p256)
        let profile = LeafProfile(
            name: "test", uris: uris, dnsNames: isServer ? ["localhost"] : [],
            ipAddresses: isServer ? ["127.0.0.1", "::1"] : [], isServer: isServer, isClient: true, dates: dates)
        let leaf = try authority.issue(profile, for: key.publicKey)
        return try TLSIdentity(chain: [leaf, authority.certificate] + above, key: key)
    }

    /// A certificate signed with an agent's key: made by an authority that shares the agent's name and key.
    private static func makeIssuedByLeaf(
        _ agent: TLSIdentity, _ root: Certificate, _ issuing: Certificate, _ uri: String
    ) throws -> TLSIdentity {
        let pretender = try CertificateAuthority.root(name: "test", dates: dates, key: agent.key)
        let made = try make(pretender, [], [uri], isServer: true)
        return try TLSIdentity(chain: [made.leaf, agent.leaf, issuing, root], key: made.key)
    }
}
