import Hub
import Model
import Protocol
import Rollout
import Testing

@Suite struct HubQueriesTests {
    @Test func candidatesAndExplanationsNameEveryReason() throws {
        let world = try HubWorld()
        var (link, spoke, agents, package, _) = try world.running(agents: 2)
        var facts = try sampleFacts()
        facts.autodeploy = .no
        facts.userlandBits = 32
        _ = try world.report(&agents[1], link, facts: facts)
        _ = try world.addAgent("never", spoke, link)
        let queries = HubQueries(store: world.store, zones: ZoneFolder.find)
        let candidates = try queries.candidates(
            product: package.path.product, release: package.path.release, at: world.now)
        #expect(candidates.map(\.client.name.text) == ["a0", "a1", "never"])
        #expect(
            candidates.map { $0.eligibility.reasons.map(\.code) } == [
                [], [.os32Bit, .autodeployNo], [.neverConnected],
            ])
        let explained = try queries.explain(agents[1].id, product: nil, release: nil, at: world.now)
        #expect(explained.map { $0.eligibility.reasons.map(\.code) } == [[.os32Bit, .autodeployNo]])
        #expect(throws: HubRefusal.self) {
            try queries.candidates(product: ProductName("none"), release: ReleaseName("1"), at: world.now)
        }
        #expect(throws: HubRefusal.self) { try queries.explain(node(1234), product: nil, release: nil, at: world.now) }
    }

    @Test func explainChoosesTheNewestReleaseOfEachProduct() throws {
        let world = try HubWorld()
        let (_, _, agents, _, _) = try world.running()
        try world.publish(
            [
                try samplePackage("1.0"), try samplePackage("1.10", counter: 3, hash: 3),
                try samplePackage("1.9", counter: 2, hash: 2),
            ],
            version: 2)
        let queries = HubQueries(store: world.store, zones: ZoneFolder.find)
        let found = try queries.explain(agents[0].id, product: nil, release: nil, at: world.now)
        #expect(found.map(\.package.path.release.text) == ["1.10"])
    }

    @Test func thePlanOfABadSpecificationIsRefused() throws {
        let world = try HubWorld()
        _ = try world.running()
        let queries = HubQueries(store: world.store, zones: ZoneFolder.find)
        let changes: [(inout RolloutSpecification) throws -> Void] = [
            { $0.name = "" }, { $0.name = "a\u{1B}[31m" }, { $0.leadMinutes = -1 }, { $0.waves = [] },
            { $0.waves = [.init(size: .count(0))] }, { $0.target = .init() },
            { $0.errors = [ErrorRule(of: [.failed], percent: 101)] },
            { $0.release = try ReleaseName("9") }, { $0.target = .init(names: [try name("nobody")]) },
            { $0.waves = [.init(size: .rest, soakSeconds: .max)] },
        ]
        for (index, change) in changes.enumerated() {
            var specification = try sampleSpecification()
            try change(&specification)
            #expect(throws: (any Error).self, "change \(index)") { try queries.plan(specification, at: world.now) }
        }
        var past = try sampleSpecification()
        past.window = .span(try TimeSpan(start: at(-100), end: at(-50)))
        #expect(throws: HubRefusal.self) { try queries.windows(past, at: world.now) }
        #expect(try queries.plan(sampleSpecification(), at: world.now).candidates.count == 1)
    }
}
