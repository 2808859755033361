package import Codec

/// The last words of a session: `{1: code, 2: text, ? 3: retry after s}`.
package struct GoAway: Equatable, Sendable {
    package var code: SessionCode
    /// For people.
    package var text: String
    /// How long to wait before dialling again, in seconds.
    package var retryAfterSeconds: UInt64?

    package init(_ code: SessionCode, _ text: String, retryAfterSeconds: UInt64? = nil) {
        self.code = code
        self.text = text
        self.retryAfterSeconds = retryAfterSeconds
    }

    package var cbor: CBOR {
        .record([1: .unsigned(code.number), 2: .clipped(text), 3: retryAfterSeconds.map { .unsigned($0) }])
    }

    /// Reads the payload of a go-away frame.
    package init(_ payload: Span<UInt8>) throws(MessageError) {
        let fields = try MessageFields(frame: payload, of: "goAway")
        code = SessionCode(number: try fields.unsigned(1))
        text = try fields.text(2)
        retryAfterSeconds = try fields.unsignedIfAny(3)
    }
}
