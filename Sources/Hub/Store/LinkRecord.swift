package import Model

/// What operators want of a spoke's links, and what has passed over the hub's to it.
package struct LinkRecord: Hashable, Sendable {
    package var spoke: NodeID
    /// The limit from the hub to the spoke, a `BandwidthRule` as text; nil until one is set.
    package var limit: String?
    /// The limit from the spoke to all of its agents together.
    package var agentLimit: String?
    /// Bytes that have passed from the hub to the spoke and back, as far as they have been counted.
    package var sent: ByteCount
    package var received: ByteCount

    package init(
        spoke: NodeID, limit: String? = nil, agentLimit: String? = nil, sent: ByteCount = .zero,
        received: ByteCount = .zero
    ) {
        self.spoke = spoke
        self.limit = limit
        self.agentLimit = agentLimit
        self.sent = sent
        self.received = received
    }
}

/// Links, by spoke.
package protocol LinkStore: AnyObject {
    /// Keeps or replaces what is wanted of a spoke's links.
    func putLink(_ link: LinkRecord) throws
    func link(of spoke: NodeID) throws -> LinkRecord?
    /// Adds to the totals of a spoke's link; what is wanted of it stays.
    func addTraffic(of spoke: NodeID, sent: ByteCount, received: ByteCount) throws
}
