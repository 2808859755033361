import Model

/// What the disk has damaged: the pool withholds it already; here it is said, replaced or repaired.
extension SpokeCore {
    /// Objects were found damaged. A replica that is whole in its other form, and a patch, only lose an object; any other is repaired as soon as the hub is
    /// there: a published file in its damaged parts alone, a content by whatever way is cheapest.
    mutating func damaged(_ objects: Set<SHA256Digest>, at now: UnixTime) throws {
        held.subtract(objects)
        isKeepingDue = true
        for object in objects.sorted() {
            if try store.patch(object) != nil {
                try store.removePatch(object)
                effects.append(.evict([object]))
            }
            for replica in try store.replicas(heldAs: object) {
                try damaged(object, of: replica, at: now)
            }
        }
    }

    private mutating func damaged(_ object: SHA256Digest, of replica: WantedReplica, at now: UnixTime) throws {
        guard !replica.isHeld(held) else {
            effects.append(.evict([object]))
            return try log(
                .warning, .replicaCorrupt, of: replica,
                "the disk has damaged one of two forms of this package; it was removed, the other one is whole", at: now
            )
        }
        // One that is on its way out, or not here yet, has nothing to be repaired.
        guard replica.state == .verified || replica.state == .corrupt else { return }
        if object == replica.sha256 { damagedFiles.insert(object) } else { effects.append(.evict([object])) }
        guard replica.state == .verified else { return }
        var replica = replica
        replica.state = .corrupt
        replica.text = "the disk has damaged it"
        replica.notBefore = .zero
        try store.save(replica)
        try log(
            .error, .replicaCorrupt, of: replica,
            "the disk has damaged this package; it is withheld, and repaired from the hub", at: now)
        sendState(of: replica)
        nextAttempt = .zero
    }

    /// A published file is whole again.
    mutating func repaired(_ replica: WantedReplica, _ fetched: ByteCount, at now: UnixTime) throws {
        var replica = replica
        attempts[replica.sha256] = nil
        damagedFiles.remove(replica.sha256)
        held.insert(replica.sha256)
        replica.state = .verified
        replica.text = ""
        replica.attempts = 0
        try store.save(replica)
        try log(
            .notice, .replicaRepaired, of: replica,
            "the package is whole again: \(fetched) of \(ByteCount(replica.length)) were fetched from the hub", at: now)
        sendState(of: replica)
    }
}
