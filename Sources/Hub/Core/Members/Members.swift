import Model
import Protocol
import Rollout
import Trust

/// Members: their names, labels and revocation. Names are unique among those that are there, and
/// free again when their holders are gone.
enum Members {
    /// Does what an operator asks for.
    static func run(_ command: MemberCommand, _ turn: inout HubTurn) throws -> HubAnswer {
        switch command {
        case .createToken(let role, let spoke, let replaces, let uses, let life):
            try Tokens.create(role, spoke, replacing: replaces, uses, life, &turn)
        case .revokeToken(let id): .revokedToken(try Tokens.revoke(id, &turn))
        case .revokeSpoke(let id): .spoke(try revokeSpoke(id, &turn))
        case .revokeClient(let id): .client(try revokeClient(id, &turn))
        case .renameSpoke(let id, let name): .spoke(try renameSpoke(id, to: name, &turn))
        case .renameClient(let id, let name): .client(try renameClient(id, to: name, &turn))
        case .removeSpoke(let id): .spoke(try removeSpoke(id, &turn))
        case .removeClient(let id): .client(try removeClient(id, &turn))
        case .labelClient(let id, let labels): .client(try label(id, labels, &turn))
        }
    }

    // MARK: - Revocation and labels

    static func revokeSpoke(_ id: NodeID, _ turn: inout HubTurn) throws -> SpokeRecord {
        guard var spoke = try turn.store.spoke(id) else { throw HubRefusal.notFound("there is no spoke \(id)") }
        guard spoke.revoked == nil else { return spoke }
        spoke.revoked = turn.now
        spoke.isConnected = false
        spoke.since = turn.now
        try turn.store.updateSpoke(spoke)
        try turn.store.removeAlarms(of: id)
        try turn.store.disconnectClients(of: id, at: turn.now)
        turn.close(id, "this spoke has been revoked")
        try endActions(behind: spoke, &turn)
        try revoked(id, .spoke, "spoke/\(spoke.name)", &turn)
        let stranded = try turn.store.clients(of: id).count { $0.revoked == nil }
        if stranded > 0 {
            try turn.log(
                .warning, .peerRevoked, "spoke/\(spoke.name)",
                "\(stranded) clients of \(spoke.name) are without a spoke; they keep what they run, and join again through another spoke "
                    + "with a token of 'axle token create --role agent'")
        }
        return spoke
    }

    /// Nothing more is heard of what was ordered behind a spoke that is revoked: its machines join
    /// again as new members.
    private static func endActions(behind spoke: SpokeRecord, _ turn: inout HubTurn) throws {
        for client in try turn.store.clients(of: spoke.id) where client.revoked == nil {
            for var action in try turn.store.actions(of: client.id, limit: .max) where !action.state.isFinal {
                try turn.store.removeOrders(of: action.id)
                if action.reasons.isEmpty { action.reasons = [Reason(.spokeRevoked)] }
                try Actions.move(&action, by: .clientRevoked, "spoke \(spoke.name) was revoked", &turn)
            }
        }
    }

    static func revokeClient(_ id: NodeID, _ turn: inout HubTurn) throws -> ClientEntry {
        guard var client = try turn.store.client(id) else { throw HubRefusal.notFound("there is no client \(id)") }
        guard client.revoked == nil else { return client }
        client.revoked = turn.now
        client.isConnected = false
        client.since = turn.now
        try turn.store.updateClient(client)
        try turn.store.removeAlarms(of: id)
        for var action in try turn.store.actions(of: id, limit: .max) where !action.state.isFinal {
            try turn.store.removeOrders(of: action.id)
            try Actions.move(&action, by: .clientRevoked, "the client was revoked", &turn)
        }
        try revoked(id, .agent, "client/\(client.name)", &turn)
        return client
    }

    private static func revoked(_ node: NodeID, _ role: Role, _ subject: String, _ turn: inout HubTurn) throws {
        try turn.log(.notice, .peerRevoked, subject, "\(subject) was revoked")
        try RevocationLists.revoke(node, role, &turn)
        // Who no longer counts may have been the last that a change of CA waited for.
        try Authorities.advanceAuthorities(&turn)
    }

    static func label(_ id: NodeID, _ labels: [String: String?], _ turn: inout HubTurn) throws -> ClientEntry {
        guard var client = try turn.store.client(id) else { throw HubRefusal.notFound("there is no client \(id)") }
        for (key, value) in labels {
            guard (1...HubLimits.labelLength).contains(key.utf8.count),
                (value ?? "").utf8.count <= HubLimits.labelLength,
                Event.singleLine(key + (value ?? ""), limit: 1024) == key + (value ?? "")
            else {
                throw HubRefusal.invalid("a label has a key of 1 to 128 bytes and a value of at most 128, on one line")
            }
            client.labels[key] = value
        }
        guard client.labels.count <= HubLimits.labels else {
            throw HubRefusal.invalid("a client has at most \(HubLimits.labels) labels")
        }
        guard try turn.store.client(id)?.labels != client.labels else { return client }
        try turn.store.updateClient(client)
        try turn.log(.info, .clientLabelled, "client/\(client.name)", "the labels of \(client.name) were changed")
        return client
    }
    // MARK: - Members

