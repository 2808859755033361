package import Codec
package import Model

/// Message 23, `replica`. From spoke to hub: how far a replica is.
package struct Replica: MessageBody {
    package static let number: UInt64 = 23
    package static let name = "replica"

    package var path: TargetPath
    package var sha256: SHA256Digest
    package var state: ReplicaState
    package var bytesHeld: UInt64
    /// Why it is not further, for people.
    package var text: String?
    /// Bytes that its pool lacks for it, where that is the reason.
    package var lacking: UInt64?
    /// The pool that it is in, or that lacks least for it; absent where the spoke has one pool.
    package var pool: NodeName?
    /// Why it is in that pool, for people; absent where it is in the first that was asked, or where that was said before.
    package var reason: String?

    package init(
        path: TargetPath, sha256: SHA256Digest, state: ReplicaState, bytesHeld: UInt64, text: String? = nil,
        lacking: UInt64? = nil, pool: NodeName? = nil, reason: String? = nil
    ) {
        self.path = path
        self.sha256 = sha256
        self.state = state
        self.bytesHeld = bytesHeld
        self.text = text
        self.lacking = lacking
        self.pool = pool
        self.reason = reason
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        path = try fields.path(1)
        sha256 = try fields.sha256(2)
        state = try fields.code(3)
        bytesHeld = try fields.size(4)
        text = try fields.textIfAny(5)
        lacking = try fields.unsignedIfAny(6) == nil ? nil : try fields.size(6)
        pool = try fields.nameIfAny(7)
        reason = try fields.textIfAny(8)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .text(path.description),
            2: .bytes(sha256.bytes),
            3: .rawCode(state),
            4: .unsigned(bytesHeld),
            5: text.map { .clipped($0) },
            6: lacking.map { .unsigned($0) },
            7: pool.map { .text($0.text) },
            8: reason.map { .clipped($0) },
        ])
    }
}
