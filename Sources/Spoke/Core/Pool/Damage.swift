import Model

/// What the disk has damaged: the pool withholds it already; here it is said, replaced or repaired.
/// It has no memory of its own.
enum Damage {
    /// Objects were found damaged. A replica that is whole in its other form, and a patch, only
    /// lose an object; any other is repaired as soon as the hub is there: a published file in its
    /// damaged parts alone, a content by whatever way is cheapest.
    static func found(
        _ objects: Set<SHA256Digest>, _ pool: inout PoolContents, _ replicas: Replicas, _ turn: inout SpokeTurn
    ) throws {
        pool.withhold(objects, &turn)
        for object in objects.sorted() {
            if try turn.store.patch(object) != nil {
                try turn.store.removePatch(object)
                turn.effect(.evict([object]))
            }
            for replica in try turn.store.replicas(heldAs: object) {
                try found(object, of: replica, &pool, replicas, &turn)
            }
        }
    }

    private static func found(
        _ object: SHA256Digest, of replica: WantedReplica, _ pool: inout PoolContents, _ replicas: Replicas,
        _ turn: inout SpokeTurn
    ) throws {
        guard !replica.isHeld(pool.held) else {
            turn.effect(.evict([object]))
            return try turn.log(
                .warning, .replicaCorrupt, of: replica,
                "the disk has damaged one of two forms of this package; it was removed, the other one is whole")
        }
        // One that is on its way out, or not here yet, has nothing to be repaired.
        guard replica.state == .verified || replica.state == .corrupt else { return }
        if object == replica.sha256 { pool.noteDamage(of: object) } else { turn.effect(.evict([object])) }
        guard replica.state == .verified else { return }
        var replica = replica
        replica.state = .corrupt
        replica.text = "the disk has damaged it"
        replica.notBefore = .zero
        try turn.store.save(replica)
        try turn.log(
            .error, .replicaCorrupt, of: replica,
            "the disk has damaged this package; it is withheld, and repaired from the hub")
        replicas.tell(replica, pool, &turn)
        turn.note(.replicasChanged)
    }
}
