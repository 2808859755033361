package import Model

/// An order on its way to one agent: opaque signed bytes behind the routing header that the hub gave it.
package struct CarriedOrder: Hashable, Sendable {
    package var agent: NodeID
    package var action: ActionID
    package var kind: UInt8
    package var expires: UnixTime
    package var signed: [UInt8]

    package init(agent: NodeID, action: ActionID, kind: UInt8, expires: UnixTime, signed: [UInt8]) {
        self.agent = agent
        self.action = action
        self.kind = kind
        self.expires = expires
        self.signed = signed
    }
}
