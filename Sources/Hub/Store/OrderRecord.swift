package import Model
package import Trust

/// An order that its spoke has not acknowledged yet: the outbox.
package struct OrderRecord: Hashable, Sendable {
    /// The order's place in the fleet's sequence; unique.
    package var number: Int64
    package var action: ActionID
    package var client: NodeID
    package var spoke: NodeID
    /// As in the signed order: 1 install, 2 cancel, 3 rollback.
    package var kind: UInt8
    package var expires: UnixTime
    /// COSE_Sign1.
    package var signed: [UInt8]

    package init(
        number: Int64, action: ActionID, client: NodeID, spoke: NodeID, kind: UInt8, expires: UnixTime,
        signed: [UInt8]
    ) {
        self.number = number
        self.action = action
        self.client = client
        self.spoke = spoke
        self.kind = kind
        self.expires = expires
        self.signed = signed
    }
}

/// The outbox and the sequence.
package protocol OrderStore: AnyObject {
    /// Keeps an order until its spoke has it; refuses a number that is there.
    func insertOrder(_ order: OrderRecord) throws
    func order(_ number: Int64) throws -> OrderRecord?
    /// The orders for a spoke, in sequence, behind a number.
    func orders(for spoke: NodeID, after number: Int64, limit: Int) throws -> [OrderRecord]
    /// Forgets an order; the spoke has it.
    func removeOrder(_ number: Int64) throws
    /// Forgets the orders of an action, because a newer one replaces them.
    func removeOrders(of action: ActionID) throws
    /// Forgets orders that nobody may obey any more.
    func removeOrders(expiredBefore time: UnixTime) throws
    /// The next place in the fleet's sequence (the epoch changes when a hub is restored, the number rises by one); each is given once.
    func nextSequence() throws -> OrderSequence
    /// The place that was given last.
    func currentSequence() throws -> OrderSequence
    /// Begins another epoch.
    func setEpoch(_ epoch: UInt64) throws
}
