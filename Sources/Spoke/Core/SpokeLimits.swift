/// Every bound of the spoke's core in one place.
package enum SpokeLimits {
    /// Transfers from the hub at a time; more would only share the same link.
    package static let transfers = 2
    /// Reports on their way to the hub at a time.
    package static let reportsInFlight = 64
    /// First and last wait between attempts at one replica; doubled in between.
    package static let firstRetry = Duration.seconds(5)
    package static let lastRetry = Duration.seconds(600)
    /// How soon a replica without room is tried again by itself.
    package static let roomRetry = Duration.seconds(60)
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
    /// How soon a refused delivery (order, report, event) is tried again.
    package static let deliveryRetry = Duration.seconds(10)
    /// Joins that may be relayed at a time.
    package static let joins = 64
    /// How often expired orders are removed.
    package static let tidying = Duration.seconds(3600)
}
