package import Codec

/// Message 2, `ok`. The answer to a request that was done; what it was to make durable is durable.
///
/// A hub's answer to `presence` carries the public key of the agent's reports, so that its spoke can
/// check them; a hub of an earlier release leaves it out.
package struct OK: MessageBody {
    package static let number: UInt64 = 2
    package static let name = "ok"

    /// SubjectPublicKeyInfo (DER) of the key that signs the agent's reports.
    package var reportKey: [UInt8]?

    package init(reportKey: [UInt8]? = nil) {
        self.reportKey = reportKey
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        reportKey = try fields.bytesIfAny(1, limit: ProtocolLimits.keyLength)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([1: reportKey.map { .bytes($0) }])
    }
}
