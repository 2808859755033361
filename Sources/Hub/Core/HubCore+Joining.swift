import Model
import Protocol
import Trust

/// Joining: a token's secret is proved and never sent, a nonce lets in one machine, and a use is
/// taken off in the same transaction
/// that makes the member.
extension HubCore {
    /// Who waits for the answer.
    enum JoinAsker {
        /// At the hub's own listener.
        case direct(JoinID)
        /// An agent's, through its spoke.
        case relayed(LinkID, RequestID, spoke: NodeID)
    }

    mutating func joinAsked(_ message: Message, _ asker: JoinAsker, at now: UnixTime) throws {
        // A spoke does not choose who comes to its join listener.
        if let relay = relay(asker) { cause = .joinersThrough(relay) }
        switch message {
        case .joinBegin(let begin): try challenge(begin.token, asker, at: now)
        case .renew(let renew): try renewAsked(renew, asker, at: now)
        case .joinRequest(let request):
            do {
                try join(request, asker, at: now)
            } catch let refusal as JoinRefusal {
                try joinRefused(refusal, asker, at: now)
            }
        default:
            answer(asker, .error(ErrorReply(code: .unsupported, text: "only joining and renewing are possible here")))
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
    private mutating func challenge(_ token: TokenID, _ asker: JoinAsker, at now: UnixTime) throws {
        let nonce = try nonces.make(
            token: token, relay: relay(asker), salt: randomBytes(8), at: now, cryptographyHash)
        answer(asker, .joinChallenge(JoinChallenge(nonce: nonce)))
    }

    func relay(_ asker: JoinAsker) -> NodeID? {
        if case .relayed(_, _, let spoke) = asker { return spoke }
        return nil
    }

    private mutating func join(_ request: JoinRequest, _ asker: JoinAsker, at now: UnixTime) throws {
        let relay = relay(asker)
        guard
            try nonces.accepts(request.nonce, token: request.token, relay: relay, at: now, cryptographyHash)
        else {
            throw JoinRefusal(
                code: .expired, text: "this attempt took too long; try again", why: "the nonce is not known")
        }
        let (token, body) = try checkToken(request, relay, at: now)
        let id = NodeID.random(using: &random)
        let identity = PeerIdentity(fleet: configuration.fleet, role: body.role, id: id)
        let place = try place(of: body, token)
        let issued: IssuedCertificate
        do {
            issued = try cryptography.issue(
                request: body.csr, identity: identity, name: place.name, under: try anchorSet(at: now).set.issuing,
                at: now)
        } catch {
            throw JoinRefusal(code: .invalid, text: "the certificate request is no good", why: "\(error)")
        }
        let answerBody = JoinAnswerBody(
            id: id, fleet: configuration.fleet, chain: issued.chain, roots: try anchorSet(at: now).set.roots,
            orderKey: cryptography.orderKey, catalogRoot: try store.catalog()?.root, time: now
        ).encoded(limit: RecordLimits.record)
        guard let answerBody else {
            throw JoinRefusal(
                code: .internalFault, text: "the fleet's certificates are too long for an answer; see the hub's log",
                why: "the certificates of the fleet's CA are too long for an answer; use a CA with shorter ones")
        }
        guard try store.useToken(token.id, role: body.role, spoke: relay, at: now) else {
            throw JoinRefusal(text: "the token was used up", why: "the token was used up meanwhile")
        }
        // The token lets in few, so that strangers who fail take nothing of what is said of who was let in.
        cause = .admitted(through: relay)
        nonces.use(request.nonce, at: now)
        try vacate(place, body.role, at: now)
        try admit(id, place, body, relay, issued, at: now)
        let proof = try JoinProof.answer(
            secret: token.secret, nonce: request.nonce, body: answerBody, cryptographyHash)
        answer(asker, .joinAnswer(JoinAnswer(body: answerBody, proof: proof)))
    }

    /// The cryptography as the hash that the proofs want.
    private var cryptographyHash: CryptographyHash { CryptographyHash(cryptography: cryptography) }

    private struct CryptographyHash: KeyedHash {
        let cryptography: any HubCryptography
        func hmacSHA256(key: [UInt8], message: [UInt8]) throws -> [UInt8] {
            try cryptography.hmacSHA256(key: key, message: message)
        }
    }

    /// The token's secret is proved first; only then is the joiner told what is wrong.
    private func checkToken(
        _ request: JoinRequest, _ relay: NodeID?, at now: UnixTime
    ) throws -> (TokenRecord, JoinRequestBody) {
        let unknown = "the token is not known here, used up, or expired"
        guard let token = try store.token(request.token), token.usesLeft > 0 else {
            throw JoinRefusal(text: unknown, why: "the token is not known or used up")
        }
        do {
            try JoinProof.checkRequest(
                request.proof, secret: token.secret, nonce: request.nonce, body: request.body, cryptographyHash)
        } catch {
            throw JoinRefusal(text: unknown, why: "the proof was not made with the token's secret")
        }
        guard now < token.expires else {
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

    private mutating func admit(
        _ id: NodeID, _ place: Place, _ body: JoinRequestBody, _ relay: NodeID?, _ issued: IssuedCertificate,
        at now: UnixTime
    ) throws {
        let name = place.name
        if let relay {
            try store.insertClient(
                ClientEntry(
                    id: id, name: name, spoke: relay, labels: place.labels, reportKey: body.reportKey ?? [], joined: now
                ))
            let through = try store.spoke(relay)?.name.text ?? "\(relay)"
            try log(.notice, .agentJoined, "client/\(name)", "\(name) has joined through \(through)", at: now)
        } else {
            try store.insertSpoke(SpokeRecord(id: id, name: name, joined: now))
            try log(.notice, .spokeJoined, "spoke/\(name)", "\(name) has joined", at: now)
            try wishReplicas(at: id, at: now)
        }
        try store.insertCertificate(
            CertificateRecord(
                serial: issued.serial, node: id, role: body.role, issued: now, expires: issued.expires,
                fingerprint: issued.fingerprint))
        let set = try anchorSet(at: now).set
        try store.putStanding(
            StandingRecord(
                node: id, anchors: set.number, heard: now, root: set.issuing.bytes, expires: issued.expires))
    }

    /// What a machine that joins is called, and whom it replaces.
    private struct Place {
        let name: NodeName
        var labels: [String: String] = [:]
        var replaces: NodeID?
    }

    /// The place of the member that the token replaces. Otherwise the name that was asked for, or with a number behind it: a
    /// machine that joins again must not need a visit for its name's sake.
    private func place(of body: JoinRequestBody, _ token: TokenRecord) throws -> Place {
        switch (body.role, token.replaces) {
        case (.agent, let replaced?):
            if let client = try store.client(replaced) {
                return Place(name: client.name, labels: client.labels, replaces: replaced)
            }
        case (.spoke, let replaced?):
            if let spoke = try store.spoke(replaced) {
                return Place(name: spoke.name, replaces: replaced)
            }
        case (.hub, _), (_, nil): break
        }
        if try !isTaken(body.name, body.role) { return Place(name: body.name) }
        let name = try numbered(body.name, where: { try !isTaken($0, body.role) }, suffix: { "-\($0 + 1)" })
        guard let name else {
            throw JoinRefusal(
                code: .invalid, text: "too many machines are called \(body.name)",
                why: "no free name for \(body.name)")
        }
        return Place(name: name)
    }

    /// Revokes who is replaced, and takes the name from a revoked member.
    private mutating func vacate(_ place: Place, _ role: Role, at now: UnixTime) throws {
        if let replaced = place.replaces {
            if role == .agent {
                _ = try revokeClient(replaced, at: now)
            } else {
                _ = try revokeSpoke(replaced, at: now)
            }
        }
        try release(place.name, role, at: now)
    }

    private mutating func joinRefused(_ refusal: JoinRefusal, _ asker: JoinAsker, at now: UnixTime) throws {
        let through = try relay(asker).flatMap { try store.spoke($0)?.name.text }
        let place = through.map { " (through \($0))" } ?? ""
        try log(
            .warning, .joinRefused, "", "a join was refused: \(refusal.why)\(place)", at: now)
        answer(asker, .error(ErrorReply(code: refusal.code, text: refusal.text)))
    }

    mutating func answer(_ asker: JoinAsker, _ message: Message) {
        switch asker {
        case .direct(let join): effects.append(.answerJoin(join, message))
        case .relayed(let link, let request, _): reply(link, request, message)
        }
    }
}
