package import Codec
package import Model

/// Message 22, `replicate`. From hub to spoke: hold this package. The answer says that the wish is stored, not that the bytes are there.
package struct Replicate: MessageBody {
    package static let number: UInt64 = 22
    package static let name = "replicate"

    package var path: TargetPath
    package var sha256: SHA256Digest
    package var length: UInt64
    /// Of the transfer that the spoke will start.
    package var priority: Priority

    package init(path: TargetPath, sha256: SHA256Digest, length: UInt64, priority: Priority) {
        self.path = path
        self.sha256 = sha256
        self.length = length
        self.priority = priority
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        path = try fields.path(1)
        sha256 = try fields.sha256(2)
        length = try fields.size(3)
        priority = try fields.priority(4)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .text(path.description),
            2: .bytes(sha256.bytes),
            3: .unsigned(length),
            4: .unsigned(UInt64(priority.rawValue)),
        ])
    }
}
