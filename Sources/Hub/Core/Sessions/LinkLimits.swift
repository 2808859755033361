import Model
import Protocol
import Rollout

/// How fast links may be used: the hub holds its own links to the rules, and tells spokes what they
/// may give their agents.
///
/// Rules are text with hours and time zones; what goes out is a rate, or a schedule in UTC. A link
/// without a rule costs nothing.
///
/// It keeps what each connected spoke's sender was told, and when that or what its agents may get
/// is due again; it notes `spokeNeedsDelivery`.
struct LinkLimits: HubPart {
    /// What is known of the link of a connected spoke.
    private struct Link {
        let id: LinkID
        /// The limit that its sender has been told; none at first.
        var rate: BitRate?
        /// When the limit is looked at again.
        var rateUntil: UnixTime?
        /// When the spoke is told its limit towards its agents, or told it again; nil when there is
        /// nothing to tell.
        var agentLimitDue: UnixTime?
        /// When it is told again after that.
        var agentLimitInterval: Duration?
        /// Whether the log says that a limit's time zone cannot be used.
        var isZoneMissed = false
    }

    /// How far ahead the hub looks for its own next change: rules come again every week.
    private static let ownDays: Int64 = 8
    /// For how long a spoke is told ahead: the offline horizon. It is told again every day, since a
    /// zone's rules may change.
    private static let agentDays: Int64 = 45
    private static let agentLimitInterval = Duration.seconds(86_400)
    /// How often a rule with hours is looked at again, since a zone's rules may change.
    private static let zoneInterval = Duration.seconds(3600)

    private var links: [NodeID: Link] = [:]

    // MARK: - Sessions

    /// A spoke has connected.
    mutating func opened(_ spoke: NodeID, _ link: LinkID, _ turn: inout HubTurn) throws {
        links[spoke] = Link(id: link)
        try apply(to: spoke, &turn)
        if try turn.store.link(of: spoke)?.agentLimit != nil { links[spoke]?.agentLimitDue = turn.now }
    }

    /// A spoke's session is over.
    mutating func ended(_ spoke: NodeID) { links[spoke] = nil }

    // MARK: - Rules

    /// Sets the rules of a spoke; nil leaves one as it is.
    mutating func set(
        _ id: NodeID, link: String?, agents: String?, _ turn: inout HubTurn
    ) throws -> SpokeRecord {
        guard let spoke = try turn.store.spoke(id), spoke.revoked == nil else {
            throw HubRefusal.notFound("there is no spoke \(id)")
        }
        var record = try turn.store.link(of: id) ?? LinkRecord(spoke: id)
        if let link { record.limit = try Self.checked(link, turn) }
        if let agents { record.agentLimit = try Self.checked(agents, turn) }
        let before = try turn.store.link(of: id) ?? LinkRecord(spoke: id)
        guard record != before else { return spoke }
        try turn.store.putLink(record)
        if let limit = record.limit, limit != before.limit {
            try turn.log(.notice, .limitSet, "spoke/\(spoke.name)", "the limit to \(spoke.name) is \(limit)")
        }
        if let limit = record.agentLimit, limit != before.agentLimit {
            try turn.log(
                .notice, .limitSet, "spoke/\(spoke.name)", "the limit from \(spoke.name) to its agents is \(limit)")
        }
        guard links[id] != nil else { return spoke }
        try apply(to: id, &turn)
        if record.agentLimit != before.agentLimit { links[id]?.agentLimitDue = turn.now }
        return spoke
    }

    /// The rule in one spelling; refuses what cannot be read, and zones that nobody knows.
    private static func checked(_ text: String, _ turn: HubTurn) throws -> String {
        let rule = try BandwidthRule(text)
        _ = try rule.schedule(from: turn.now, days: Self.ownDays, zones: turn.configuration.zones)
        return rule.description
    }

