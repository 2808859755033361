import Model

/// Which agents' reports a spoke takes now, so that none fills the site's disk or the hub's time.
///
/// Each agent has a rate and a share of the disk. Up to `SpokeLimits.reportShare` an agent's reports
/// are always kept; beyond, as long as all agents together stay below `SpokeLimits.reportSpace`. What
/// is not taken stays in the agent's own queue, so nothing is lost. Reports that the hub has
/// acknowledged do not count.
struct ReportIntake {
    /// What is kept of one agent.
    struct Tally: Equatable {
        var reports = 0
        var bytes = 0
    }

    /// Why a report is not taken now, and in how many seconds to ask again.
    struct Refusal: Equatable {
        let text: String
        let retryAfter: UInt64
    }

    private static let advice = "if this lasts, check the spoke's link to its hub with 'axle spoke show'"

    private var allowance = PeerAllowance<NodeID>(SpokeLimits.reports)
    private var kept: [NodeID: Tally]
    private var total: Int

    /// What the store holds at the start.
    init(kept: [NodeID: Tally] = [:]) {
        self.kept = kept
        total = kept.values.reduce(0) { $0 + $1.bytes }
    }

    /// Why a report of so many bytes is not taken now; nil where it is.
    mutating func refusal(of agent: NodeID, bytes: Int, at now: UnixTime) -> Refusal? {
        let tally = kept[agent] ?? Tally()
        let isWithinShare = tally.bytes + bytes <= SpokeLimits.reportShare
        if !isWithinShare {
            if tally.bytes + bytes > SpokeLimits.reportsOfAgent {
                return Refusal(
                    text:
                        "this spoke keeps no more reports of this agent until its hub takes them; the agent keeps the "
                        + "others and tries again; \(Self.advice)", retryAfter: 60)
            }
            if total + bytes > SpokeLimits.reportSpace {
                return Refusal(
                    text:
                        "this spoke has no space for more reports until its hub takes them; the agent keeps them and tries "
                        + "again; \(Self.advice)", retryAfter: 60)
            }
        }
        guard allowance.take(agent, at: now) else {
            return Refusal(
                text: "this agent reports faster than it may, 20 a second; it keeps the report and tries again",
                retryAfter: 1)
        }
        return nil
    }

    /// A report of an agent was stored.
    mutating func stored(_ agent: NodeID, bytes: Int) {
        kept[agent, default: Tally()].reports += 1
        kept[agent, default: Tally()].bytes += bytes
        total += bytes
    }

    /// A stored report of an agent was removed.
    mutating func removed(_ agent: NodeID, bytes: Int) {
        guard var tally = kept[agent] else { return }
        tally.reports -= 1
        tally.bytes -= bytes
        total -= bytes
        kept[agent] = tally.reports > 0 ? tally : nil
    }
}
