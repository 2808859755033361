package import Codec
package import Model

/// Message 40, `evict`. From hub to spoke: the plan says that a package goes from the spoke's pool.
///
/// The spoke answers ok when it has, or does not have it; busy while it is in transfer or being served. `replica` (evicted) tells the rest.
package struct Evict: MessageBody {
    package static let number: UInt64 = 40
    package static let name = "evict"

    package var path: TargetPath
    /// The published file.
    package var sha256: SHA256Digest
    /// What is inside it, where that may be held in its place.
    package var content: SHA256Digest?
    /// Why, for people.
    package var text: String

    package init(path: TargetPath, sha256: SHA256Digest, content: SHA256Digest? = nil, text: String) {
        self.path = path
        self.sha256 = sha256
        self.content = content
        self.text = text
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        path = try fields.path(1)
        sha256 = try fields.sha256(2)
        content = try fields.sha256IfAny(3)
        text = try fields.text(4)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .text(path.description),
            2: .bytes(sha256.bytes),
            3: content.map { .bytes($0.bytes) },
            4: .clipped(text),
        ])
    }
}
