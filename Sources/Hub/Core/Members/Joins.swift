import Model
import Protocol
import Trust

/// Joining: a token's secret is proved and never sent, a nonce lets in one machine, and a use is
/// taken off in the same transaction that makes the member.
///
/// It keeps the key of the nonces and those that were used.
struct Joins {
    private var nonces: JoinNonces

    /// `key` has 32 random bytes.
    init(key: [UInt8]) { nonces = JoinNonces(key: key) }
    /// Somebody asks to join, or to renew a certificate.
    mutating func asked(_ message: Message, _ asker: JoinAsker, _ turn: inout HubTurn) throws {
        // A spoke does not choose who comes to its join listener.
        if let relay = asker.relay { turn.blame(.joinersThrough(relay)) }
        switch message {
        case .joinBegin(let begin): try challenge(begin.token, asker, &turn)
        case .renew(let renew): try Renewals.asked(renew, asker, &turn)
        case .joinRequest(let request):
            do {
                try join(request, asker, &turn)
            } catch let refusal as JoinRefusal {
                try Self.joinRefused(refusal, asker, &turn)
            }
        default:
            asker.answer(
                .error(ErrorReply(code: .unsupported, text: "only joining and renewing are possible here")), &turn)
        }
    }

    private struct JoinRefusal: Error {
        var code = RequestErrorCode.refused
        /// What the joiner is told.
        let text: String
        /// What the log says.
        let why: String
    }

    /// Any token gets a nonce: whether it exists is said only to who can prove its secret.
    private mutating func challenge(_ token: TokenID, _ asker: JoinAsker, _ turn: inout HubTurn) throws {
        let nonce = try nonces.make(
            token: token, relay: asker.relay, salt: turn.randomBytes(8), at: turn.now, Self.hash(turn))
        asker.answer(.joinChallenge(JoinChallenge(nonce: nonce)), &turn)
    }

    private mutating func join(_ request: JoinRequest, _ asker: JoinAsker, _ turn: inout HubTurn) throws {
        let relay = asker.relay
        guard
            try nonces.accepts(request.nonce, token: request.token, relay: relay, at: turn.now, Self.hash(turn))
        else {
            throw JoinRefusal(
                code: .expired, text: "this attempt took too long; try again", why: "the nonce is not known")
        }
        let (token, body) = try Self.checkToken(request, relay, turn)
        let id = NodeID.random(using: &turn.random)
        let identity = PeerIdentity(fleet: turn.configuration.fleet, role: body.role, id: id)
        let place = try Self.place(of: body, token, turn)
        let issued: IssuedCertificate
        do {
            issued = try turn.cryptography.issue(
                request: body.csr, identity: identity, name: place.name,
                under: try Authorities.anchorSet(&turn).set.issuing,
                at: turn.now)
        } catch {
            throw JoinRefusal(code: .invalid, text: "the certificate request is no good", why: "\(error)")
        }
        let answerBody = JoinAnswerBody(
            id: id, fleet: turn.configuration.fleet, chain: issued.chain,
            roots: try Authorities.anchorSet(&turn).set.roots,
            orderKey: turn.cryptography.orderKey, catalogRoot: try turn.store.catalog()?.root, time: turn.now
        ).encoded(limit: RecordLimits.record)
        guard let answerBody else {
            throw JoinRefusal(
                code: .internalFault, text: "the fleet's certificates are too long for an answer; see the hub's log",
                why: "the certificates of the fleet's CA are too long for an answer; use a CA with shorter ones")
        }
        guard try turn.store.useToken(token.id, role: body.role, spoke: relay, at: turn.now) else {
            throw JoinRefusal(text: "the token was used up", why: "the token was used up meanwhile")
        }
        // The token lets in few, so that strangers who fail take nothing of what is said of who was
        // let in.
        turn.blame(.admitted(through: relay))
        nonces.use(request.nonce, at: turn.now)
        try Self.vacate(place, body.role, &turn)
        try Self.admit(id, place, body, relay, issued, &turn)
        let proof = try JoinProof.answer(
            secret: token.secret, nonce: request.nonce, body: answerBody, Self.hash(turn))
        asker.answer(.joinAnswer(JoinAnswer(body: answerBody, proof: proof)), &turn)
    }

    /// The cryptography as the hash that the proofs need.
    private static func hash(_ turn: HubTurn) -> CryptographyHash { CryptographyHash(cryptography: turn.cryptography) }

    private struct CryptographyHash: KeyedHash {
        let cryptography: any HubCryptography
        func hmacSHA256(key: [UInt8], message: [UInt8]) throws -> [UInt8] {
            try cryptography.hmacSHA256(key: key, message: message)
        }
    }

