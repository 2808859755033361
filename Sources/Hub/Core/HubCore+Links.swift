import Model
import Protocol
import Trust

/// Sessions of spokes: opening and closing, what they ask, what is sent to them.
extension HubCore {
    mutating func react(to event: LinkEvent, at now: UnixTime) throws {
        switch event {
        case .opened(let link, let peer, let hello): try opened(link, peer, hello, at: now)
        case .closed(let link, let closure): try closed(link, closure, at: now)
        case .request(let link, let request, let message):
            guard let spoke = links[link]?.spoke else { return }
            try asked(message, spoke, link, request, at: now)
        case .reply(let link, let request, let message):
            guard let errand = take(request, on: link) else { return }
            try answered(errand, link, message, at: now)
        case .failed(let link, let request, _):
            guard let errand = take(request, on: link) else { return }
            if errand == .completedReleases { links[link]?.completedReleases = nil }
            pause(link, until: now + HubLimits.deliveryRetry)
            // What is told on connect is in no outbox: it is told again.
            if errand.isGreeting { hold(errand, link, until: now + HubLimits.deliveryRetry) }
        }
    }

    private mutating func opened(_ link: LinkID, _ peer: PeerIdentity, _ hello: Hello, at now: UnixTime) throws {
        guard peer.role == .spoke, peer.fleet == configuration.fleet, var spoke = try store.spoke(peer.id),
            spoke.revoked == nil
        else {
            try log(
                .warning, .peerRefused, "\(peer.role.name)/\(peer.id)", "not a spoke of this hub", at: now)
            effects.append(.link(.close(link, .refused, "not a spoke of this hub, or revoked")))
            return
        }
        guard sessionAllowance.take(peer.id, at: now) else {
            try log(
                .warning, .peerRefused, "spoke/\(spoke.name)",
                "\(spoke.name) opens sessions faster than it may, 30 a minute, and has to wait; if it goes on, check its link, and "
                    + "that no second machine has a copy of its state folder", at: now)
            return effects.append(
                .link(
                    .close(
                        link, .busy,
                        "this spoke opens sessions faster than it may, 30 a minute; it may come back in a minute; if it goes on, look for a "
                            + "second machine with a copy of its state folder")))
        }
        // It tells them anew, unless it has none any more.
        shares[peer.id] = nil
        if let old = linkOf[peer.id] {
            links[old] = nil
            effects.append(.link(.close(old, .replaced, "a newer session has taken this one's place")))
        }
        links[link] = SpokeLink(spoke: peer.id)
        linkOf[peer.id] = link
        spoke.isConnected = true
        spoke.since = now
        spoke.program = Event.singleLine(hello.program, limit: 64)
        try store.updateSpoke(spoke)
        try log(.info, .spokeConnected, "spoke/\(spoke.name)", "\(spoke.name) has connected", at: now)
        let error = hello.time - now
        if error > HubLimits.clockError || error < .zero - HubLimits.clockError {
            try log(
                .warning, .clockWrong, "spoke/\(spoke.name)",
                "the clock of \(spoke.name) shows \(hello.time), the hub's \(now)", at: now)
        }
        try noteClock(of: peer.id, shows: hello.time, at: now)
        try wishReplicas(at: peer.id, at: now)
        try greet(link)
        try applyLimit(link, at: now)
        if try store.link(of: peer.id)?.agentLimit != nil { links[link]?.agentLimitDue = now }
        // It goes on with it, begins it again, or says what it has found meanwhile.
        for check in try store.checks(at: peer.id) where check.ended == nil {
            ask(link, .checkPool(check.request), .checkPool(check.said.check))
        }
        dirtySpokes.insert(peer.id)
    }

    /// Tells a spoke what it may have missed; all of it may be repeated.
    private mutating func greet(_ link: LinkID) throws {
        if let list = try revocationList() { sendRevocations(link, list) }
        if let known = try storedAnchorSet() {
            ask(link, .anchors(Anchors(signed: known.signed)), .anchors(known.set.number))
        }
        if let catalog = try store.catalog(), catalog.timestampVersion > 0 {
            let version = UInt64(clamping: catalog.timestampVersion)
            ask(link, .catalogChanged(CatalogChanged(timestampVersion: version)), .catalogChanged(version))
        }
    }

    private mutating func closed(_ link: LinkID, _ closure: LinkClosure, at now: UnixTime) throws {
        guard let open = links.removeValue(forKey: link), linkOf[open.spoke] == link else { return }
        linkOf[open.spoke] = nil
        guard var spoke = try store.spoke(open.spoke) else { return }
        spoke.isConnected = false
        spoke.since = now
        try store.updateSpoke(spoke)
        try store.disconnectClients(of: open.spoke, at: now)
        try log(
            .notice, .spokeDisconnected, "spoke/\(spoke.name)",
            "\(spoke.name) is no longer connected: \(closure.text)", at: now)
    }

