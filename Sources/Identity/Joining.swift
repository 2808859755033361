package import Model
package import Protocol
package import TLS
package import Trust

/// The joiner's half of a join, TRUST.md "Identity": shows that it knows the token's secret, and believes an answer only
/// if whoever made it knows the secret too.
///
/// The same for a spoke at the hub and for an agent through its spoke, which relays and can change nothing.
package struct Joining: Sendable {
    /// What a join gave.
    package struct Outcome: Sendable {
        package let identity: MemberIdentity
        /// The vendor's root as the hub knows it, if it does; it came through the hub and is to be marked so.
        package let catalogRoot: [UInt8]?
        /// The hub's clock.
        package let time: UnixTime

        /// That the two clocks differ, for the person who joins the machine; nil where they agree. `own` is what this
        /// machine's shows.
        package func clockWarning(own: UnixTime) -> String? {
            let difference = own - time
            guard difference > ClockFloor.tolerance || difference < .zero - ClockFloor.tolerance else { return nil }
            return
                "warning: this machine's clock shows \(own), the hub's \(time). The hub's time is used here; set the clock "
                + "that is wrong (see docs/clocks.md)"
        }
    }

    /// What to say of a connection that could not be made because of a certificate's dates: either certificate or
    /// clock is wrong, and mostly it is the clock. Nil for any other failure.
    package static func clockDoubt(_ error: any Error, own: UnixTime) -> String? {
        let text = "\(error)"
        guard ["not yet valid", "has expired"].contains(where: { text.contains($0) }) else { return nil }
        return
            "\(text). This machine's clock shows \(own): if that is wrong, set it and join again, the token is not used up; "
            + "if it is right, the other side's clock was wrong when it got its certificate (see docs/clocks.md)"
    }

    package enum Failure: Error, Sendable, CustomStringConvertible {
        /// The hub said no; its own words.
        case refused(String)
        /// The answer does not fit the question or its proof is wrong.
        case untrusted(String)

        package var description: String {
            switch self {
            case .refused(let why): "the hub refused: \(why)"
            case .untrusted(let why): "the answer cannot be believed: \(why)"
            }
        }
    }

    private let token: JoinToken
    private let role: Role
    private let name: NodeName
    private let key: PrivateKey
    private let reportKey: PrivateKey?

    /// A join with fresh keys; an agent gets a report key too.
    package init(token: JoinToken, role: Role, name: NodeName) throws(TLSError) {
        self.token = token
        self.role = role
        self.name = name
        key = try PrivateKey.generate(.p256)
        reportKey = role == .agent ? try PrivateKey.generate(.p256) : nil
    }

    /// Runs the conversation; `ask` sends a message and gives the answer. `peer` is who answered the connection, by its
    /// certificate under the pinned root; `upstream` is where that was.
    package func run(
        peer: PeerIdentity, upstream: String, listen: String? = nil, ask: (Message) async throws -> Message
    ) async throws -> Outcome {
        let nonce: [UInt8]
        switch try await ask(.joinBegin(JoinBegin(token: token.id))) {
        case .joinChallenge(let challenge): nonce = challenge.nonce
        case .error(let error): throw Failure.refused(error.text)
        case let other: throw Failure.untrusted("\(other.name) in place of a challenge")
        }
        let body = JoinRequestBody(
            csr: try CertificateRequest(key: key).der, name: name, reportKey: reportKey?.publicKey.der, role: role
        ).encoded()
        let hash = OpenSSLKeyedHash()
        let proof = try JoinProof.request(secret: token.secret, nonce: nonce, body: body, hash)
        switch try await ask(.joinRequest(JoinRequest(token: token.id, nonce: nonce, body: body, proof: proof))) {
        case .joinAnswer(let answer):
            try JoinProof.checkAnswer(
                answer.proof, secret: token.secret, nonce: nonce, body: answer.body, hash)
            return try outcome(
                try JoinAnswerBody(decoding: answer.body), peer: peer, upstream: upstream, listen: listen)
        case .error(let error): throw Failure.refused(error.text)
        case let other: throw Failure.untrusted("\(other.name) in place of an answer")
        }
    }

    private func outcome(
        _ body: JoinAnswerBody, peer: PeerIdentity, upstream: String, listen: String?
    ) throws -> Outcome {
        guard body.fleet == peer.fleet else {
            throw Failure.untrusted("it names fleet \(body.fleet), the peer is of \(peer.fleet)")
        }
        let chain = try body.chain.map { try Certificate(der: $0) }
        let roots = try body.roots.map { try Certificate(der: $0) }
        guard roots.contains(where: { $0.publicKeyFingerprint == token.pin.bytes }) else {
            throw Failure.untrusted("none of its roots is the one that the token pins")
        }
        let tls = try TLSIdentity(chain: chain, key: key)
        let wanted = PeerIdentity(fleet: body.fleet, role: role, id: body.id).description
        guard tls.leaf.uris == [wanted] else {
            throw Failure.untrusted("the certificate names \(tls.leaf.uris), not \(wanted)")
        }
        let member = MemberIdentity.Member(
            fleet: body.fleet, role: role, id: body.id, name: name, upstream: upstream, upstreamID: peer.id,
            listen: listen)
        let identity = MemberIdentity(
            member: member, tls: tls, anchors: roots, hubOrderKey: try PublicKey(der: body.orderKey),
            reportKey: reportKey)
        return Outcome(identity: identity, catalogRoot: body.catalogRoot, time: body.time)
    }
}
