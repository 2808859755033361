package import Codec
package import Model

/// Message 12, `fetchPackage`. Asks for a package from an offset on; answered by `content`. The receiver checks the hash, so that any source will do.
package struct FetchPackage: MessageBody {
    package static let number: UInt64 = 12
    package static let name = "fetchPackage"

    package var path: TargetPath
    package var sha256: SHA256Digest
    package var length: UInt64
    /// What the asker has already, for a transfer that broke.
    package var offset: UInt64

    package init(path: TargetPath, sha256: SHA256Digest, length: UInt64, offset: UInt64) {
        self.path = path
        self.sha256 = sha256
        self.length = length
        self.offset = offset
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        path = try fields.path(1)
        sha256 = try fields.sha256(2)
        length = try fields.size(3)
        offset = try fields.size(4)
        guard offset <= length else { throw .malformed("fetchPackage: the offset is behind the end") }
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .text(path.description),
            2: .bytes(sha256.bytes),
            3: .unsigned(length),
            4: .unsigned(offset),
        ])
    }
}
