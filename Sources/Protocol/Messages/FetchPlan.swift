package import Codec
package import Model

/// Message 37, `fetchPlan`. Asks how a package had best come here; answered by `plan`, or by `busy` while something cheaper is being made.
package struct FetchPlan: MessageBody {
    package static let number: UInt64 = 37
    package static let name = "fetchPlan"
    /// No more bases and means than this are named.
    package static let limit = 16

    package var path: TargetPath
    /// The published file's hash and length, as they were signed.
    package var sha256: SHA256Digest
    package var length: UInt64
    /// Contents of other releases that the asker holds verified, the best base first.
    package var bases: [SHA256Digest]
    /// The means that the asker can use; `published` goes without saying. Those that this release does not know are left out.
    package var accepts: [TransferMeans]
    /// The published file is of no use to the asker, which cannot unpack it: it takes the content, or what gives that. An older peer does not know this and
    /// may plan the published file all the same.
    package var isUnpackedOnly: Bool

    package init(
        path: TargetPath, sha256: SHA256Digest, length: UInt64, bases: [SHA256Digest], accepts: [TransferMeans],
        isUnpackedOnly: Bool = false
    ) {
        self.path = path
        self.sha256 = sha256
        self.length = length
        self.bases = Array(bases.prefix(Self.limit))
        self.accepts = Array(accepts.prefix(Self.limit))
        self.isUnpackedOnly = isUnpackedOnly
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        path = try fields.path(1)
        sha256 = try fields.sha256(2)
        length = try fields.size(3)
        bases = try fields.sha256s(4, count: Self.limit)
        accepts = try fields.unsigneds(5, count: Self.limit).compactMap { number in
            UInt8(exactly: number).flatMap { TransferMeans(rawValue: $0) }
        }
        isUnpackedOnly = try fields.boolIfAny(6) ?? false
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .text(path.description),
            2: .bytes(sha256.bytes),
            3: .unsigned(length),
            4: .array(bases.map { .bytes($0.bytes) }),
            5: .array(accepts.map { .unsigned(UInt64($0.rawValue)) }),
            6: isUnpackedOnly ? .bool(true) : nil,
        ])
    }
}
