package import Codec
package import Model

/// Message 38, `plan`. The answer to `fetchPlan`: what to fetch next with `fetchPackage`, under the same path.
///
/// Nothing in it is believed: the result counts only when its hash is the one that was signed.
package struct Plan: MessageBody {
    package static let number: UInt64 = 38
    package static let name = "plan"

    package var means: TransferMeans
    /// Hash and length of the bytes to fetch: of the published file, the content, the patch or the chunk delta.
    package var sha256: SHA256Digest
    package var length: UInt64
    /// The content that a patch or chunk delta is made against; one of the bases that were named.
    package var base: SHA256Digest?

    package init(means: TransferMeans, sha256: SHA256Digest, length: UInt64, base: SHA256Digest? = nil) {
        self.means = means
        self.sha256 = sha256
        self.length = length
        self.base = base
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        means = try fields.code(1)
        sha256 = try fields.sha256(2)
        length = try fields.size(3)
        base = try fields.sha256IfAny(4)
        guard (base != nil) == means.needsBase else {
            throw .malformed("plan: a base belongs to a patch or chunks, and to them alone")
        }
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .rawCode(means),
            2: .bytes(sha256.bytes),
            3: .unsigned(length),
            4: base.map { .bytes($0.bytes) },
        ])
    }
}
