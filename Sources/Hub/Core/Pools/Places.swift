import Model
import Protocol
import Storage

/// Several pools: where packages are, and what a disk that is gone means for the hub's own.
enum Places {
    /// Where objects are among the hub's own pools. What was said of a place stays as long as the
    /// package is there.
    static func placed(_ places: [SHA256Digest: PoolPlace], _ turn: inout HubTurn) throws {
        for record in try turn.store.packages() {
            guard let place = places[record.package.sha256] else { continue }
            try note(place.pool, place.reason, of: record.package.path, at: turn.configuration.hub, &turn)
        }
    }

    /// A spoke has said where a replica is.
    static func note(_ message: Replica, at spoke: NodeID, _ turn: inout HubTurn) throws {
        guard message.state == .verified, let pool = message.pool else {
            return try turn.store.removePlace(node: spoke, path: message.path)
        }
        try note(pool, message.reason.map { Event.singleLine($0, limit: 512) }, of: message.path, at: spoke, &turn)
    }

    private static func note(
        _ pool: NodeName, _ reason: String?, of path: TargetPath, at node: NodeID, _ turn: inout HubTurn
    ) throws {
        let known = try turn.store.place(node: node, path: path)
        let kept = known?.pool == pool ? known?.reason : nil
        try turn.store.putPlace(PlaceRecord(node: node, path: path, pool: pool, reason: reason ?? kept))
    }

    /// What is added to the text of an import where there are several pools.
    static func text(of path: TargetPath, _ turn: HubTurn) throws -> String {
        guard let place = try turn.store.place(node: turn.configuration.hub, path: path) else { return "" }
        return "; \(PoolPlace(pool: place.pool, reason: place.reason))"
    }

    /// A pool of the hub whose disk is gone.
    static func absentPool(_ turn: HubTurn) throws -> PoolRecord? {
        try turn.store.pools(of: turn.configuration.hub).first { $0.problem != nil }
    }
}
