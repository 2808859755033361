import Model
import Protocol
import Trust

/// Renewals: a member asks with the signature of its certificate's key, over a session, through its spoke, or, when nothing else serves any more,
/// over a join connection. The answer is signed and bound to the request, so that whoever carries it can only drop it.
enum Renewals {
    private struct RenewalRefusal: Error {
        var code = RequestErrorCode.refused
        let text: String
        /// Whether somebody tries what an honest member never does.
        var isAttack = false
    }

    static func asked(_ message: Renew, _ asker: JoinAsker, _ turn: inout HubTurn) throws {
        do {
            let (shown, request) = try checkRenewal(message, asker, &turn)
            // From here on it is the member's own doing, though its spoke may say it again.
            let carrier = shown.identity.role == .spoke ? nil : asker.relay
            turn.blame(carrier.map { .carried(message.node, by: $0) } ?? .spoke(message.node))
            let signed = try renew(shown, request, message.signed, &turn)
            asker.answer(.renewed(Renewed(signed: signed)), &turn)
        } catch let refusal as RenewalRefusal {
            let place = try place(of: asker, turn)
            try turn.log(
                refusal.isAttack ? .error : .warning,
                refusal.isAttack ? .attackSeen : .renewalRefused,
                try refusal.isAttack ? turn.nameOfCause : turn.subject(of: message.node),
                "a renewal was refused: \(refusal.text)\(place)")
            asker.answer(.error(ErrorReply(code: refusal.code, text: refusal.text)), &turn)
        }
    }

    /// Who asks, if it may: known, not revoked, in the scope of who relays, with a certificate of ours that was not replaced and did not end too long ago.
    private static func checkRenewal(
        _ message: Renew, _ asker: JoinAsker, _ turn: inout HubTurn
    ) throws -> (ShownCertificate, RenewalRequest) {
        let node = message.node
        let relay = asker.relay
        let role: Role
        let revoked: UnixTime?
        if let spoke = try turn.store.spoke(node) {
            guard relay == nil || relay == node else {
                throw RenewalRefusal(text: "a spoke does not renew through another", isAttack: true)
            }
            (role, revoked) = (.spoke, spoke.revoked)
        } else if let client = try turn.store.client(node) {
            guard let relay, client.spoke == relay else {
                throw RenewalRefusal(text: "an agent renews through its own spoke")
            }
            (role, revoked) = (.agent, client.revoked)
        } else {
            throw RenewalRefusal(text: "this hub does not know the member; it has to join with a new token")
        }
        guard revoked == nil else {
            throw RenewalRefusal(
                text: "this \(role.name) has been revoked; if it is to come back, it joins again with a new token")
        }
        let shown: ShownCertificate
        let request: RenewalRequest
        do {
            shown = try turn.cryptography.read(
                certificate: try RenewalRequest.readUnverified(message.signed).certificate)
            request = try RenewalRequest.open(message.signed, keys: [shown.key], verifier: turn.cryptography.verifier)
        } catch let error as RecordError {
            if case .badSignature = error {
                throw RenewalRefusal(text: "the request is not signed by the member's key", isAttack: true)
            }
            throw RenewalRefusal(code: .invalid, text: "\(error)")
        } catch {
            throw RenewalRefusal(code: .invalid, text: "the certificate is no good: \(error)")
        }
        guard request.fleet == turn.configuration.fleet, request.node == node,
            shown.identity == PeerIdentity(fleet: turn.configuration.fleet, role: role, id: node)
        else { throw RenewalRefusal(text: "the request is in another's name", isAttack: true) }
        let kept = try turn.store.certificates(of: node)
        let believed = try Authorities.anchorSet(&turn).set.roots
        let isOurs = turn.cryptography.authorities.contains {
            $0.pin == shown.root && believed.contains($0.certificate)
        }
        guard isOurs || kept.contains(where: { $0.fingerprint == shown.fingerprint }) else {
            throw RenewalRefusal(
                text: "the certificate is not of this fleet's authority; join again with a new token", isAttack: true)
        }
        if let oldest = kept.map(\.expires).min(), shown.expires < oldest {
            throw RenewalRefusal(text: "the certificate was replaced by a newer one that is in use", isAttack: true)
        }
        guard turn.now - shown.expires < RenewalSchedule.offlineHorizon else {
            throw RenewalRefusal(
                code: .expired,
                text: "the certificate ended on \(shown.expires), more than 45 days ago; join again with a new token "
                    + "(axle token create --role \(role.name), then axle-\(role.name) join)")
        }
        return (shown, request)
    }