    static func renameSpoke(_ id: NodeID, to name: NodeName, _ turn: inout HubTurn) throws -> SpokeRecord {
        guard var spoke = try turn.store.spoke(id) else { throw HubRefusal.notFound("there is no spoke \(id)") }
        guard spoke.name != name else { return spoke }
        try free(name, .spoke, &turn)
        let before = spoke.name
        spoke.name = name
        try turn.store.updateSpoke(spoke)
        try turn.log(.notice, .memberRenamed, "spoke/\(name)", "spoke \(before) is called \(name) now")
        return spoke
    }

    static func renameClient(_ id: NodeID, to name: NodeName, _ turn: inout HubTurn) throws -> ClientEntry {
        guard var client = try turn.store.client(id) else { throw HubRefusal.notFound("there is no client \(id)") }
        guard client.name != name else { return client }
        try free(name, .agent, &turn)
        let before = client.name
        client.name = name
        try turn.store.updateClient(client)
        try turn.log(.notice, .memberRenamed, "client/\(name)", "client \(before) is called \(name) now")
        return client
    }

    /// Makes sure that nobody has a name; a revoked member that has it gets another one.
    private static func free(_ name: NodeName, _ role: Role, _ turn: inout HubTurn) throws {
        guard try !isTaken(name, role, turn) else {
            throw HubRefusal.conflict("another \(role == .agent ? "client" : "spoke") is called \(name)")
        }
        try release(name, role, &turn)
    }

    /// Whether a member that is not revoked has a name.
    static func isTaken(_ name: NodeName, _ role: Role, _ turn: HubTurn) throws -> Bool {
        switch role {
        case .agent: try turn.store.client(named: name).map { $0.revoked == nil } ?? false
        case .spoke, .hub: try turn.store.spoke(named: name).map { $0.revoked == nil } ?? false
        }
    }

    /// Takes a name from the revoked member that has it, so that the name means one that is there.
    static func release(_ name: NodeName, _ role: Role, _ turn: inout HubTurn) throws {
        guard let other = try revokedName(name, role, turn) else { return }
        switch role {
        case .agent:
            guard var client = try turn.store.client(named: name), client.revoked != nil else { return }
            client.name = other
            try turn.store.updateClient(client)
            try turn.log(
                .info, .memberRenamed, "client/\(other)", "the revoked client \(name) is called \(other) now")
        case .spoke, .hub:
            guard var spoke = try turn.store.spoke(named: name), spoke.revoked != nil else { return }
            spoke.name = other
            try turn.store.updateSpoke(spoke)
            try turn.log(
                .info, .memberRenamed, "spoke/\(other)", "the revoked spoke \(name) is called \(other) now")
        }
    }

    /// A free name for a revoked member.
    private static func revokedName(_ name: NodeName, _ role: Role, _ turn: HubTurn) throws -> NodeName? {
        try numbered(name) { candidate in
            try role == .agent ? turn.store.client(named: candidate) == nil : turn.store.spoke(named: candidate) == nil
        } suffix: {
            $0 == 1 ? "-revoked" : "-revoked-\($0)"
        }
    }

    /// The first name made of another and a suffix that is free; nil if none of 999 is.
    static func numbered(
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

    static func removeSpoke(_ id: NodeID, _ turn: inout HubTurn) throws -> SpokeRecord {
        guard let spoke = try turn.store.spoke(id) else { throw HubRefusal.notFound("there is no spoke \(id)") }
        guard spoke.revoked != nil else {
            throw HubRefusal.conflict("spoke \(spoke.name) is not revoked; revoke it first")
        }
        let clients = try turn.store.clients(of: id)
        guard clients.isEmpty else {
            let some = clients.prefix(5).map(\.name.text).joined(separator: ", ")
            throw HubRefusal.conflict(
                "\(clients.count) clients joined through \(spoke.name) (\(some)\(clients.count > 5 ? ", …" : "")); "
                    + "let them join through another spoke and remove them here first")
        }
        try turn.store.removeSpoke(id)
        turn.note(.spokeRemoved(id))
        try turn.log(.notice, .memberRemoved, "spoke/\(spoke.name)", "spoke \(spoke.name) was removed")
        return spoke
    }

    static func removeClient(_ id: NodeID, _ turn: inout HubTurn) throws -> ClientEntry {
        guard let client = try turn.store.client(id) else { throw HubRefusal.notFound("there is no client \(id)") }
        guard client.revoked != nil else {
            throw HubRefusal.conflict("client \(client.name) is not revoked; revoke it first")
        }
        try turn.store.removeClient(id)
        try turn.log(.notice, .memberRemoved, "client/\(client.name)", "client \(client.name) was removed")
        return client
    }
}
