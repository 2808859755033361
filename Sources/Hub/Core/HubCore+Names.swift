import Model

/// Names of members and rollouts: unique among those that are there, and free again when their holders are gone.
extension HubCore {
    // MARK: - Members

    mutating func renameSpoke(_ id: NodeID, to name: NodeName, at now: UnixTime) throws -> SpokeRecord {
        guard var spoke = try store.spoke(id) else { throw HubRefusal.notFound("there is no spoke \(id)") }
        guard spoke.name != name else { return spoke }
        try free(name, .spoke, at: now)
        let before = spoke.name
        spoke.name = name
        try store.updateSpoke(spoke)
        try log(.notice, .memberRenamed, "spoke/\(name)", "spoke \(before) is called \(name) now", at: now)
        return spoke
    }

    mutating func renameClient(_ id: NodeID, to name: NodeName, at now: UnixTime) throws -> ClientEntry {
        guard var client = try store.client(id) else { throw HubRefusal.notFound("there is no client \(id)") }
        guard client.name != name else { return client }
        try free(name, .agent, at: now)
        let before = client.name
        client.name = name
        try store.updateClient(client)
        try log(.notice, .memberRenamed, "client/\(name)", "client \(before) is called \(name) now", at: now)
        return client
    }

    /// Makes sure that nobody has a name; a revoked member that has it gets another one.
    private mutating func free(_ name: NodeName, _ role: Role, at now: UnixTime) throws {
        guard try !isTaken(name, role) else {
            throw HubRefusal.conflict("another \(role == .agent ? "client" : "spoke") is called \(name)")
        }
        try release(name, role, at: now)
    }

    /// Whether a member that is not revoked has a name.
    func isTaken(_ name: NodeName, _ role: Role) throws -> Bool {
        switch role {
        case .agent: try store.client(named: name).map { $0.revoked == nil } ?? false
        case .spoke, .hub: try store.spoke(named: name).map { $0.revoked == nil } ?? false
        }
    }

    /// Takes a name from the revoked member that has it, so that the name means one that is there.
    mutating func release(_ name: NodeName, _ role: Role, at now: UnixTime) throws {
        guard let other = try revokedName(name, role) else { return }
        switch role {
        case .agent:
            guard var client = try store.client(named: name), client.revoked != nil else { return }
            client.name = other
            try store.updateClient(client)
            try log(
                .info, .memberRenamed, "client/\(other)", "the revoked client \(name) is called \(other) now", at: now)
        case .spoke, .hub:
            guard var spoke = try store.spoke(named: name), spoke.revoked != nil else { return }
            spoke.name = other
            try store.updateSpoke(spoke)
            try log(
                .info, .memberRenamed, "spoke/\(other)", "the revoked spoke \(name) is called \(other) now", at: now)
        }
    }

    /// A free name for a revoked member.
    private func revokedName(_ name: NodeName, _ role: Role) throws -> NodeName? {
        try numbered(name) { candidate in
            try role == .agent ? store.client(named: candidate) == nil : store.spoke(named: candidate) == nil
        } suffix: {
            $0 == 1 ? "-revoked" : "-revoked-\($0)"
        }
    }

    /// The first name made of another and a suffix that is free; nil if none of 999 is.
    func numbered(
        _ name: NodeName, where isFree: (NodeName) throws -> Bool, suffix: (Int) -> String
    ) throws -> NodeName? {
        for number in 1...999 {
            let suffix = suffix(number)
            // A prefix of a good name with such a suffix is a good name.
            guard let candidate = try? NodeName(String(name.text.prefix(64 - suffix.utf8.count)) + suffix) else {
                continue
            }
            if try isFree(candidate) { return candidate }
        }
        return nil
    }

    mutating func removeSpoke(_ id: NodeID, at now: UnixTime) throws -> SpokeRecord {
        guard let spoke = try store.spoke(id) else { throw HubRefusal.notFound("there is no spoke \(id)") }
        guard spoke.revoked != nil else {
            throw HubRefusal.conflict("spoke \(spoke.name) is not revoked; revoke it first")
        }
        let clients = try store.clients(of: id)
        guard clients.isEmpty else {
            let some = clients.prefix(5).map(\.name.text).joined(separator: ", ")
            throw HubRefusal.conflict(
                "\(clients.count) clients joined through \(spoke.name) (\(some)\(clients.count > 5 ? ", …" : "")); "
                    + "let them join through another spoke and remove them here first")
        }
        try store.removeSpoke(id)
        dirtySpokes.remove(id)
        shares[id] = nil
        try log(.notice, .memberRemoved, "spoke/\(spoke.name)", "spoke \(spoke.name) was removed", at: now)
        return spoke
    }

    mutating func removeClient(_ id: NodeID, at now: UnixTime) throws -> ClientEntry {
        guard let client = try store.client(id) else { throw HubRefusal.notFound("there is no client \(id)") }
        guard client.revoked != nil else {
            throw HubRefusal.conflict("client \(client.name) is not revoked; revoke it first")
        }
        try store.removeClient(id)
        try log(.notice, .memberRemoved, "client/\(client.name)", "client \(client.name) was removed", at: now)
        return client
    }

    // MARK: - Rollouts

    /// Refuses a name that a rollout has.
    func checkRolloutName(_ name: String) throws {
        guard let known = try store.rollouts(named: name).first else { return }
        throw HubRefusal.conflict(
            "there is a rollout \(name) already, and it is \(known.state.name); choose another name"
                + (known.state == .draft || known.state.isFinal
                    ? " or delete it with 'axle rollout delete \(name)'" : ""))
    }

    mutating func removeRollout(_ id: RolloutID, at now: UnixTime) throws -> RolloutRecord {
        guard let rollout = try store.rollout(id) else { throw HubRefusal.notFound("there is no rollout \(id)") }
        let name = rollout.specification.name
        guard rollout.state == .draft || rollout.state.isFinal else {
            throw HubRefusal.conflict("rollout \(name) is \(rollout.state.name); stop it first")
        }
        let open = try store.actionCounts(of: id, wave: nil).filter { !$0.key.isFinal }.values.reduce(0, +)
        guard open == 0 else {
            throw HubRefusal.conflict(
                "\(open) machines of rollout \(name) have not said how their installs ended; see 'axle rollout show \(name)'"
            )
        }
        try store.removeRollout(id)
        rolloutsEnded(of: rollout.specification.product)
        try log(
            .notice, .rolloutRemoved, "rollout/\(id)",
            "rollout \(name) of \(rollout.specification.product) \(rollout.specification.release) was deleted", at: now)
        return rollout
    }
}
