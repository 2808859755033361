import Hub
import Model
import Protocol
import Rollout
import Testing

@Suite struct HubShareTests {
    @Test func whatASpokeSaysOfItsSharesIsShownAndNothingOfThemIsKnownToBeAnothers() throws {
        let world = try HubWorld()
        let (one, two) = (try world.addSpoke("one"), try world.addSpoke("two"))
        let link = try world.connect(one)
        let item = Shares.Item(
            name: try NodeName("apps"), product: try ProductName("ruff"), platform: nil, folder: "/srv/ruff",
            state: .published, release: "1.0", text: "")
        #expect(try world.ask(link, .shares(Shares([item]))) == .ok(OK()))
        #expect(world.core.shares(of: one)?.items == [item])
        #expect(world.core.shares(of: two) == nil)
        // It says all of them each time.
        #expect(try world.ask(link, .shares(Shares([]))) == .ok(OK()))
        #expect(world.core.shares(of: one) == nil)
    }

    // MARK: - Releases that rollouts completed

    private func item(_ product: String, _ rule: ShareRule) throws -> Shares.Item {
        Shares.Item(
            name: try NodeName("apps"), product: try ProductName(product), platform: nil, folder: "/srv/apps",
            state: .waiting, release: nil, text: "", rule: rule)
    }

    private func completed(_ products: [String: [String: String]]) throws -> Message {
        .completedReleases(
            CompletedReleases(
                try products.reduce(into: [:]) { products, entry in
                    products[try ProductName(entry.key)] = try entry.value.reduce(into: [:]) {
                        $0[try LineName($1.key)] = try ReleaseName($1.value)
                    }
                }))
    }

    /// The requests about completed releases that were sent since the last look, answered.
    private func sent(_ world: HubWorld) throws -> [Message] {
        var found: [Message] = []
        while let (link, request, message) = world.requests().first {
            world.effects.removeAll {
                if case .link(.request(link, request, _, _)) = $0 { true } else { false }
            }
            if case .completedReleases = message { found.append(message) }
            try world.send(.link(.reply(link, request, .ok(OK()))))
        }
        return found
    }

    @Test(arguments: StoreKind.allCases) func aSpokeIsToldWhatCompletedWhenItSaysItsSharesAndWhenThatChanges(
        kind: StoreKind
    ) throws {
        let world = try HubWorld(kind)
        var (link, spoke, agents, package, rollout) = try world.running(agents: 2)
        let product = package.path.product.text
        let release = package.path.release.text
        let line = package.metadata.line.text
        #expect(try world.ask(link, .shares(Shares([item(product, .newest), item("other", .newest)]))) == .ok(OK()))
        let none = try completed([product: [:], "other": [:]])
        let follows = Message.shares(Shares([try item(product, .completed), try item("other", .completed)]))
        #expect(try world.ask(link, follows) == none)
        world.answers = false
        let actions = try world.actions(rollout)
        _ = try world.report(&agents[0], link, action: actions[0].id, state: .succeeded)
        #expect(try sent(world).isEmpty, "it is not over")
        _ = try world.report(&agents[1], link, action: actions[1].id, state: .succeeded)
        let all = try completed([product: [line: release], "other": [:]])
        #expect(try sent(world) == [all])
        // Said again to whoever connects, also by another process, and only then.
        _ = try world.report(&agents[1], link, facts: sampleFacts())
        #expect(try sent(world).isEmpty)
        try world.restart(held: [package.sha256])
        link = try world.connect(spoke)
        #expect(try sent(world).isEmpty, "before it says its shares")
        #expect(try world.ask(link, follows) == all)
        // Forgotten with the rollout.
        try world.run(.rollouts(.remove(rollout)))
        #expect(try sent(world) == [none])
    }

