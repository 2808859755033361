import Model
import Protocol
import Trust

/// Renewals: a member asks with the signature of its certificate's key, over a session, through its spoke, or, when nothing else serves any more,
/// over a join connection. The answer is signed and bound to the request, so that whoever carries it can only drop it.
extension HubCore {
    private struct RenewalRefusal: Error {
        var code = RequestErrorCode.refused
        let text: String
        /// Whether somebody tries what an honest member never does.
        var isAttack = false
    }

    mutating func renewAsked(_ message: Renew, _ asker: JoinAsker, at now: UnixTime) throws {
        do {
            let (shown, request) = try checkRenewal(message, asker, at: now)
            // From here on it is the member's own doing, though its spoke may say it again.
            let carrier = shown.identity.role == .spoke ? nil : relay(asker)
            cause = carrier.map { .carried(message.node, by: $0) } ?? .spoke(message.node)
            let signed = try renew(shown, request, message.signed, at: now)
            answer(asker, .renewed(Renewed(signed: signed)))
        } catch let refusal as RenewalRefusal {
            let place = try place(of: asker)
            try log(
                refusal.isAttack ? .error : .warning,
                refusal.isAttack ? .attackSeen : .renewalRefused,
                try refusal.isAttack ? name(of: cause) : subject(of: message.node),
                "a renewal was refused: \(refusal.text)\(place)", at: now)
            answer(asker, .error(ErrorReply(code: refusal.code, text: refusal.text)))
        }
    }

    /// Who asks, if it may: known, not revoked, in the scope of who relays, with a certificate of ours that was not replaced and did not end too long ago.
    private mutating func checkRenewal(
        _ message: Renew, _ asker: JoinAsker, at now: UnixTime
    ) throws -> (ShownCertificate, RenewalRequest) {
        let node = message.node
        let relay = relay(asker)
        let role: Role
        let revoked: UnixTime?
        if let spoke = try store.spoke(node) {
            guard relay == nil || relay == node else {
                throw RenewalRefusal(text: "a spoke does not renew through another", isAttack: true)
            }
            (role, revoked) = (.spoke, spoke.revoked)
        } else if let client = try store.client(node) {
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
            shown = try cryptography.read(
                certificate: try RenewalRequest.readUnverified(message.signed).certificate)
            request = try RenewalRequest.open(message.signed, keys: [shown.key], verifier: cryptography.verifier)
        } catch let error as RecordError {
            if case .badSignature = error {
                throw RenewalRefusal(text: "the request is not signed by the member's key", isAttack: true)
            }
            throw RenewalRefusal(code: .invalid, text: "\(error)")
        } catch {
            throw RenewalRefusal(code: .invalid, text: "the certificate is no good: \(error)")
        }
        guard request.fleet == configuration.fleet, request.node == node,
            shown.identity == PeerIdentity(fleet: configuration.fleet, role: role, id: node)
        else { throw RenewalRefusal(text: "the request is in another's name", isAttack: true) }
        let kept = try store.certificates(of: node)
        let believed = try anchorSet(at: now).set.roots
        let isOurs = cryptography.authorities.contains { $0.pin == shown.root && believed.contains($0.certificate) }
        guard isOurs || kept.contains(where: { $0.fingerprint == shown.fingerprint }) else {
            throw RenewalRefusal(
                text: "the certificate is not of this fleet's authority; join again with a new token", isAttack: true)
        }
        if let oldest = kept.map(\.expires).min(), shown.expires < oldest {
            throw RenewalRefusal(text: "the certificate was replaced by a newer one that is in use", isAttack: true)
        }
        guard now - shown.expires < RenewalSchedule.offlineHorizon else {
            throw RenewalRefusal(
                code: .expired,
                text: "the certificate ended on \(shown.expires), more than 45 days ago; join again with a new token "
                    + "(axle token create --role \(role.name), then axle-\(role.name) join)")
        }
        return (shown, request)
    }

