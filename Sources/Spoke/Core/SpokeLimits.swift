package import Model

/// Every bound of the spoke's core in one place.
package enum SpokeLimits {
    /// Transfers from the hub at a time; more would only share the same link.
    package static let transfers = 2
    /// Reports on their way to the hub at a time.
    package static let reportsInFlight = 64
    /// Reports that one agent may bring: 400 after a pause, then 20 a second.
    package static let reports = AllowanceRate(burst: 400, every: .milliseconds(50))
    /// Bytes of reports that each agent may always leave here, that one agent may leave at most, and
    /// beyond which the agents together get no more than their share.
    package static let reportShare = 64 << 10
    package static let reportsOfAgent = 4 << 20
    package static let reportSpace = 256 << 20
    /// Events that wait for the hub; beyond, the oldest of those that matter least go.
    package static let events = 10_000
    /// Events that one agent may cause: 60 after a pause, then six a minute.
    package static let agentEvents = AllowanceRate(burst: 60, every: .seconds(10))
    /// Sessions that one agent may open: 30 after a pause, then one each two seconds.
    package static let sessions = AllowanceRate(burst: 30, every: .seconds(2))
    /// First and last wait between attempts at one replica; doubled in between.
    package static let firstRetry = Duration.seconds(5)
    package static let lastRetry = Duration.seconds(600)
    /// How soon a replica without room is tried again by itself.
    package static let roomRetry = Duration.seconds(60)
    /// No attempt at a replica is put off for longer.
    static let longestWait = Duration.seconds(2 * 3600)
    /// How long packages of a pool whose disk is gone wait for it, before they are fetched again into another one.
    package static let diskPatience = Duration.seconds(3600)
    /// The longest wait that a hub can ask for while it makes something cheaper, and how long it is given in all before the published file is fetched.
    package static let planWait = Duration.seconds(600)
    package static let planPatience = Duration.seconds(1800)
    /// How long a content is kept for agents that cannot unpack the published file, after one of them has asked last.
    package static let contentPatience = Duration.seconds(3600)
    /// When agents ask again for a content that is being made, and for one that finds no room.
    static let contentRetry = Duration.seconds(5)
    static let contentRoomRetry = Duration.seconds(60)
    /// Patches that are kept for agents at the most.
    package static let patches = 256
    /// How soon a refused delivery (order, report, event) is tried again, and at first a state that a
    /// peer could not take; its wait doubles up to `lastRetry`.
    package static let deliveryRetry = Duration.seconds(10)
    /// States under way at a time while those are told again that a peer could not take.
    package static let statesInFlight = 128
    /// Joins that may be relayed at a time.
    package static let joins = 64
    /// How soon an agent's refusal of the same object has it checked again.
    package static let doubtPause = Duration.seconds(3600)
    /// Refusals that are remembered, and objects for each agent that one may be about.
    package static let doubts = 4096
    static let servedObjects = 4
    /// When an agent whose refusal is being looked into may ask again.
    static let doubtRetry: UInt64 = 5
    /// How often expired orders are removed.
    package static let tidying = Duration.seconds(3600)
}
