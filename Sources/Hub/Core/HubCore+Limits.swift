import Model
import Protocol
import Rollout

/// How fast links may be used: the hub holds its own links to the rules, and tells spokes what they may give their agents.
///
/// Rules are text with hours and time zones; what goes out is a rate, or a schedule in UTC. A link without a rule costs nothing.
extension HubCore {
    /// How far ahead the hub looks for its own next change: rules come again every week.
    private static let ownDays: Int64 = 8
    /// For how long a spoke is told ahead: the offline horizon. It is told again every day, since a zone's rules may change.
    private static let agentDays: Int64 = 45
    private static let agentLimitInterval = Duration.seconds(86_400)
    /// How often a rule with hours is looked at again, since a zone's rules may change.
    private static let zoneInterval = Duration.seconds(3600)

    mutating func limitSpoke(
        _ id: NodeID, _ link: String?, _ agents: String?, at now: UnixTime
    ) throws -> SpokeRecord {
        guard let spoke = try store.spoke(id), spoke.revoked == nil else {
            throw HubRefusal.notFound("there is no spoke \(id)")
        }
        var record = try store.link(of: id) ?? LinkRecord(spoke: id)
        if let link { record.limit = try checked(link, at: now) }
        if let agents { record.agentLimit = try checked(agents, at: now) }
        let before = try store.link(of: id) ?? LinkRecord(spoke: id)
        guard record != before else { return spoke }
        try store.putLink(record)
        if let limit = record.limit, limit != before.limit {
            try log(.notice, .limitSet, "spoke/\(spoke.name)", "the limit to \(spoke.name) is \(limit)", at: now)
        }
        if let limit = record.agentLimit, limit != before.agentLimit {
            try log(
                .notice, .limitSet, "spoke/\(spoke.name)", "the limit from \(spoke.name) to its agents is \(limit)",
                at: now)
        }
        guard let open = linkOf[id] else { return spoke }
        try applyLimit(open, at: now)
        if record.agentLimit != before.agentLimit { links[open]?.agentLimitDue = now }
        return spoke
    }

    /// The rule in one spelling; refuses what cannot be read, and zones that nobody knows.
    private func checked(_ text: String, at now: UnixTime) throws -> String {
        let rule = try BandwidthRule(text)
        _ = try rule.schedule(from: now, days: Self.ownDays, zones: configuration.zones)
        return rule.description
    }

    /// Holds a link to what its rule says now.
    mutating func applyLimit(_ link: LinkID, at now: UnixTime) throws {
        guard let open = links[link] else { return }
        var rate: BitRate?
        links[link]?.rateUntil = nil
        if let text = try store.link(of: open.spoke)?.limit {
            let rule = try BandwidthRule(text)
            let current = try schedule(rule, days: Self.ownDays, link, at: now).schedule.rate(at: now)
            rate = current.rate
            if !rule.parts.isEmpty {
                links[link]?.rateUntil = min(current.until ?? .distantFuture, now + Self.zoneInterval)
            }
        }
        guard rate != open.rate else { return }
        links[link]?.rate = rate
        effects.append(.limit(link, rate))
    }

    /// The steps of a rule. Where the rules of a time zone cannot be had, because tzdata was removed perhaps, the rule's lowest
    /// rate holds at all hours; the log says so once for each connection.
    private mutating func schedule(
        _ rule: BandwidthRule, days: Int64, _ link: LinkID, at now: UnixTime
    ) throws -> (schedule: RateSchedule, isRight: Bool) {
        do throws(RolloutError) {
            let schedule = try rule.schedule(from: now, days: days, zones: configuration.zones)
            links[link]?.isZoneMissed = false
            return (schedule, true)
        } catch {
            if let open = links[link], !open.isZoneMissed, let spoke = try store.spoke(open.spoke) {
                links[link]?.isZoneMissed = true
                let rate = rule.lowest?.description ?? "none"
                try log(
                    .error, .limitSet, "spoke/\(spoke.name)", "\(error); until then \(rate) holds at all hours", at: now
                )
            }
            return (RateSchedule([.init(start: now, rate: rule.lowest)]), false)
        }
    }

    /// The link of a spoke that is connected.
    func link(of spoke: NodeID) -> LinkID? { linkOf[spoke] }

    /// Changes the limits whose hour has come; gives when the next one comes.
    mutating func pumpLimits(at now: UnixTime) throws -> UnixTime? {
        var next: UnixTime?
        let timed = links.filter { $0.value.rateUntil != nil || $0.value.agentLimitDue != nil }
        for (link, open) in timed.sorted(by: { $0.key < $1.key }) {
            if let until = open.rateUntil, until <= now { try applyLimit(link, at: now) }
            if let due = open.agentLimitDue, due <= now { dirtySpokes.insert(open.spoke) }
            for time in [links[link]?.rateUntil, open.agentLimitDue] {
                if let time, time > now { next = min(next ?? time, time) }
            }
        }
        return next
    }

    /// Tells a spoke what its agents may get, where that is due.
    mutating func sendAgentLimit(_ link: LinkID, _ spoke: NodeID, at now: UnixTime) throws {
        guard let due = links[link]?.agentLimitDue, due <= now, let text = try store.link(of: spoke)?.agentLimit else {
            return
        }
        let found = try schedule(try BandwidthRule(text), days: Self.agentDays, link, at: now)
        links[link]?.agentLimitInterval = found.isRight ? Self.agentLimitInterval : Self.zoneInterval
        ask(link, .setLimit(SetLimit(schedule: found.schedule)), .setLimit(text))
    }

    mutating func agentLimitAnswered(
        _ rule: String, _ id: NodeID, _ link: LinkID, _ error: ErrorReply?, at now: UnixTime
    ) throws {
        // Another one may be wanted by now; it is sent next.
        guard try store.link(of: id)?.agentLimit == rule else { return }
        let interval = links[link]?.agentLimitInterval ?? Self.agentLimitInterval
        links[link]?.agentLimitDue = now + interval
        if let error, let spoke = try store.spoke(id) {
            try log(
                .warning, .limitSet, "spoke/\(spoke.name)",
                "\(spoke.name) does not hold the limit to its agents: \(error.text)", at: now)
        }
    }
}