    /// Ends the session of a node, if it has one.
    mutating func close(_ node: NodeID, _ text: String) {
        guard let link = linkOf.removeValue(forKey: node) else { return }
        links[link] = nil
        effects.append(.link(.close(link, .refused, text)))
    }

    private mutating func asked(
        _ message: Message, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        switch message {
        case .fetchMetadata(let fetch):
            effects.append(.serveMetadata(link, request, name: fetch.name))
        case .fetchPlan(let ask): try fetchPlan(ask, spoke, link, request, at: now)
        case .fetchPackage(let fetch): try fetchPackage(fetch, spoke, link, request, at: now)
        case .replica(let replica): try replicaReported(replica, spoke, link, request, at: now)
        case .poolChecked(let check):
            try poolChecked(check, spoke, at: now)
            reply(link, request, .ok(OK()))
        case .shares(let told): try sharesTold(told, spoke, link, request)
        case .poolStatus(let status): try poolReported(status, spoke, link, request, at: now)
        case .presence(let presence): try presenceReported(presence, spoke, link, request, at: now)
        case .report(let report): try reported(report, spoke, link, request, at: now)
        case .order(let order): try spokeShowsOrder(order, spoke, link, request, at: now)
        case .event(let event): try eventReported(event, spoke, link, request, at: now)
        case .joinBegin, .joinRequest, .renew: try joinAsked(message, .relayed(link, request, spoke: spoke), at: now)
        default: refuse(link, request, .unsupported, "a hub does not answer \(message.name)")
        }
    }

    /// A line for the log; each sequence number of a spoke is stored once.
    ///
    /// The spoke chooses code, subject, severity and time. The line has the hub's own time beside the
    /// spoke's, says which spoke told it, has a code that spokes have, and names only what is the spoke's.
    private mutating func eventReported(
        _ message: EventMessage, _ id: NodeID, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        guard var spoke = try store.spoke(id), let sequence = Int64(exactly: message.sequence) else {
            return refuse(link, request, .invalid, "event sequence \(message.sequence) is out of range")
        }
        if sequence > spoke.lastEvent {
            guard mayLogEvent(at: now) else {
                return refuse(
                    link, request, .busy,
                    "the log takes no more events of this spoke now; it keeps them and sends them later",
                    retryAfter: 30)
            }
            spoke.lastEvent = sequence
            try store.updateSpoke(spoke)
            let known = SpokeEventCode(rawValue: message.code.rawValue)
            try append(
                known == nil && message.severity == .error ? .warning : message.severity, known?.code ?? .spokeEvent,
                try subject(message.subject, at: spoke),
                "at \(spoke.name): \(known == nil ? "\(message.code.rawValue): " : "")\(message.text)",
                peerTime: message.time, at: now)
            if known == .machineCloned { try spokeSawClone(message, at: spoke, at: now) }
        }
        reply(link, request, .ok(OK()))
    }

    /// What a spoke says that its event is about: as it is where that is the spoke's own, else as a part
    /// of the spoke, so that it names nothing of the hub or of another member.
    private func subject(_ claimed: String, at spoke: SpokeRecord) throws -> String {
        let parts = claimed.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let id = parts.count == 2 ? parts[1] : ""
        // Text that is no id or path names nothing.
        switch parts.first {
        case "client":
            guard let client = try (try? NodeID(id)).flatMap(store.client), client.spoke == spoke.id else { break }
            return "client/\(client.name)"
        case "action":
            guard let action = try (try? ActionID(id)).flatMap(store.action), action.spoke == spoke.id else { break }
            return claimed
        case "package":
            // As above.
            let replica = try (try? TargetPath(id)).flatMap { try store.replica(spoke: spoke.id, path: $0) }
            if replica != nil { return claimed }
            return "spoke/\(spoke.name)/\(claimed)"
        case "catalog", "pool", "share": return "spoke/\(spoke.name)/\(claimed)"
        default: break
        }
        return "spoke/\(spoke.name)"
    }

    /// The answer to something that the hub asked of a spoke.
    private mutating func answered(_ errand: Errand, _ link: LinkID, _ message: Message, at now: UnixTime) throws {
        guard let spoke = links[link]?.spoke else { return }
        var error: ErrorReply?
        if case .error(let reply) = message {
            if try reply.code.isRetryable || isEarly(reply, errand, at: now) {
                // Without any wait the peer would be asked as fast as it can answer.
                let seconds = reply.retryAfterSeconds.map { Duration.seconds(Int64(min(max($0, 1), 3600))) }
                // A check is asked for once.
                if case .checkPool(let check) = errand { return try checkAnswered(check, spoke, reply, at: now) }
                if errand == .completedReleases { links[link]?.completedReleases = nil }
                return hold(errand, link, until: now + (seconds ?? HubLimits.deliveryRetry))
            }
            error = reply
        }
        dirtySpokes.insert(spoke)
        switch errand {
        case .order(let number): try orderAnswered(number, error, at: now)
        case .replicate(let path): try replicateAnswered(path, spoke, link, error, at: now)
        case .setQuota(let pool, let quota): try quotaAnswered(pool, quota, spoke, error, at: now)
        case .setLimit(let rule): try agentLimitAnswered(rule, spoke, link, error, at: now)
        case .setAccess(let pool, let access): try accessAnswered(pool, access, spoke, error, at: now)
        case .evict(let path): try evictAnswered(path, spoke, error, at: now)
        case .checkPool(let check): try checkAnswered(check, spoke, error, at: now)
        case .catalogChanged, .revocations, .anchors, .completedReleases:
            if let error {
                try log(.warning, .peerRefused, "spoke/\(spoke)", "the spoke refused: \(error.text)", at: now)
            }
        }
        if case .revocations(let number) = errand { try revocationsAnswered(number, link) }
    }

