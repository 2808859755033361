package import Model
package import Protocol
package import TLS
internal import Trust

/// The member's half of a renewal (docs/protocol.md "Staying a member"): a request signed by the key in hand, an answer signed by the hub.
extension IdentityKeeper {
    /// A request on its way.
    package struct Question: Sendable {
        package let message: Message
        /// SHA-256 of the signed request, to which the answer is bound.
        let hash: [UInt8]
        /// The number of the anchor set that the hub has heard of with it.
        package let anchors: UInt64
        /// The certificate that signed it.
        package let certificate: Certificate
        let isForCertificate: Bool
    }

    /// What an answer brought.
    package struct Answer: Sendable {
        /// The hub's time.
        package let time: UnixTime
        package let hasNewCertificate: Bool
        package let hasNewAnchors: Bool
    }

    /// Makes a request, for a new certificate or only for the fleet's word. Blocks: a fresh key is on the disk before it is asked for.
    package func ask(forCertificate: Bool, clock: ClockFloor) throws -> Question {
        let identity = identity
        let csr = forCertificate ? try CertificateRequest(key: try freshKey()).der : nil
        let anchors = identity.anchorSet?.number ?? 0
        let request = try RenewalRequest(
            fleet: identity.member.fleet, node: identity.member.id,
            nonce: try SecureRandom.bytes(RenewalRequest.nonceLength), time: clock.shown, anchors: anchors,
            certificate: identity.tls.leaf.der, csr: csr)
        let signed = try request.signed(by: OpenSSLRecordSigner(identity.tls.key))
        return Question(
            message: .renew(Renew(node: identity.member.id, signed: signed)), hash: SHA256.hash(signed),
            anchors: anchors, certificate: identity.tls.leaf, isForCertificate: forCertificate)
    }

    /// Takes the answer to a request: the time is set, new roots and a new certificate are kept. Blocks on the disk.
    ///
    /// It believes nothing but the hub's signature over an answer to exactly this request, whoever brought it.
    package func take(_ message: Message, to question: Question, clock: ClockFloor) throws -> Answer {
        let signed: [UInt8]
        switch message {
        case .renewed(let renewed): signed = renewed.signed
        case .error(let error) where error.code.isRetryable: throw IdentityError.later(error.text)
        case .error(let error): throw IdentityError.refused(error.text)
        case let other: throw IdentityError.untrusted("\(other.name) in place of an answer")
        }
        let identity = identity
        let answer = try RenewalAnswer.open(signed, keys: [identity.hubOrderKey.der], verifier: verifier)
        guard answer.fleet == identity.member.fleet, answer.node == identity.member.id,
            answer.request.bytes == question.hash
        else { throw IdentityError.untrusted("it answers another request") }
        clock.set(fresh: answer.time)
        let hasNewAnchors = try take(anchors: answer.anchors)
        if question.isForCertificate {
            try take(chain: try answer.chain.map { try Certificate(der: $0) }, at: clock.now.seconds)
        }
        try keep(word: answer, signed: signed)
        return Answer(
            time: answer.time, hasNewCertificate: question.isForCertificate, hasNewAnchors: hasNewAnchors)
    }
}
