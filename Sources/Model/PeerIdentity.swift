/// What a machine is in the fleet.
package enum Role: UInt8, NamedCode {
    case hub = 1
    case spoke = 2
    case agent = 3
}

/// Who a peer is, as its certificate's SAN URI says: `axle://FLEET/ROLE/ID`.
package struct PeerIdentity: TextForm {
    /// The fleet that the peer belongs to.
    package let fleet: FleetName
    /// What it is there.
    package let role: Role
    /// Which one it is.
    package let id: NodeID

    package init(fleet: FleetName, role: Role, id: NodeID) {
        self.fleet = fleet
        self.role = role
        self.id = id
    }

    package init(_ text: String) throws(ModelError) {
        let what = "identity"
        guard text.hasPrefix("axle://") else { throw ModelError(what, text, "must begin with axle://") }
        let parts = text.utf8.dropFirst(7).split(separator: 0x2F, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw ModelError(what, text, "must be axle://FLEET/ROLE/ID") }
        guard let role = Role(name: String(Substring(parts[1]))) else {
            throw ModelError(what, text, "must have the role hub, spoke or agent")
        }
        self.init(
            fleet: try FleetName(String(Substring(parts[0]))), role: role, id: try NodeID(String(Substring(parts[2]))))
    }

    package var description: String { "axle://\(fleet)/\(role.name)/\(id)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.fleet, left.role, left.id) < (right.fleet, right.role, right.id)
    }
}
