package import Model

/// Which clients a rollout is for: everyone, or those who meet each criterion that is given.
package struct Selection: Codable, Hashable, Sendable {
    /// Everyone; then no other criterion may be given.
    package var all: Bool
    /// Client names, as they were written; empty means any.
    package var names: [NodeName]
    /// Labels that a client must have, all of them.
    package var labels: [String: String]
    /// Spoke names, as they were written; empty means any.
    package var spokes: [NodeName]

    package init(
        all: Bool = false, names: [NodeName] = [], labels: [String: String] = [:], spokes: [NodeName] = []
    ) {
        self.all = all
        self.names = names
        self.labels = labels
        self.spokes = spokes
    }

    /// Whether it names everyone or someone, and not both: a forgotten member never means everyone.
    package var isMeant: Bool { all == (names.isEmpty && labels.isEmpty && spokes.isEmpty) }

    /// The clients that are meant; refuses a selection that names nobody.
    package func selected(of clients: [ClientRecord]) throws(RolloutError) -> [ClientRecord] {
        guard isMeant else { throw .emptySelection }
        guard !all else { return clients }
        let (names, spokes) = (Set(names), Set(spokes))
        return clients.filter { client in
            (names.isEmpty || names.contains(client.name)) && (spokes.isEmpty || spokes.contains(client.spokeName))
                && labels.allSatisfy { client.labels[$0.key] == $0.value }
        }
    }
}
