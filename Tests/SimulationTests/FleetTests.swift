import Simulation
import Testing

@Suite struct FleetTests {
    @Test("every invariant holds in a fleet under faults", arguments: UInt64(1)...10)
    func holds(seed: UInt64) throws {
        let summary = try Fleet(FleetConfiguration(seed: seed)).run()
        #expect(summary.breach == nil, "\(summary.tail.joined(separator: "\n"))")
        #expect(summary.succeeded > 0)
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
