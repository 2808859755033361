/// A 128-bit random id, written as 32 lowercase hexadecimal digits; the tag keeps ids of different nouns apart.
///
/// An id is never used twice. Order is that of the bytes.
package struct Identifier<Tag>: TextForm {
    /// The first eight bytes, big-endian.
    package let high: UInt64
    /// The last eight bytes, big-endian.
    package let low: UInt64

    /// An id of two words.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// An id of exactly 16 bytes.
    package init(bytes: [UInt8]) throws(ModelError) {
        guard bytes.count == 16 else { throw ModelError("id", ASCII.hex(bytes.prefix(40)), "must have 16 bytes") }
        self.init(high: ASCII.word(bytes.prefix(8)), low: ASCII.word(bytes.dropFirst(8)))
    }

    /// Reads 32 lowercase hexadecimal digits.
    package init(_ text: String) throws(ModelError) {
        guard text.utf8.count == 32, let bytes = ASCII.bytes(hex: text) else {
            throw ModelError("id", text, "must be 32 lowercase hexadecimal digits")
        }
        try self.init(bytes: bytes)
    }

    /// A fresh id; the generator decides how unguessable it is.
    package static func random(using generator: inout some RandomNumberGenerator) -> Self {
        Self(high: generator.next(), low: generator.next())
    }

    /// The 16 bytes.
    package var bytes: [UInt8] { ASCII.bytes(high) + ASCII.bytes(low) }
    package var description: String { ASCII.hex(bytes) }

    package static func < (left: Self, right: Self) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }
}

/// Tags of ``Identifier``; never made.
package enum NodeTag {}
package enum ActionTag {}
package enum RolloutTag {}
package enum TokenTag {}

/// The id of a hub, a spoke or an agent; a client has its agent's id.
package typealias NodeID = Identifier<NodeTag>
/// The id of one client's work in a rollout.
package typealias ActionID = Identifier<ActionTag>
/// The id of a rollout.
package typealias RolloutID = Identifier<RolloutTag>
/// The id of a join token.
package typealias TokenID = Identifier<TokenTag>
