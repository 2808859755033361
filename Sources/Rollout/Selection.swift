package import Model

/// Which clients a rollout is for: everyone, or those who meet each criterion that is given.
package struct Selection: Hashable, Sendable {
    /// Everyone; then no other criterion may be given.
    package var all: Bool
    /// Client names; empty means any.
    package var names: Set<NodeName>
    /// Labels that a client must have, all of them.
    package var labels: [String: String]
    /// Spoke names; empty means any.
    package var spokes: Set<NodeName>

    /// A selection; refuses one that names nobody, so that a forgotten field never means everyone.
    package init(
        all: Bool = false, names: Set<NodeName> = [], labels: [String: String] = [:], spokes: Set<NodeName> = []
    ) throws(RolloutError) {
        let isEmpty = names.isEmpty && labels.isEmpty && spokes.isEmpty
        guard all == isEmpty else { throw .emptySelection }
        self.all = all
        self.names = names
        self.labels = labels
        self.spokes = spokes
    }

    /// Whether the client is meant.
    package func contains(_ client: ClientRecord) -> Bool {
        all
            || ((names.isEmpty || names.contains(client.name)) && (spokes.isEmpty || spokes.contains(client.spokeName))
                && labels.allSatisfy { client.labels[$0.key] == $0.value })
    }
}