    // MARK: - Sending

    /// Asks a spoke, unless the same errand is under way already.
    mutating func ask(_ link: LinkID, _ message: Message, _ errand: Errand) {
        guard !isHeld(errand, link), links[link]?.underWay.insert(errand).inserted == true else { return }
        let request = nextRequest()
        links[link]?.errands[request] = errand
        effects.append(.link(.request(link, request, message, .control)))
    }

    private mutating func take(_ request: RequestID, on link: LinkID) -> Errand? {
        guard let errand = links[link]?.errands.removeValue(forKey: request) else { return nil }
        links[link]?.underWay.remove(errand)
        return errand
    }

    /// Leaves one errand alone for a while; it is done again by itself, and the others do not wait for it.
    mutating func hold(_ errand: Errand, _ link: LinkID, until time: UnixTime) {
        guard let open = links[link] else { return }
        links[link]?.held[errand] = time
        // Another one may take its place on the way.
        dirtySpokes.insert(open.spoke)
    }

    /// Whether an errand has to wait.
    func isHeld(_ errand: Errand, _ link: LinkID) -> Bool { links[link]?.held[errand] != nil }

    /// Lets go what has waited long enough; gives when the next one has.
    private mutating func releaseHeld(at now: UnixTime) throws -> UnixTime? {
        var next: UnixTime?
        for (link, open) in links.filter({ !$0.value.held.isEmpty }).sorted(by: { $0.key < $1.key }) {
            let due = open.held.filter { $0.value <= now }.keys
            for errand in due { links[link]?.held[errand] = nil }
            if let wait = links[link]?.held.values.min() { next = min(next ?? wait, wait) }
            guard !due.isEmpty else { continue }
            dirtySpokes.insert(open.spoke)
            if due.contains(where: \.isGreeting) { try greet(link) }
        }
        return next
    }

    /// Pauses all deliveries to a spoke; they go on by themselves.
    private mutating func pause(_ link: LinkID, until time: UnixTime) {
        guard let spoke = links[link]?.spoke else { return }
        links[link]?.notBefore = time
        dirtySpokes.insert(spoke)
    }

    /// Sends what waits for the spokes that have something; gives when to try those again that asked for patience.
    mutating func pumpLinks(at now: UnixTime) throws -> [UnixTime?] {
        var later: [UnixTime?] = [try releaseHeld(at: now)]
        for spoke in dirtySpokes.sorted() {
            guard let link = linkOf[spoke], let open = links[link] else {
                dirtySpokes.remove(spoke)  // greeted again when it comes back
                continue
            }
            guard open.notBefore <= now else {
                later.append(open.notBefore)
                continue
            }
            dirtySpokes.remove(spoke)
            try sendQuotas(link, spoke)
            try sendAgentLimit(link, spoke, at: now)
            try sendAccess(link, spoke)
            try sendCompletions(link, spoke)
            try sendEvictions(link, spoke)
            try sendWishes(link, spoke)
            try sendOrders(link, spoke, at: now)
        }
        return later
    }

    private mutating func sendOrders(_ link: LinkID, _ spoke: NodeID, at now: UnixTime) throws {
        var sent = 0
        var last: Int64 = 0
        while sent < HubLimits.inFlight {
            let orders = try store.orders(for: spoke, after: last, limit: HubLimits.inFlight)
            for order in orders {
                last = order.number
                guard order.expires > now else {
                    try store.removeOrder(order.number)
                    continue
                }
                guard !isHeld(.order(order.number), link), try mayGo(order) else { continue }
                let message = OrderMessage(
                    agent: order.client, action: order.action, kind: UInt64(order.kind), expires: order.expires,
                    signed: order.signed)
                ask(link, .order(message), .order(order.number))
                sent += 1
            }
            guard orders.count == HubLimits.inFlight else { return }
        }
    }

    /// An install is ordered at a spoke that holds the package verified, and at no other: what was ordered before the spoke lost its replica waits until it has it again.
    private func mayGo(_ order: OrderRecord) throws -> Bool {
        guard order.kind == OrderKind.install.rawValue, let action = try store.action(order.action) else { return true }
        let replica = try store.replica(spoke: order.spoke, path: action.path)
        return replica?.state == .verified && replica?.digest == action.digest
    }
}