    private mutating func renew(
        _ shown: ShownCertificate, _ request: RenewalRequest, _ signed: [UInt8], at now: UnixTime
    ) throws -> [UInt8] {
        let node = request.node
        // What this certificate has replaced is of no more use to anyone.
        try store.removeCertificates(of: node, endingBefore: shown.expires)
        let set = try anchorSet(at: now)
        var chain: [[UInt8]] = []
        if let csr = request.csr {
            let recent = try store.certificates(of: node).filter { now - $0.issued < .seconds(3600) }
            guard recent.count < HubLimits.renewalsPerHour else {
                throw RenewalRefusal(code: .busy, text: "as many certificates as may be were made in this hour")
            }
            let name = try store.spoke(node)?.name ?? store.client(node)?.name
            let issued: IssuedCertificate
            do {
                issued = try cryptography.issue(
                    request: csr, identity: shown.identity, name: try name ?? NodeName("unknown"),
                    under: set.set.issuing,
                    at: now)
            } catch {
                throw RenewalRefusal(code: .invalid, text: "the certificate request is no good")
            }
            try store.insertCertificate(
                CertificateRecord(
                    serial: issued.serial, node: node, role: shown.identity.role, issued: now, expires: issued.expires,
                    fingerprint: issued.fingerprint))
            try forgetUnused(of: node, but: shown)
            chain = issued.chain
            try log(
                .info, .certificateRenewed, try subject(of: node),
                "a new certificate was issued, good until \(issued.expires)", at: now)
        }
        try heard(shown, request, at: now)
        let answer = RenewalAnswer(
            fleet: configuration.fleet, node: node,
            request: try SHA256Digest(bytes: cryptography.sha256(signed)), time: now, anchors: set.signed, chain: chain)
        return try answer.signed(by: cryptography.orderSigner)
    }

    /// Of a member that never uses a new certificate the oldest go: not the one that it shows, which may be all that
    /// it has, and not the newest, which say how long a revocation has to last.
    private func forgetUnused(of node: NodeID, but shown: ShownCertificate) throws {
        let kept = try store.certificates(of: node)
        let unused = kept.filter { $0.fingerprint != shown.fingerprint }.sorted { $0.issued < $1.issued }
        for old in unused.prefix(max(0, kept.count - HubLimits.certificates)) {
            try store.removeCertificate(serial: old.serial)
        }
    }

    /// Writes down what the member has proved, and says once when its clock goes wrong and once when it is right again.
    private mutating func heard(_ shown: ShownCertificate, _ request: RenewalRequest, at now: UnixTime) throws {
        let before = try store.standing(of: request.node)
        let error = request.time - now
        let limit = HubLimits.clockError
        let isWrong = error > limit || error < .zero - limit
        var standing = StandingRecord(
            node: request.node, anchors: request.anchors, heard: now, root: shown.root?.bytes ?? [],
            expires: shown.expires)
        standing.clockError =
            isWrong ? (request.time.milliseconds.subtractingReportingOverflow(now.milliseconds).partialValue) : 0
        try store.putStanding(standing)
        if isWrong, before?.clockError ?? 0 == 0 {
            try log(
                .warning, .clockWrong, try subject(of: request.node),
                "the clock of this \(shown.identity.role.name) shows \(request.time), the hub's \(now); the hub's time is used there",
                at: now)
        } else if !isWrong, let before, before.clockError != 0 {
            try log(.info, .clockWrong, try subject(of: request.node), "the clock is right again", at: now)
        }
        if !isWrong { try witness(min(now, request.time)) }
        try advanceAuthorities(at: now)
    }

    /// Two clocks agree, this machine's and a member's: it is at least that late. Written once an hour at most.
    private mutating func witness(_ time: UnixTime) throws {
        let known = try store.setting(.clockFloor).flatMap { Int64($0) }.map { UnixTime(seconds: $0) }
        if let known, time - known < HubLimits.witnessInterval { return }
        try store.setSetting(.clockFloor, "\(time.seconds)")
        effects.append(.raiseClock(time))
    }

    // MARK: - Words

    func subject(of node: NodeID) throws -> String {
        if let spoke = try store.spoke(node) { return "spoke/\(spoke.name)" }
        if let client = try store.client(node) { return "client/\(client.name)" }
        return "node/\(node)"
    }

    private func place(of asker: JoinAsker) throws -> String {
        guard case .relayed(_, _, let spoke) = asker else { return "" }
        return try store.spoke(spoke).map { " (through \($0.name))" } ?? ""
    }
}
