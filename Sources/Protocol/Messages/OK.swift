package import Codec

/// Message 2, `ok`. The answer to a request that was done; what it was to make durable is durable.
package struct OK: MessageBody {
    package static let number: UInt64 = 2
    package static let name = "ok"

    package init() {}

    package init(_ fields: MessageFields) throws(MessageError) {}

    package var cbor: [CBORPair] {
        []
    }
}