    /// Holds a link to what its rule says now.
    private mutating func apply(to spoke: NodeID, _ turn: inout HubTurn) throws {
        guard let link = links[spoke] else { return }
        var rate: BitRate?
        links[spoke]?.rateUntil = nil
        if let text = try turn.store.link(of: spoke)?.limit {
            let rule = try BandwidthRule(text)
            let current = try schedule(rule, days: Self.ownDays, spoke, &turn).schedule.rate(at: turn.now)
            rate = current.rate
            if !rule.parts.isEmpty {
                links[spoke]?.rateUntil = min(current.until ?? .distantFuture, turn.now + Self.zoneInterval)
            }
        }
        guard rate != link.rate else { return }
        links[spoke]?.rate = rate
        turn.effect(.limit(link.id, rate))
    }

    /// The steps of a rule. Where the rules of a time zone cannot be had, because tzdata was
    /// removed perhaps, the rule's lowest rate holds at all hours; the log says so once for each
    /// connection.
    private mutating func schedule(
        _ rule: BandwidthRule, days: Int64, _ id: NodeID, _ turn: inout HubTurn
    ) throws -> (schedule: RateSchedule, isRight: Bool) {
        do throws(RolloutError) {
            let schedule = try rule.schedule(from: turn.now, days: days, zones: turn.configuration.zones)
            links[id]?.isZoneMissed = false
            return (schedule, true)
        } catch {
            if links[id]?.isZoneMissed == false, let spoke = try turn.store.spoke(id) {
                links[id]?.isZoneMissed = true
                let rate = rule.lowest?.description ?? "none"
                try turn.log(
                    .error, .limitSet, "spoke/\(spoke.name)", "\(error); until then \(rate) holds at all hours"
                )
            }
            return (RateSchedule([.init(start: turn.now, rate: rule.lowest)]), false)
        }
    }

    // MARK: - The end of a turn

    /// Changes the limits whose hour has come.
    mutating func settle(_ turn: inout HubTurn) throws {
        let timed = links.filter { $0.value.rateUntil != nil || $0.value.agentLimitDue != nil }
        for (spoke, link) in timed.sorted(by: { $0.value.id < $1.value.id }) {
            if let until = link.rateUntil, until <= turn.now { try apply(to: spoke, &turn) }
            if let due = link.agentLimitDue, due <= turn.now { turn.note(.spokeNeedsDelivery(spoke)) }
        }
    }

    func nextDue(_ turn: HubTurn) throws -> UnixTime? {
        links.values.flatMap { [$0.rateUntil, $0.agentLimitDue] }.compactMap { $0 }.filter { $0 > turn.now }.min()
    }

    func invariantViolation(_ store: any HubStore, _ configuration: HubConfiguration) throws -> String? {
        for spoke in links.keys where try store.spoke(spoke)?.isConnected != true {
            return "a limit is kept for the link of spoke \(spoke), which is not connected"
        }
        return nil
    }

    // MARK: - Agents' limits

    /// Tells a spoke what its agents may get, where that is due.
    mutating func send(to delivery: SpokeDelivery, _ turn: inout HubTurn) throws {
        let spoke = delivery.spoke
        guard let due = links[spoke]?.agentLimitDue, due <= turn.now,
            let text = try turn.store.link(of: spoke)?.agentLimit
        else { return }
        let found = try schedule(try BandwidthRule(text), days: Self.agentDays, spoke, &turn)
        links[spoke]?.agentLimitInterval = found.isRight ? Self.agentLimitInterval : Self.zoneInterval
        turn.ask(spoke, .setLimit(SetLimit(schedule: found.schedule)), .setLimit(text))
    }

    /// A spoke has taken what its agents may get, or refused it.
    mutating func answered(_ rule: String, _ id: NodeID, _ error: ErrorReply?, _ turn: inout HubTurn) throws {
        // Another one may be wanted by now; it is sent next.
        guard try turn.store.link(of: id)?.agentLimit == rule else { return }
        let interval = links[id]?.agentLimitInterval ?? Self.agentLimitInterval
        links[id]?.agentLimitDue = turn.now + interval
        if let error, let spoke = try turn.store.spoke(id) {
            try turn.log(
                .warning, .limitSet, "spoke/\(spoke.name)",
                "\(spoke.name) does not hold the limit to its agents: \(error.text)")
        }
    }
}
