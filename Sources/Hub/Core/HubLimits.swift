internal import Content
package import Model
import Rollout

/// Every bound of the hub's core in one place.
package enum HubLimits {
    /// How often the parts of the core are settled in one turn at most, until none has told another
    /// anything.
    static let rounds = 8
    /// Notes of one report that are logged.
    package static let notesOfReport = 16
    /// How long packages of a pool whose disk is gone wait for it, before they are fetched again into another one.
    package static let diskPatience = Duration.seconds(3600)
    /// The offline horizon of TRUST.md: how long orders without windows stay valid.
    package static let offlineHorizon = Duration.seconds(45 * 86_400)
    /// How long after an order's end its report may still be under way before the action counts as missed.
    package static let reportGrace = Duration.seconds(15 * 60)
    /// The longest run of an install, with skew; after that without a word the action is uncertain.
    package static let longestRun = Duration.seconds(6 * 3600)
    /// How often the catalog is refreshed by itself.
    package static let catalogInterval = Duration.seconds(3600)
    /// Imports from the catalog at a time.
    package static let imports = 2
    /// How soon an import without room is tried again.
    package static let roomRetry = Duration.seconds(60)
    /// Releases from which patches to a new one are made without being asked for, and patches to one release in all, of each form.
    package static let patchBases = 3
    package static let patchesOfRelease = 6
    /// No patches are made to packages of fewer bytes.
    package static let patchFloor: UInt64 = 4096
    /// zstd looks back two GiB at most: between longer contents chunk deltas are made.
    package static let patchReach: UInt64 = PatchHeader.reach
    /// When a patch that failed is tried again.
    static let patchRetry = RetryPolicy(first: .seconds(30), longest: .seconds(1800), attempts: 3)
    /// How often a patch is read again because a spoke took the file after it.
    package static let patchDoubt = Duration.seconds(60)
    /// Orders, and requests for replicas, on their way to one spoke at a time.
    package static let inFlight = 32
    /// Replicas that a spoke is listened to when it says after connecting what it knows; one that claims more is not compared.
    package static let inventory: UInt64 = 65_536
    /// How soon a refused or unanswered delivery is tried again.
    package static let deliveryRetry = Duration.seconds(10)
    /// How long a nonce is good.
    package static let challengeLife = Duration.seconds(60)
    /// Lines of the log that all joiners at the hub's own listener together may cause: 20 after a pause,
    /// then 20 a minute.
    package static let joinerLines = AllowanceRate(burst: 20, every: .seconds(3))
    /// Lines of the log that one spoke may cause: 600 after a pause, then one each second. It keeps its
    /// own events that find no room.
    package static let spokeLines = AllowanceRate(burst: 600, every: .seconds(1))
    /// Lines of the log that one agent may cause by its reports: 60 after a pause, then six a minute.
    package static let clientLines = AllowanceRate(burst: 60, every: .seconds(10))
    /// Sessions that one spoke may open: 30 after a pause, then one each two seconds.
    package static let sessions = AllowanceRate(burst: 30, every: .seconds(2))
    /// Incarnations that one agent may begin: eight after a pause, then four an hour.
    package static let incarnations = AllowanceRate(burst: 8, every: .seconds(900))
    /// Orders that one agent may bring about by reports of actions that a restored hub does not know: 64
    /// after a pause, then one each ten minutes.
    package static let callOffs = AllowanceRate(burst: 64, every: .seconds(600))
    /// Reports of one agent that show an order and bring about new ones: eight after a pause, then
    /// four an hour.
    package static let shownOrders = AllowanceRate(burst: 8, every: .seconds(900))
    /// How often one spoke may have lost what it knew, and is sent it again: eight times after a
    /// pause, then four times an hour.
    package static let restorations = AllowanceRate(burst: 8, every: .seconds(900))
    /// Lines of the log about one agent's coming and going and its renewals, which its spoke says
    /// or may repeat: 20 after a pause, then one a minute. All agents of a spoke together have as
    /// many as the spoke.
    package static let presenceLines = AllowanceRate(burst: 20, every: .seconds(60))
    /// Incarnations of one agent whose counters are remembered.
    package static let rememberedIncarnations = 32
    /// How far a spoke's clock may be off without being reported.
    package static let clockError = Duration.seconds(300)
    /// How often it is written down that a member's clock agrees with the hub's.
    static let witnessInterval = Duration.seconds(3600)
    /// How long an agreement of two clocks counts: members ask once a day.
    static let certainty = Duration.seconds(2 * 86_400)
    /// No retry of the hub's own waits longer.
    static let longestRetry = Duration.seconds(2 * 86_400)
    /// A hub that has signed nothing for so long says how its clock stands when it starts.
    static let quietTime = Duration.seconds(7 * 86_400)
    /// How often the revocation list is signed anew although nothing has changed.
    package static let revocationInterval = Duration.seconds(86_400)
    /// Revocations that the list names itself, before they are moved into segments.
    package static let looseRevocations = 1000
    /// The ids of one segment end within so long a time.
    static let segmentPeriod = Duration.seconds(30 * 86_400)
    /// How long the certificates of a revoked node are taken to last of which none is on record.
    static let unknownCertificateLife = Duration.seconds(365 * 86_400)
    /// Certificates that one member may have made in an hour.
    package static let renewalsPerHour = 4
    /// Certificates of one member that are on record; of more, the oldest that it does not show are
    /// forgotten.
    package static let certificates = 16
    /// Longest life and most uses of a join token.
    package static let tokenLife = Duration.seconds(30 * 86_400)
    package static let tokenUses = 100_000
    /// Expired tokens are kept that long, so that an operator sees what became of them.
    package static let tokenKept = Duration.seconds(7 * 86_400)
    /// Labels of a client, and bytes of each key and value.
    package static let labels = 64
    package static let labelLength = 128
    /// Windows of one order.
    package static let windows = 64
    /// The last actions of a client that are asked what explains a change of its inventory.
    package static let explainingActions = 64
    /// How often an agent may be asked to say everything anew.
    package static let askAnewInterval = Duration.seconds(3600)
    /// A client that said nothing for so long is named among the warnings; agents speak every six hours at least.
    package static let reportAge = Delivery.reportAge
    /// How long a client whose identity two machines used counts as cloned after it was seen last.
    package static let cloneAlarm = Duration.seconds(86_400)
    /// How long `axle status` names what happened once: a restored backup, a rollout that failed.
    package static let alarmShown = Duration.seconds(7 * 86_400)
    /// Names of one warning.
    package static let warningExamples = 5
    /// Free space on the disk of a pool that is warned of.
    package static let diskLow = ByteCount(1_000_000_000)
    /// A running rollout in which nothing changed for so long is named.
    package static let rolloutStall = Duration.seconds(86_400)
    /// How long before their end certificates of members, the catalog, and root certificates are named.
    package static let certificateWarning = Duration.seconds(14 * 86_400)
    package static let catalogWarning = Duration.seconds(7 * 86_400)
    package static let authorityWarning = Duration.seconds(90 * 86_400)
    /// How long before the end of its offline horizon a site is named.
    package static let siteWarning = Duration.seconds(15 * 86_400)
    /// How long a client's first refusal of bytes is taken for a damaged disk of its spoke.
    package static let refusalPause = Duration.seconds(3600)
    /// Rollouts whose approvals are kept at hand as trees.
    package static let approvalTrees = 8
    /// Actions looked at in one go.
    package static let batch = 256
    /// How soon a package that is being read is tried again to be evicted.
    package static let evictionRetry = Duration.seconds(15)
    /// Releases of each line that may be asked to be kept.
    package static let retention = 1000
}
