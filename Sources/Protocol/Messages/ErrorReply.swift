package import Codec

/// Message 1, `error`. The answer to a request that was not done.
package struct ErrorReply: MessageBody {
    package static let number: UInt64 = 1
    package static let name = "error"

    package var code: RequestErrorCode
    /// For people: what was wrong, and what to do.
    package var text: String
    /// When it is worth trying again.
    package var retryAfterSeconds: UInt64?

    /// How long the peer asks to wait, from a second to an hour whatever number it sent: without
    /// any wait it would be asked as fast as it can answer. Nil if it sent none.
    package var retryAfter: Duration? { retryAfterSeconds.map { .seconds(Int64(min(max($0, 1), 3600))) } }

    package init(code: RequestErrorCode, text: String, retryAfterSeconds: UInt64? = nil) {
        self.code = code
        self.text = text
        self.retryAfterSeconds = retryAfterSeconds
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        code = RequestErrorCode(number: try fields.unsigned(1))
        text = try fields.text(2)
        retryAfterSeconds = try fields.unsignedIfAny(3)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .unsigned(code.number),
            2: .clipped(text),
            3: retryAfterSeconds.map { .unsigned($0) },
        ])
    }
}
