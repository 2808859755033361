package import Model

/// What operators want of a spoke's links: how fast they may be used.
package struct LinkRecord: Hashable, Sendable {
    package var spoke: NodeID
    /// The limit from the hub to the spoke, a `BandwidthRule` as text; nil until one is set.
    package var limit: String?
    /// The limit from the spoke to all of its agents together.
    package var agentLimit: String?

    package init(spoke: NodeID, limit: String? = nil, agentLimit: String? = nil) {
        self.spoke = spoke
        self.limit = limit
        self.agentLimit = agentLimit
    }
}

/// Links, by spoke.
package protocol LinkStore: AnyObject {
    /// Keeps or replaces what is wanted of a spoke's links.
    func putLink(_ link: LinkRecord) throws
    func link(of spoke: NodeID) throws -> LinkRecord?
}
