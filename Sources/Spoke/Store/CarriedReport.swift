package import Model

/// A report on its way to the hub: opaque signed bytes that the spoke has acknowledged and must not lose.
package struct CarriedReport: Hashable, Sendable {
    package var agent: NodeID
    package var incarnation: UInt64
    package var counter: UInt64
    package var signed: [UInt8]

    package init(agent: NodeID, incarnation: UInt64, counter: UInt64, signed: [UInt8]) {
        self.agent = agent
        self.incarnation = incarnation
        self.counter = counter
        self.signed = signed
    }
}
