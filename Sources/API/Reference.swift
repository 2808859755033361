package import Model

/// A spoke or client by id and by the name that people see.
package struct Reference: Codable, Hashable, Sendable {
    package var id: NodeID
    package var name: NodeName

    package init(id: NodeID, name: NodeName) {
        self.id = id
        self.name = name
    }
}
