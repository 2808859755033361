package import Codec

/// Message 11, `content`. The answer to a fetch; the bytes from `offset` to `length` follow as data on the same stream.
package struct Content: MessageBody {
    package static let number: UInt64 = 11
    package static let name = "content"

    /// Bytes of the whole.
    package var length: UInt64
    /// Where the data begins; at most `length`.
    package var offset: UInt64

    package init(length: UInt64, offset: UInt64) {
        self.length = length
        self.offset = offset
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        length = try fields.size(1)
        offset = try fields.size(2)
        guard offset <= length else { throw .malformed("content: the offset is behind the end") }
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .unsigned(length),
            2: .unsigned(offset),
        ])
    }
}