    @Test func aRolloutInWhichSomebodyDidNotSucceedCompletesNothing() throws {
        for state in [ActionState.refused, .rolledBack, .failed] {
            let world = try HubWorld()
            var (link, _, agents, package, rollout) = try world.running(agents: 2) { $0.errors = [] }
            let product = package.path.product.text
            #expect(
                try world.ask(link, .shares(Shares([item(product, .completed)]))) == completed([product: [:]]))
            let actions = try world.actions(rollout)
            _ = try world.report(&agents[0], link, action: actions[0].id, state: .succeeded)
            _ = try world.report(&agents[1], link, action: actions[1].id, state: state)
            #expect(try world.state(rollout) == .completed, "\(state)")
            #expect(
                try world.ask(link, .shares(Shares([item(product, .completed)]))) == completed([product: [:]]),
                "\(state)")
        }
    }

    @Test func aLateReportTakesBackWhatCompleted() throws {
        let world = try HubWorld()
        var (link, _, agents, package, rollout) = try world.running(agents: 2)
        let product = package.path.product.text
        let line = package.metadata.line.text
        let actions = try world.actions(rollout)
        _ = try world.ask(link, .shares(Shares([item(product, .completed)])))
        world.answers = false
        _ = try world.report(&agents[0], link, action: actions[0].id, state: .succeeded)
        _ = try world.report(&agents[1], link, action: actions[1].id, state: .verifying)
        // Nothing is heard for so long that it counts as uncertain, which is no success.
        world.now = try #require(try world.store.action(actions[1].id)?.deadline) + .seconds(86_400 * 60)
        try world.send(.woke)
        #expect(try world.store.action(actions[1].id)?.state == .uncertain)
        #expect(try world.state(rollout) == .completed)
        #expect(try sent(world).isEmpty)
        _ = try world.report(&agents[1], link, action: actions[1].id, state: .succeeded)
        #expect(try sent(world) == [completed([product: [line: package.path.release.text]])])
    }

    @Test func aRolloutThatFailedAfterACanaryTakesBackWhatTheCanaryProved() throws {
        let world = try HubWorld()
        var (link, _, agents, package, canary) = try world.running(agents: 1)
        let product = package.path.product.text
        let line = package.metadata.line.text
        _ = try world.ask(link, .shares(Shares([item(product, .completed)])))
        world.answers = false
        _ = try world.report(&agents[0], link, action: try world.actions(canary)[0].id, state: .succeeded)
        #expect(try sent(world) == [completed([product: [line: package.path.release.text]])])
        world.now = world.now + .seconds(60)
        var late = try world.addAgent("late", agents[0].spoke, link)
        _ = try world.report(&late, link, facts: sampleFacts())
        guard case .rollout(let rest) = try world.run(.rollouts(.create(try sampleSpecification(name: "rest")))) else {
            throw HubStoreError.missing("rollout")
        }
        try world.run(.rollouts(.start(rest.id)))
        let action = try #require(try world.actions(rest.id).first { $0.client == late.id })
        for other in try world.actions(rest.id) where other.client != late.id {
            _ = try world.report(&agents[0], link, action: other.id, state: .succeeded)
        }
        #expect(try sent(world).isEmpty)
        _ = try world.report(&late, link, action: action.id, state: .rolledBack)
        #expect(try world.state(rest.id) == .failed)
        #expect(try sent(world) == [completed([product: [:]])])
    }

    @Test func ofEachLineTheNewestReleaseThatCompletedIsTold() throws {
        let world = try HubWorld(.sqlite)
        let product = try ProductName("ruff")
        let packages = try (0..<30).map { number in
            let path = try TargetPath("ruff/\(number / 3).\(number % 3)/linux-x86_64-glibc/ruff.tar")
            return Package(
                path: path, length: 100, sha256: try digest(UInt8(100 + number)),
                metadata: PackageMetadata(
                    product: product, release: path.release, line: try LineName("\(number / 3)"),
                    counter: UInt64(number % 3), platform: try Platform("linux-x86_64-glibc"), kind: .tree))
        }
        try world.publish(packages)
        let spoke = try world.addSpoke("s1")
        let client = try world.addAgent("a1", spoke, try world.connect(spoke)).id
        // All but the last of each line completed; of line 0 none did.
        for (number, package) in packages.enumerated() {
            let isGood = number % 3 < 2 && number >= 3
            let rollout = RolloutRecord(
                id: RolloutID(high: 9, low: UInt64(number)),
                specification: try sampleSpecification(name: "r\(number)", release: package.path.release.text),
                state: isGood ? .completed : .failed, created: at(1), ended: at(Int64(100 + number)))
            try world.store.insertRollout(rollout)
            try world.store.putWave(WaveRecord(rollout: rollout.id, index: 0, state: .succeeded))
            try world.store.insertAction(
                ActionRecord(
                    id: ActionID(high: 9, low: UInt64(number)), rollout: rollout.id, wave: 0, client: client,
                    spoke: spoke,
                    path: package.path, digest: package.sha256, state: isGood ? .succeeded : .rolledBack, created: at(1)
                ))
        }
        let found = try HubQueries(store: world.store, zones: ZoneFolder.find).completedReleases(of: product)
        // Eight lines at most, those that ended last.
        #expect(Set(found.keys.map(\.text)) == Set((2...9).map { "\($0)" }))
        #expect(found.allSatisfy { $0.value.text == "\($0.key).1" }, "\(found)")
        #expect(
            try HubQueries(store: world.store, zones: ZoneFolder.find).completedReleases(of: ProductName("x")).isEmpty)
    }
}
