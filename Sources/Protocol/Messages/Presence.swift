package import Codec
package import Model

/// Message 25, `presence`. From spoke to hub: an agent's link came up or went down.
package struct Presence: MessageBody {
    package static let number: UInt64 = 25
    package static let name = "presence"

    package var agent: NodeID
    package var isConnected: Bool
    package var since: UnixTime

    package init(agent: NodeID, isConnected: Bool, since: UnixTime) {
        self.agent = agent
        self.isConnected = isConnected
        self.since = since
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        agent = try fields.id(1)
        isConnected = try fields.bool(2)
        since = try fields.time(3)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .identifier(agent),
            2: .bool(isConnected),
            3: .milliseconds(since),
        ])
    }
}
