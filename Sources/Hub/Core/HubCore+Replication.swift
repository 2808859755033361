import Model
import Protocol

/// Replication: every imported package to every spoke; what a spoke holds is what it says on each connection.
extension HubCore {
    /// Wishes a newly imported package to every spoke.
    mutating func wishReplicas(of package: Package, at now: UnixTime) throws {
        for spoke in try store.spokes() where spoke.revoked == nil { try wish(package, at: spoke.id, now) }
    }

    /// Wishes every imported package to one spoke.
    mutating func wishReplicas(at spoke: NodeID, at now: UnixTime) throws {
        for record in try store.packages(in: .imported) { try wish(record.package, at: spoke, now) }
    }

    private mutating func wish(_ package: Package, at spoke: NodeID, _ now: UnixTime) throws {
        let known = try store.replica(spoke: spoke, path: package.path)
        guard known?.digest != package.sha256 else { return }
        try store.putReplica(
            ReplicaRecord(spoke: spoke, path: package.path, digest: package.sha256, changed: now))
        dirtySpokes.insert(spoke)
    }

    /// Sends the wishes that the spoke has not stored yet.
    mutating func sendWishes(_ link: LinkID, _ spoke: NodeID) throws {
        var sent = 0
        var last: TargetPath?
        while sent < HubLimits.inFlight {
            let wishes = try store.unacknowledgedReplicas(at: spoke, after: last, limit: HubLimits.inFlight)
            for replica in wishes {
                last = replica.path
                if try sendWish(replica, link, spoke) { sent += 1 }
            }
            guard wishes.count == HubLimits.inFlight else { return }
        }
    }

    /// Sends one wish; false if there is nothing to send, or not yet.
    private mutating func sendWish(_ replica: ReplicaRecord, _ link: LinkID, _ spoke: NodeID) throws -> Bool {
        guard !isHeld(.replicate(replica.path), link) else { return false }
        guard let record = try store.package(replica.path), record.package.sha256 == replica.digest else {
            try store.removeReplica(spoke: spoke, path: replica.path)
            dirtySpokes.insert(spoke)
            return false
        }
        let isUrgent = record.package.metadata.severity == .hotfix
        let message = Replicate(
            path: replica.path, sha256: replica.digest, length: record.package.length,
            priority: isUrgent ? .urgent : .normal)
        ask(link, .replicate(message), .replicate(replica.path))
        return true
    }

    mutating func replicateAnswered(
        _ path: TargetPath, _ spoke: NodeID, _ link: LinkID, _ error: ErrorReply?, at now: UnixTime
    ) throws {
        guard var replica = try store.replica(spoke: spoke, path: path) else { return }
        if let error {
            // The wish stays and is made again later.
            replica.text = error.text
            try log(.warning, .replicaFailed, "package/\(path)", "the spoke refused to hold it: \(error.text)", at: now)
            hold(.replicate(path), link, until: now + HubLimits.roomRetry)
        } else {
            replica.isAcknowledged = true
        }
        try store.putReplica(replica)
    }

    mutating func replicaReported(
        _ message: Replica, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        reply(link, request, .ok(OK()))
        let known = try store.replica(spoke: spoke, path: message.path)
        if links[link]?.inventory != nil {
            let item = ReplicaInventory.Item(path: message.path, digest: message.sha256)
            links[link]?.inventory?.said(item, isWished: known?.digest == message.sha256)
            try compareInventory(of: spoke, link, at: now)
        }
        guard var replica = try store.replica(spoke: spoke, path: message.path), replica.digest == message.sha256 else {
            return
        }
        if try isPruned(message, at: spoke) { return }
        let before = replica.state
        replica.state = message.state
        replica.bytesHeld = Int64(clamping: message.bytesHeld)
        replica.text = message.text.map { Event.singleLine($0, limit: 512) }
        replica.changed = now
        if before == .verified, message.state != .verified {
            replica.forgetWay()
        }
        replica.lacking = message.state == .pending ? message.lacking.map { ByteCount($0) } : nil
        // What was dropped is wished for again as long as the catalog names it.
        if message.state == .evicted, before != .evicted { replica.isAcknowledged = false }
        try store.putReplica(replica)
        try notePlace(message, at: spoke)
        if message.state == .evicted { dirtySpokes.insert(spoke) }
        if let lacking = message.lacking, message.state == .pending || message.state == .verified,
            let package = try store.package(message.path)?.package
        {
            // A verified one lacks the room for its content, which may go into any pool.
            let isHere = message.state == .verified
            try makeRoom(
                ByteCount(lacking), in: isHere ? nil : message.pool, for: package, at: spoke, isHere: isHere, at: now)
        }
        guard message.state == .verified, before != .verified else { return }
        try dispatch(to: spoke, message.path, at: now)
        // Orders of before that waited for it.
        dirtySpokes.insert(spoke)
    }
}
