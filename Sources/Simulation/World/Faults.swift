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

    var areOn = false
    private var random: SimulationRandom
    private let plan: FaultPlan
    var crashes = 0
    var diskFulls = 0
    var powerCuts = 0

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

    func vendorFails() -> Bool { areOn && random.chance(plan.vendorFailurePermille) }
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
    let stops: Bool
    let revokes: Bool
    let hasCanary: Bool
    let restartsMachines: Bool
    /// Too small for everything, until the operator raises it.
    let spokeQuota: ByteCount

    /// `mutation` sees to it that what its check looks at happens at all.
    init(seed: UInt64, mutation: Mutation?) {
        var random = SimulationRandom.fork(seed, "plan")
        agentKillPermille = random.integer(0...4)
        serverKillPermille = random.integer(0...3)
        diskFullPermille = random.integer(0...2)
        powerCutPermille = random.integer(0...60)
        vendorFailurePermille = random.integer(0...200)
        cutPermille = mutation == .spokeRefetches ? 60 : random.integer(0...6)
        partitions = random.integer(0...4)
        skew = Int64(random.integer(0...90)) * 1000
        latency = Int64(random.integer(5...800))
        sick = mutation == .machineKeepsBadRelease ? 3 : random.integer(0...3)
        stops = mutation == .agentIgnoresCancel || (mutation == nil && random.chance(350))
        revokes = mutation == .spokeAdmitsRevoked || random.chance(500)
        hasCanary = random.chance(600)
        restartsMachines = random.chance(300)
        spokeQuota = ByteCount(random.chance(300) ? 70_000 : 400_000)
    }
}