    /// The token's secret is proved first; only then is the joiner told what is wrong.
    private static func checkToken(
        _ request: JoinRequest, _ relay: NodeID?, _ turn: HubTurn
    ) throws -> (TokenRecord, JoinRequestBody) {
        let unknown = "the token is not known here, used up, or expired"
        guard let token = try turn.store.token(request.token), token.usesLeft > 0 else {
            throw JoinRefusal(text: unknown, why: "the token is not known or used up")
        }
        do {
            try JoinProof.checkRequest(
                request.proof, secret: token.secret, nonce: request.nonce, body: request.body, Self.hash(turn))
        } catch {
            throw JoinRefusal(text: unknown, why: "the proof was not made with the token's secret")
        }
        guard turn.now < token.expires else {
            throw JoinRefusal(
                code: .expired, text: "the token has expired; make a new one", why: "the token has expired")
        }
        let body: JoinRequestBody
        do {
            body = try JoinRequestBody(decoding: request.body)
        } catch {
            throw JoinRefusal(code: .invalid, text: "the request is malformed", why: "\(error)")
        }
        guard body.role == token.role else {
            throw JoinRefusal(
                text: "the token is for a \(token.role.name)",
                why: "a \(body.role.name) used a \(token.role.name)'s token")
        }
        guard (body.role == .agent) == (relay != nil) else {
            let text = body.role == .agent ? "an agent joins through its spoke" : "a spoke joins at the hub itself"
            throw JoinRefusal(text: text, why: text)
        }
        guard token.spoke == nil || token.spoke == relay else {
            throw JoinRefusal(text: "the token is for another spoke", why: "the token is for another spoke")
        }
        return (token, body)
    }

    private static func admit(
        _ id: NodeID, _ place: Place, _ body: JoinRequestBody, _ relay: NodeID?, _ issued: IssuedCertificate,
        _ turn: inout HubTurn
    ) throws {
        let name = place.name
        if let relay {
            try turn.store.insertClient(
                ClientEntry(
                    id: id, name: name, spoke: relay, labels: place.labels, reportKey: body.reportKey ?? [],
                    joined: turn.now
                ))
            let through = try turn.store.spoke(relay)?.name.text ?? "\(relay)"
            try turn.log(.notice, .agentJoined, "client/\(name)", "\(name) has joined through \(through)")
        } else {
            try turn.store.insertSpoke(SpokeRecord(id: id, name: name, joined: turn.now))
            try turn.log(.notice, .spokeJoined, "spoke/\(name)", "\(name) has joined")
            try Replicas.request(at: id, &turn)
        }
        try turn.store.insertCertificate(
            CertificateRecord(
                serial: issued.serial, node: id, role: body.role, issued: turn.now, expires: issued.expires,
                fingerprint: issued.fingerprint))
        let set = try Authorities.anchorSet(&turn).set
        try turn.store.putStanding(
            StandingRecord(
                node: id, anchors: set.number, heard: turn.now, root: set.issuing.bytes, expires: issued.expires))
    }

    /// What a machine that joins is called, and whom it replaces.
    private struct Place {
        let name: NodeName
        var labels: [String: String] = [:]
        var replaces: NodeID?
    }

    /// The place of the member that the token replaces. Otherwise the name that was asked for, or with a number behind it: a
    /// machine that joins again must not need a visit for its name's sake.
    private static func place(of body: JoinRequestBody, _ token: TokenRecord, _ turn: HubTurn) throws -> Place {
        switch (body.role, token.replaces) {
        case (.agent, let replaced?):
            if let client = try turn.store.client(replaced) {
                return Place(name: client.name, labels: client.labels, replaces: replaced)
            }
        case (.spoke, let replaced?):
            if let spoke = try turn.store.spoke(replaced) {
                return Place(name: spoke.name, replaces: replaced)
            }
        case (.hub, _), (_, nil): break
        }
        if try !Members.isTaken(body.name, body.role, turn) { return Place(name: body.name) }
        let name = try Members.numbered(
            body.name, where: { try !Members.isTaken($0, body.role, turn) }, suffix: { "-\($0 + 1)" })
        guard let name else {
            throw JoinRefusal(
                code: .invalid, text: "too many machines are called \(body.name)",
                why: "no free name for \(body.name)")
        }
        return Place(name: name)
    }

    /// Revokes who is replaced, and takes the name from a revoked member.
    private static func vacate(_ place: Place, _ role: Role, _ turn: inout HubTurn) throws {
        if let replaced = place.replaces {
            if role == .agent {
                _ = try Members.revokeClient(replaced, &turn)
            } else {
                _ = try Members.revokeSpoke(replaced, &turn)
            }
            try Tokens.revokeAll(replacing: replaced, &turn)
        }
        try Members.release(place.name, role, &turn)
    }

    private static func joinRefused(_ refusal: JoinRefusal, _ asker: JoinAsker, _ turn: inout HubTurn) throws {
        let through = try asker.relay.flatMap { try turn.store.spoke($0)?.name.text }
        let place = through.map { " (through \($0))" } ?? ""
        try turn.log(
            .warning, .joinRefused, "", "a join was refused: \(refusal.why)\(place)")
        asker.answer(.error(ErrorReply(code: refusal.code, text: refusal.text)), &turn)
    }
}
