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

    @Test func explainSaysForWhichFailureAReleaseWasRejected() throws {
        let world = try HubWorld()
        var (link, _, agents, package, rollout) = try world.running()
        let action = try world.actions(rollout)[0]
        var facts = try sampleFacts()
        facts.rejected = [RejectedRelease(product: package.path.product, release: package.path.release)]
        let answer = try world.report(&agents[0], link, action: action.id, state: .rolledBack, facts: facts)
        #expect(answer == .ok(OK()))
        let queries = HubQueries(store: world.store, zones: ZoneFolder.find)
        let found = try queries.explain(
            agents[0].id, product: package.path.product, release: package.path.release, at: world.now)
        // "d" is what the agent said of the action.
        #expect(
            found.first?.eligibility.reasons
                == [Reason(.rejectedRelease, "\(ReasonCode.rejectedRelease.meaning): d")])
    }

    @Test func aReleaseThatTheCatalogLacksIsAnsweredWithThoseThatItNames() throws {
        let world = try HubWorld()
        let (_, _, agents, package, _) = try world.running()
        let queries = HubQueries(store: world.store, zones: ZoneFolder.find)
        func refusal(_ product: String) throws -> [String] {
            let (product, release) = (try ProductName(product), try ReleaseName("9"))
            var texts: [String] = []
            func refuse(_ body: () throws -> Void) {
                do { try body() } catch { texts.append("\(error)") }
            }
            refuse { _ = try queries.candidates(product: product, release: release, at: world.now) }
            refuse { _ = try queries.explain(agents[0].id, product: product, release: release, at: world.now) }
            var specification = try sampleSpecification(name: "second")
            (specification.product, specification.release) = (product, release)
            refuse { _ = try queries.plan(specification, at: world.now) }
            return texts
        }
        let product = package.path.product.text
        let known = try refusal(product)
        #expect(
            known.count == 3 && known.allSatisfy { $0.contains("no package of \(product) 9; its releases are 1.0") })
        let unknown = try refusal("other")
        #expect(
            unknown.count == 3
                && unknown.allSatisfy { $0.contains("no package of other 9; its products are \(product)") })
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
        #expect(throws: RolloutError.self) { try queries.windows(past, at: world.now) }
        #expect(try queries.plan(sampleSpecification(), at: world.now).candidates.count == 1)
    }
}
