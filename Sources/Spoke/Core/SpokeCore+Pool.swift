import Codec
import Model
import Protocol

/// What the hub's plan takes from the pool, and its checks.
extension SpokeCore {
    /// The hub's plan says that a package goes. It counts as gone at once: nobody is served with it any more.
    ///
    /// Bytes that another package is as well stay.
    mutating func evict(_ message: Evict, _ link: LinkID, _ request: RequestID, at now: UnixTime) throws {
        guard var replica = try store.replica(message.sha256), replica.state != .evicted else {
            return evictions[message.sha256] == nil
                ? reply(link, request, .ok(OK()))
                : refuse(link, request, .busy, "the package is being removed", retryAfter: 5)
        }
        guard replica.paths == [message.path] else {
            if replica.names(message.path), replica.remove(message.path) {
                try store.save(replica)
                isKeepingDue = true
                let gone = Replica(
                    path: message.path, sha256: message.sha256, state: .evicted, bytesHeld: 0, text: message.text)
                supersede(.replica(message.path, message.sha256))
                ask(link, .replica(gone), .replica(message.path, message.sha256))
            }
            return reply(link, request, .ok(OK()))
        }
        guard attempts[replica.sha256] == nil else {
            return refuse(link, request, .busy, "the package is in transfer", retryAfter: 15)
        }
        let before = replica.state
        replica.state = .evicted
        replica.text = message.text
        try store.save(replica)
        // Also for one that is not here yet: what a transfer left goes when room is needed.
        guard before == .verified || before == .corrupt else {
            sendState(of: replica)
            return reply(link, request, .ok(OK()))
        }
        evictions[replica.sha256] = (link, request, before)
        let content = try (replica.packed?.sha256 ?? message.content).flatMap { object in
            try isShared(object, by: replica.sha256) ? nil : object
        }
        guard try isShared(replica.sha256, by: replica.sha256) else {
            return effects.append(.prune(replica.sha256, content: content))
        }
        // The file is what is inside another package, which stays.
        if let content { effects.append(.evict([content])) }
        try evictionEnded(replica.sha256, refusal: nil, at: now)
    }

    /// Whether another package may be held as this object too.
    private func isShared(_ object: SHA256Digest, by sha256: SHA256Digest) throws -> Bool {
        try store.replicas(heldAs: object).contains { $0.sha256 != sha256 && $0.state != .evicted }
    }

    mutating func evictionEnded(_ sha256: SHA256Digest, refusal: String?, at now: UnixTime) throws {
        guard let (link, request, before) = evictions.removeValue(forKey: sha256),
            var replica = try store.replica(sha256)
        else { return }
        if let refusal {
            // Asked for again meanwhile, it is what it was as well, unless an attempt is on its way that will find it.
            if attempts[sha256] == nil {
                replica.state = before
                replica.text = ""
                try store.save(replica)
                sendState(of: replica)
            }
            return refuse(link, request, .busy, refusal, retryAfter: 30)
        }
        try log(
            .info, .replicaEvicted, of: replica,
            "the package has left the pool: \(replica.text)", at: now)
        sendState(of: replica)
        reply(link, request, .ok(OK()))
        try retryWaitingReplicas()
    }

    /// Begins a check, or says again what it has found: the hub asks on a new connection for what it has not heard the end of.
    mutating func beginCheck(_ check: CheckPool) throws {
        // What another release wrote and this one cannot read is as good as none: it is checked anew.
        if let bytes = try store.setting(.lastCheck),
            let last = try? PoolChecked(MessageFields(frame: bytes.span, of: PoolChecked.name)),
            last.check == check.check, last.pool == check.pool
        {
            return send(last)
        }
        effects.append(.checkPool(check))
    }

    mutating func checked(_ check: PoolChecked) throws {
        if check.isOver { try store.set(.lastCheck, to: CBOREncoder.encode(.map(check.cbor))) }
        send(check)
    }

    private mutating func send(_ check: PoolChecked) {
        guard let hub else { return }
        supersede(.poolChecked)
        ask(hub, .poolChecked(check), .poolChecked)
    }
}
