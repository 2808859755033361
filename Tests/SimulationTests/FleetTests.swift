import Simulation
import Synchronization
import TestSupport
import Testing

@Suite struct FleetTests {
    private static let seeds = UInt64(1)...10
    /// Runs that more than one test looks at.
    private static let runs = Mutex<[UInt64: SimulationSummary]>([:])

    private static func run(_ seed: UInt64) throws -> SimulationSummary {
        if let known = runs.withLock({ $0[seed] }) { return known }
        let summary = try Fleet(FleetConfiguration(seed: seed)).run()
        runs.withLock { $0[seed] = summary }
        return summary
    }

    @Test("every invariant holds in a fleet under faults", arguments: seeds)
    func holds(seed: UInt64) throws {
        let summary = try Self.run(seed)
        #expect(summary.breach == nil, "\(summary.tail.joined(separator: "\n"))")
        #expect(summary.succeeded > 0)
    }

    @Test("the seeds meet every way in which a package comes, and every way in which one fails")
    func meetsEveryWay() throws {
        var tally = ContentTally()
        var missing: [String] = []
        for seed in Array(Self.seeds) + Self.rare {
            tally.add(try Self.run(seed).content)
            missing = tally.figures.filter { $0.count == 0 && !Self.unmet.contains($0.name) }.map { $0.name }
            if missing.isEmpty { return }
        }
        Issue.record("never met: \(missing.joined(separator: ", "))")
    }

    /// Seeds that meet what the ten do not; others do as well where a change has shifted what is drawn (`axle-sim --json` says what a seed meets).
    private static let rare: [UInt64] = [12, 17, 47, 113]
    /// Too rare for a few seeds.
    private static let unmet: [String] = ["resumed/published", "resumed/plainChunks"]

    @Test("invariant 21: hostile members cost themselves alone, whatever they send", arguments: [UInt64(1), 2])
    func membersCostThemselves(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        try MemberFuzz.run(seed: seed, messages: 25_000, folder: folder.path) { _ in }
    }

    @Test("invariant 20: a seed replays exactly, and another seed is another run")
    func replays() throws {
        let first = try Fleet(FleetConfiguration(seed: 4711)).run()
        #expect(try Fleet(FleetConfiguration(seed: 4711)).run() == first)
        #expect(try Fleet(FleetConfiguration(seed: 4712)).run().digest != first.digest)
    }

    @Test("a broken rule is caught by its own invariant", arguments: Mutation.allCases)
    func catches(mutation: Mutation) throws {
        // Not every run of a seed comes to where the rule matters.
        for seed in UInt64(1)...12 {
            var configuration = FleetConfiguration(seed: seed)
            configuration.mutation = mutation
            guard let breach = try Fleet(configuration).run().breach else { continue }
            #expect(breach.invariant == mutation.invariant, "\(breach.text)")
            return
        }
        Issue.record("not caught")
    }
}