    private static func renew(
        _ shown: ShownCertificate, _ request: RenewalRequest, _ signed: [UInt8], _ turn: inout HubTurn
    ) throws -> [UInt8] {
        let node = request.node
        // What this certificate has replaced is of no more use to anyone.
        try turn.store.removeCertificates(of: node, endingBefore: shown.expires)
        let set = try Authorities.anchorSet(&turn)
        var chain: [[UInt8]] = []
        if let csr = request.csr {
            let recent = try turn.store.certificates(of: node).filter { turn.now - $0.issued < .seconds(3600) }
            guard recent.count < HubLimits.renewalsPerHour else {
                throw RenewalRefusal(code: .busy, text: "as many certificates as may be were made in this hour")
            }
            let name = try turn.store.spoke(node)?.name ?? turn.store.client(node)?.name
            let issued: IssuedCertificate
            do {
                issued = try turn.cryptography.issue(
                    request: csr, identity: shown.identity, name: try name ?? NodeName("unknown"),
                    under: set.set.issuing,
                    at: turn.now)
            } catch {
                throw RenewalRefusal(code: .invalid, text: "the certificate request is no good")
            }
            try turn.store.insertCertificate(
                CertificateRecord(
                    serial: issued.serial, node: node, role: shown.identity.role, issued: turn.now,
                    expires: issued.expires,
                    fingerprint: issued.fingerprint))
            try forgetUnused(of: node, but: shown, turn)
            chain = issued.chain
            try turn.log(
                .info, .certificateRenewed, try turn.subject(of: node),
                "a new certificate was issued, good until \(issued.expires)")
        }
        try heard(shown, request, &turn)
        let answer = RenewalAnswer(
            fleet: turn.configuration.fleet, node: node,
            request: try SHA256Digest(bytes: turn.cryptography.sha256(signed)), time: turn.now, anchors: set.signed,
            chain: chain)
        return try answer.signed(by: turn.cryptography.orderSigner)
    }

    /// Of a member that never uses a new certificate the oldest go: not the one that it shows,
    /// which may be all that it has, and not the newest, which say how long a revocation has to
    /// last.
    private static func forgetUnused(of node: NodeID, but shown: ShownCertificate, _ turn: HubTurn) throws {
        let kept = try turn.store.certificates(of: node)
        let unused = kept.filter { $0.fingerprint != shown.fingerprint }.sorted { $0.issued < $1.issued }
        for old in unused.prefix(max(0, kept.count - HubLimits.certificates)) {
            try turn.store.removeCertificate(serial: old.serial)
        }
    }

    /// Writes down what the member has proved, and says once when its clock goes wrong and once when it is right again.
    private static func heard(_ shown: ShownCertificate, _ request: RenewalRequest, _ turn: inout HubTurn) throws {
        let before = try turn.store.standing(of: request.node)
        let error = request.time - turn.now
        let limit = HubLimits.clockError
        let isWrong = error > limit || error < .zero - limit
        var standing = StandingRecord(
            node: request.node, anchors: request.anchors, heard: turn.now, root: shown.root?.bytes ?? [],
            expires: shown.expires)
        standing.clockError =
            isWrong ? (request.time.milliseconds.subtractingReportingOverflow(turn.now.milliseconds).partialValue) : 0
        try turn.store.putStanding(standing)
        if isWrong, before?.clockError ?? 0 == 0 {
            try turn.log(
                .warning, .clockWrong, try turn.subject(of: request.node),
                "the clock of this \(shown.identity.role.name) shows \(request.time), the hub's \(turn.now); the hub's time is used there"
            )
        } else if !isWrong, let before, before.clockError != 0 {
            try turn.log(.info, .clockWrong, try turn.subject(of: request.node), "the clock is right again")
        }
        if !isWrong { try witness(min(turn.now, request.time), &turn) }
        try Authorities.advanceAuthorities(&turn)
    }

    /// Two clocks agree, this machine's and a member's: it is at least that late. Written once an hour at most.
    private static func witness(_ time: UnixTime, _ turn: inout HubTurn) throws {
        let known = try turn.store.setting(.clockFloor).flatMap { Int64($0) }.map { UnixTime(seconds: $0) }
        if let known, time - known < HubLimits.witnessInterval { return }
        try turn.store.setSetting(.clockFloor, "\(time.seconds)")
        turn.effect(.raiseClock(time))
    }

    private static func place(of asker: JoinAsker, _ turn: HubTurn) throws -> String {
        guard case .relayed(_, _, let spoke) = asker else { return "" }
        return try turn.store.spoke(spoke).map { " (through \($0.name))" } ?? ""
    }
}
