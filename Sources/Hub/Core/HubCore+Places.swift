import Model
import Protocol
import Storage

/// Several pools: where packages are, and what a disk that is gone means for the hub's own.
extension HubCore {
    /// Where objects are among the hub's own pools. What was said of a place stays as long as the package is there.
    mutating func placed(_ places: [SHA256Digest: PoolPlace]) throws {
        for record in try store.packages() {
            guard let place = places[record.package.sha256] else { continue }
            try note(place.pool, place.reason, of: record.package.path, at: configuration.hub)
        }
    }

    /// A spoke has said where a replica is.
    mutating func notePlace(_ message: Replica, at spoke: NodeID) throws {
        guard message.state == .verified, let pool = message.pool else {
            return try store.removePlace(node: spoke, path: message.path)
        }
        try note(pool, message.reason.map { Event.singleLine($0, limit: 512) }, of: message.path, at: spoke)
    }

    private mutating func note(_ pool: NodeName, _ reason: String?, of path: TargetPath, at node: NodeID) throws {
        let known = try store.place(node: node, path: path)
        let kept = known?.pool == pool ? known?.reason : nil
        try store.putPlace(PlaceRecord(node: node, path: path, pool: pool, reason: reason ?? kept))
    }

    /// What is added to the text of an import where there are several pools.
    func placeText(of path: TargetPath) throws -> String {
        guard let place = try store.place(node: configuration.hub, path: path) else { return "" }
        return "; \(PoolPlace(pool: place.pool, reason: place.reason))"
    }

    /// A pool of the hub whose disk is gone.
    func absentPool() throws -> PoolRecord? {
        try store.pools(of: configuration.hub).first { $0.problem != nil }
    }

    /// A pool's disk is gone, or is here again.
    mutating func poolsMoved(
        _ went: Set<SHA256Digest>, _ came: Set<SHA256Digest>, _ text: String, at now: UnixTime
    ) throws {
        try log(went.isEmpty ? .notice : .error, .poolAvailability, "pool", text, at: now)
        patching.contents.subtract(went)
        let absent = try absentPool()
        for var record in try store.packages() where !importing.contains(record.package.path) {
            if went.contains(record.package.sha256), record.state == .imported, let absent {
                try miss(&record, absent, at: now)
            } else if came.contains(record.package.sha256), record.state == .failed || record.state == .announced {
                try imported(
                    &record, "\(record.package.path) is in the hub's pool again" + placeText(of: record.package.path),
                    at: now)
            }
        }
        for prune in try store.prunes(at: configuration.hub) where came.contains(prune.digest) {
            try evict(prune.digest, of: prune.path, at: now)
        }
    }

    /// A package was in a pool whose disk is gone: that may come back, and costs nothing then.
    mutating func miss(_ record: inout PackageRecord, _ pool: PoolRecord, at now: UnixTime) throws {
        record.state = .failed
        record.bytesHeld = 0
        record.error =
            "pool \(pool.name) is unavailable: \(pool.problem ?? "its disk is gone"); the package is fetched again if that lasts "
            + "an hour"
        record.nextTry = now + HubLimits.diskPatience
        record.changed = now
        try store.putPackage(record)
    }
}
