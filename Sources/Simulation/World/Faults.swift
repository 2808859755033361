internal import Model

/// What goes wrong, drawn from the seed; nothing does once `areOn` is false.
final class Faults {
    /// What happens to a transaction.
    enum Fate: Equatable {
        case none
        /// The commit fails.
        case diskFull
        /// The process is killed after so many effects, and starts again later.
        case kill(after: Int, pause: Duration)
    }

    enum PowerCut {
        case none, before, after
    }

    /// What goes wrong in the limited child that makes a content or a patch.
    enum WorkFault: CaseIterable {
        /// It is not begun.
        case refuses
        /// It dies in the middle.
        case dies
        /// The disk is full.
        case fillsDisk
        /// What comes out is wrong.
        case lies
        /// The whole daemon is killed meanwhile.
        case isKilled
    }

    var areOn = false
    private var random: SimulationRandom
    private let plan: FaultPlan
    var crashes = 0
    var diskFulls = 0
    var powerCuts = 0
    var workFaults = 0

    init(_ random: SimulationRandom, _ plan: FaultPlan) {
        self.random = random
        self.plan = plan
    }

    func fate(of name: String) -> Fate {
        guard areOn else { return .none }
        // The hub and the spokes have many more transactions than an agent.
        let rate = name.hasPrefix("agent") ? plan.agentKillPermille : plan.serverKillPermille
        if random.chance(rate) { return .kill(after: random.integer(0...4), pause: pause()) }
        if random.chance(plan.diskFullPermille) { return .diskFull }
        return .none
    }

    /// How long a process stays away: mostly seconds, sometimes minutes.
    func pause() -> Duration {
        random.chance(200) ? random.milliseconds(60_000...600_000) : random.milliseconds(500...20_000)
    }

    func cutsPower(random: inout SimulationRandom) -> PowerCut {
        guard areOn, random.chance(plan.powerCutPermille) else { return .none }
        powerCuts += 1
        return random.chance(500) ? .before : .after
    }

    /// Whether a link breaks in the middle of a content or patch.
    func breaksOff(random: inout SimulationRandom) -> Bool { areOn && random.chance(plan.breakPermille) }

    /// Whether a machine's limited child fails; for good with the install that it belongs to, so that it must be rare.
    func failsToUnpack(random: inout SimulationRandom) -> Bool { areOn && random.chance(plan.workFailurePermille / 20) }

    func vendorFails() -> Bool { areOn && random.chance(plan.vendorFailurePermille) }

    /// What goes wrong with a content that is made now, or with a patch.
    func work(isPatch: Bool = false, random: inout SimulationRandom) -> WorkFault? {
        guard areOn, random.chance(isPatch ? plan.patchFailurePermille : plan.workFailurePermille) else { return nil }
        workFaults += 1
        return WorkFault.allCases.randomElement(using: &random)
    }
}

/// How much goes wrong with one seed; some seeds are calm in some ways.
struct FaultPlan {
    let agentKillPermille: Int
    let serverKillPermille: Int
    let diskFullPermille: Int
    let powerCutPermille: Int
    let vendorFailurePermille: Int
    let cutPermille: Int
    /// Long partitions of a spoke's or an agent's connection.
    let partitions: Int
    /// Most milliseconds that an agent's clock is wrong by, either way.
    let skew: Int64
    /// Milliseconds of the slowest piece.
    let latency: Int64
    /// Machines on which the newer release is not well.
    let sick: Int
    /// Whether some machines may not be updated, so that no rollout to all succeeds everywhere.
    let hasRefusers: Bool
    let stops: Bool
    /// Agents that are revoked, and how many of them the revocation list names itself before they are moved into a segment.
    let revocations: Int
    let looseRevocations: Int
    let hasCanary: Bool
    let restartsMachines: Bool
    /// Contents whose making goes wrong.
    let workFailurePermille: Int
    /// Patches whose making does, so that chunks come in their place.
    let patchFailurePermille: Int
    /// Contents and patches in whose middle the link breaks.
    let breakPermille: Int
    /// Whether one of the fleet's members is in the wrong hands.
    let hasHostile: Bool
    /// Whether the vendor publishes a release that nobody rolls out.
    let hasInterim: Bool
    /// Sometimes too small for everything, until the operator raises it.
    let spokeQuota: ByteCount
    /// What the operator raises it to.
    static let raisedQuota = ByteCount(600_000)
    let hubQuota: ByteCount
    /// Sometimes room for a few patches only, so that some have to make room for others.
    let patchQuota: ByteCount

    /// `mutation` sees to it that what its check looks at happens at all.
    init(seed: UInt64, mutation: Mutation?) {
        var random = SimulationRandom.fork(seed, "plan")
        agentKillPermille = random.integer(0...4)
        serverKillPermille = mutation == .spokeForgetsSegments ? 40 : random.integer(0...3)
        diskFullPermille = random.integer(0...2)
        powerCutPermille = random.integer(0...60)
        vendorFailurePermille = random.integer(0...200)
        cutPermille = mutation == .spokeRefetches ? 60 : random.integer(0...6)
        partitions = random.integer(0...4)
        skew = Int64(random.integer(0...90)) * 1000
        latency = Int64(random.integer(5...800))
        sick = mutation == .machineKeepsBadRelease ? 3 : random.integer(0...3)
        stops = mutation == .agentIgnoresCancel || (mutation == nil && random.chance(350))
        var refusing = SimulationRandom.fork(seed, "refusers")
        hasRefusers = refusing.chance(600) || mutation != nil
        let revokes = random.chance(500) || mutation?.invariant == .revokedStayOut
        var revoking = SimulationRandom.fork(seed, "revocations")
        revocations = revokes ? revoking.integer(1...3) : 0
        looseRevocations = mutation == .spokeForgetsSegments ? 0 : revoking.integer(0...1)
        hasCanary = random.chance(600)
        restartsMachines = random.chance(300)
        spokeQuota = random.chance(300) ? ByteCount(UInt64(random.integer(60_000...300_000))) : Self.raisedQuota
        workFailurePermille = random.integer(0...200)
        patchFailurePermille = random.integer(0...700)
        hasInterim = random.chance(400)
        hubQuota = ByteCount(UInt64(random.integer(500_000...1_200_000)))
        patchQuota = ByteCount(random.chance(300) ? 6_000 : 64_000)
        breakPermille = random.integer(0...300)
        hasHostile = mutation == .errorClosesAll || random.chance(500)
    }
}
