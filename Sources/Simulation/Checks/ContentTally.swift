package import Model
internal import Spoke

/// How packages came in a run, and what went otherwise: so that a test can see that all of it is met.
package struct ContentTally: Equatable, Sendable {
    /// Transfers that ended with a verified replica, and downloads that ended with a whole package.
    package var spokes: [TransferMeans: Int] = [:]
    package var agents: [TransferMeans: Int] = [:]
    /// Fetches that went on behind what an attempt before had left.
    package var resumed: [TransferMeans: Int] = [:]
    package var resumedDownloads = 0
    /// Contents, patches and chunks that were of no use, so that the published file came.
    package var spokeFallBacks = 0
    package var agentFallBacks = 0
    /// Askers that were told to come again.
    package var hubBusy = 0
    package var spokeBusy = 0
    /// Agents that cannot unpack the file and were told to wait for the content.
    package var contentsAwaited = 0
    package var unpacked = 0
    package var unpackingStopped = 0
    package var unpackingRefused = 0
    /// Limited children that failed.
    package var workFaults = 0
    /// Packages that were installed out of their published file, and out of their content.
    package var installedPublished = 0
    package var installedContent = 0

    /// Releases that shares were switched to.
    package var shown = 0
    /// The same of shares that follow rollouts.
    package var shownCompleted = 0
    /// Events of a hostile member that a core failed on and that were left out.
    package var leftOut = 0
    /// Segments of revocations that spokes fetched, and lists that were taken while ids had to be carried.
    package var segments = 0
    package var carried = 0

    package init() {}

    mutating func count(_ outcome: UnpackOutcome) {
        switch outcome {
        case .done: unpacked += 1
        case .cancelled: unpackingStopped += 1
        case .noRoom, .failed: unpackingRefused += 1
        }
    }

    /// All of it by name, always in the same order.
    package var figures: [(name: String, count: Int)] {
        let means: [TransferMeans] = [.published, .content] + TransferMeans.fromBase
        let ways = [("spokes", spokes), ("agents", agents), ("resumed", resumed)].flatMap { who, counts in
            means.map { (name: "\(who)/\($0.name)", count: counts[$0, default: 0]) }
        }
        return ways + [
            ("resumedDownloads", resumedDownloads), ("spokeFallBacks", spokeFallBacks),
            ("agentFallBacks", agentFallBacks), ("hubBusy", hubBusy),
            ("spokeBusy", spokeBusy), ("contentsAwaited", contentsAwaited),
            ("unpacked", unpacked), ("unpackingStopped", unpackingStopped),
            ("unpackingRefused", unpackingRefused), ("workFaults", workFaults),
            ("installedPublished", installedPublished), ("installedContent", installedContent),
            ("shown", shown), ("shownCompleted", shownCompleted), ("leftOut", leftOut),
            ("segments", segments), ("carried", carried),
        ]
    }

    /// Adds another run's.
    package mutating func add(_ other: ContentTally) {
        spokes.merge(other.spokes, uniquingKeysWith: +)
        agents.merge(other.agents, uniquingKeysWith: +)
        resumed.merge(other.resumed, uniquingKeysWith: +)
        resumedDownloads += other.resumedDownloads
        spokeFallBacks += other.spokeFallBacks
        agentFallBacks += other.agentFallBacks
        hubBusy += other.hubBusy
        spokeBusy += other.spokeBusy
        contentsAwaited += other.contentsAwaited
        unpacked += other.unpacked
        unpackingStopped += other.unpackingStopped
        unpackingRefused += other.unpackingRefused
        workFaults += other.workFaults
        installedPublished += other.installedPublished
        installedContent += other.installedContent
        shown += other.shown
        shownCompleted += other.shownCompleted
        leftOut += other.leftOut
        segments += other.segments
        carried += other.carried
    }
}
