package import Model

/// What the hub knows of a client when it plans.
package struct ClientRecord: Hashable, Sendable {
    package var id: NodeID
    package var name: NodeName
    /// The spoke that the client is joined through.
    package var spoke: NodeID
    package var spokeName: NodeName
    package var labels: [String: String]
    /// Nil as long as it has never reported.
    package var facts: ClientFacts?

    package init(
        id: NodeID, name: NodeName, spoke: NodeID, spokeName: NodeName, labels: [String: String] = [:],
        facts: ClientFacts? = nil
    ) {
        self.id = id
        self.name = name
        self.spoke = spoke
        self.spokeName = spokeName
        self.labels = labels
        self.facts = facts
    }
}
