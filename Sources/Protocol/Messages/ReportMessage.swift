package import Codec
package import Model

/// Message 21, `report`. Carries an agent's report towards the hub. `ok` = stored durably, so that the sender may forget it.
package struct ReportMessage: MessageBody {
    package static let number: UInt64 = 21
    package static let name = "report"

    package var agent: NodeID
    /// Which life of the agent's state folder.
    package var incarnation: UInt64
    /// Rises with every report of an incarnation.
    package var counter: UInt64
    /// COSE_Sign1 of the report, opaque here.
    package var signed: [UInt8]

    package init(agent: NodeID, incarnation: UInt64, counter: UInt64, signed: [UInt8]) {
        self.agent = agent
        self.incarnation = incarnation
        self.counter = counter
        self.signed = signed
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        agent = try fields.id(1)
        incarnation = try fields.unsigned(2)
        counter = try fields.unsigned(3)
        signed = try fields.bytes(4)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .identifier(agent),
            2: .unsigned(incarnation),
            3: .unsigned(counter),
            4: .bytes(signed),
        ])
    }
}
