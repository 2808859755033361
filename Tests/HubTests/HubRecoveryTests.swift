import Hub
import Model
import Protocol
import Rollout
import Testing
import Trust

/// A hub or a spoke whose backup was put back, seen from the hub.
struct HubRecoveryTests {
    /// An order as this hub would have signed it in a future that it has lost.
    private func lost(_ world: HubWorld, _ number: UInt64, epoch: UInt64 = 1, key: [UInt8]? = nil) throws -> [UInt8] {
        try Order(
            agent: node(1), kind: .cancel, action: ActionID(high: 1, low: 1), rollout: RolloutID(high: 1, low: 1),
            fleet: world.fleet, target: nil, sequence: OrderSequence(epoch: epoch, number: number), issued: world.now,
            expires: world.now + .seconds(60)
        ).signed(by: FakeCryptography.Signer(key: key ?? FakeCryptography().orderKey))
    }

    private func show(_ signed: [UInt8], replicas: UInt64? = nil) -> Message {
        .order(
            OrderMessage(
                agent: NodeID(high: 0, low: 0), action: ActionID(high: 0, low: 0), kind: 0, expires: .zero,
                signed: signed, replicas: replicas))
    }

    @Test(arguments: StoreKind.allCases) func anOrderOfALostFutureBeginsAnEpochAndOpenOrdersAreSentAgain(
        kind: StoreKind
    ) throws {
        let world = try HubWorld(kind)
        let (link, spoke, agents, _, rollout) = try world.running(agents: 2)
        #expect(try world.store.currentSequence() == OrderSequence(epoch: 1, number: 2))
        world.answers = false
        #expect(try world.ask(link, show(lost(world, 40))) == .ok(OK()))
        let orders = try world.orders(for: spoke)
        #expect(orders.map(\.sequence) == [3, 4].map { OrderSequence(epoch: 2, number: $0) })
        #expect(Set(orders.map(\.action)) == Set(try world.actions(rollout).map(\.id)))
        #expect(Set(orders.map(\.agent)) == Set(agents.map(\.id)))
        #expect(try world.events(.hubRestored).count == 1)
        // A list of revocations is above those that were signed in that future.
        try world.run(.members(.revokeClient(agents[1].id)))
        #expect(try world.store.setting(.revocationNumber) == "\((2 << 32) + 1)")
        // Known now: shown again it changes nothing, after a restart too.
        try world.restart()
        let again = try world.connect(spoke)
        #expect(try world.ask(again, show(lost(world, 40))) == .ok(OK()))
        #expect(try world.events(.hubRestored).count == 1)
        #expect(try world.store.currentSequence().epoch == 2)
    }

    @Test func nobodyMakesAnEpochWithoutTheHubsOwnSignature() throws {
        let world = try HubWorld()
        let (link, _, _, _, _) = try world.running()
        for signed in [try lost(world, 40, key: [6, 6, 6]), [1, 2, 3]] {
            guard case .error(let error) = try world.ask(link, show(signed)) else {
                Issue.record("believed")
                continue
            }
            #expect(error.code == .refused)
        }
        #expect(try world.store.currentSequence().epoch == 1)
        #expect(try world.events(.attackSeen).count == 2)
        #expect(try world.events(.hubRestored).isEmpty)
    }

    @Test func anAgentThatRefusedAStaleOrderShowsTheNewestAndIsOrderedAgain() throws {
        let world = try HubWorld()
        var (link, spoke, agents, _, _) = try world.running()
        world.answers = false
        let attack = AttackSeen(.replay, "order 1.1 after 1.40")
        #expect(try world.stale(&agents[0], link, attack, lost(world, 40)) == .ok(OK()))
        #expect(try world.store.currentSequence().epoch == 2)
        #expect(try world.orders(for: spoke).map(\.sequence.epoch) == [2])
        #expect(try world.events(.attackSeen).map(\.event.text) == ["replay: order 1.1 after 1.40"])
        #expect(try world.events(.hubRestored).count == 1)
    }

    @Test func whatALaterOrderOvertookIsOrderedAgain() throws {
        let world = try HubWorld()
        var (link, spoke, agents, _, rollout) = try world.running()
        let number = try #require(try world.actions(rollout)[0].sequence)
        // Another order of this hub's own reached the agent first.
        _ = try world.store.nextSequence()
        let attack = AttackSeen(.replay, "order 1.1 after 1.2")
        world.answers = false
        #expect(try world.stale(&agents[0], link, attack, lost(world, UInt64(number) + 1)) == .ok(OK()))
        #expect(try world.orders(for: spoke).map(\.sequence) == [OrderSequence(epoch: 1, number: UInt64(number) + 2)])
        #expect(try world.events(.hubRestored).isEmpty)
    }

    /// Two packages that a spoke without orders holds verified.
    private func holding(_ world: HubWorld) throws -> (spoke: NodeID, packages: [Package]) {
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let packages = [try samplePackage(), try samplePackage("2.0", counter: 2, hash: 2)]
        try world.publish(packages)
        try world.importAll()
        for package in packages { try world.verified(package, link) }
        #expect(try world.store.replicas(at: spoke).allSatisfy { $0.isAcknowledged && $0.state == .verified })
        return (spoke, packages)
    }

    @Test(arguments: StoreKind.allCases) func whatASpokeWithoutOrdersForgotIsWishedAgain(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        let (spoke, packages) = try holding(world)
        world.answers = false
        // A state of before the second package: no order, one replica.
        let link = try world.connect(spoke)
        #expect(try world.ask(link, show([], replicas: 1)) == .ok(OK()))
        #expect(try world.events(.spokeRestored).isEmpty, "it has not said all yet")
        try world.verified(packages[0], link)
        #expect(try world.events(.spokeRestored).map(\.event.text).first?.contains(" 1 packages") == true)
        #expect(try world.store.replica(spoke: spoke, path: packages[0].path)?.state == .verified)
        let lost = try #require(try world.store.replica(spoke: spoke, path: packages[1].path))
        #expect(lost.state == .pending && !lost.isAcknowledged)
        let wishes = world.requests().compactMap { if case .replicate(let wish) = $0.2 { wish.path } else { nil } }
        #expect(wishes == [packages[1].path])
    }

    @Test func aSpokeThatKnowsNothingIsWishedEverythingAgain() throws {
        let world = try HubWorld()
        let (spoke, packages) = try holding(world)
        world.answers = false
        let link = try world.connect(spoke)
        #expect(try world.ask(link, show([], replicas: 0)) == .ok(OK()))
        let wishes = world.requests().compactMap { if case .replicate(let wish) = $0.2 { wish.path } else { nil } }
        #expect(Set(wishes) == Set(packages.map(\.path)))
    }

    @Test func aSpokeThatKnowsWhatItWasAskedIsLeftAlone() throws {
        let world = try HubWorld()
        let (spoke, packages) = try holding(world)
        // More than the hub knows, in another order, one of them twice; an older spoke, and one that claims to know more than anybody can say.
        for count in [UInt64?.some(3), nil, .max] {
            let link = try world.connect(spoke)
            #expect(try world.ask(link, show([], replicas: count)) == .ok(OK()))
            let foreign = try samplePackage("9.0", counter: 9, hash: 9)
            for package in [packages[1], foreign, packages[1], packages[0]] { try world.verified(package, link) }
            #expect(try world.events(.spokeRestored).isEmpty)
            #expect(try world.store.replicas(at: spoke).allSatisfy { $0.isAcknowledged && $0.state == .verified })
        }
    }

    @Test func aWishThatTheSpokeIsStillToStoreIsNotForgotten() throws {
        let world = try HubWorld()
        let (spoke, packages) = try holding(world)
        world.answers = false
        let link = try world.connect(spoke)
        #expect(try world.ask(link, show([], replicas: 2)) == .ok(OK()))
        // It came while the spoke was saying, and must not be counted in the place of another.
        let new = try samplePackage("3.0", counter: 3, hash: 3)
        try world.publish(packages + [new], version: 2)
        try world.importAll()
        try world.verified(packages[0], link)
        try world.verified(new, link, .pending)
        #expect(try world.events(.spokeRestored).isEmpty)
        try world.verified(packages[1], link)
        #expect(try world.events(.spokeRestored).isEmpty)
    }

    @Test(arguments: StoreKind.allCases) func aSpokeThatForgotAnOrderIsSentTheOpenOnesAgain(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        let (_, spoke, _, _, _) = try world.running()
        let kept = try #require(try world.store.spoke(spoke)?.lastOrder)
        world.answers = false
        for signed in [try lost(world, kept.number - 1), []] {
            let link = try world.connect(spoke)
            #expect(try world.ask(link, show(signed)) == .ok(OK()))
            #expect(try world.orders(for: spoke).count == 1)
            for order in try world.orders(for: spoke) {
                try world.store.removeOrder(Int64(clamping: order.sequence.number))
            }
            // It has it again.
            var record = try #require(try world.store.spoke(spoke))
            record.lastOrder = kept
            try world.store.updateSpoke(record)
        }
        #expect(try world.events(.spokeRestored).count == 2)
        let link = try world.connect(spoke)
        #expect(try world.ask(link, show(lost(world, kept.number))) == .ok(OK()))
        #expect(try world.orders(for: spoke).isEmpty)
        #expect(try world.events(.spokeRestored).count == 2)
    }

    /// Before that an agent would ask a spoke whose catalog does not name the package yet, and refuse the order for good.
    @Test(arguments: StoreKind.allCases) func aSpokeThatForgotIsSentAnOrderOnlyWhenItHoldsThePackageAgain(
        kind: StoreKind
    ) throws {
        let world = try HubWorld(kind)
        let (_, spoke, _, package, _) = try world.running()
        world.answers = false
        world.effects = []
        let link = try world.connect(spoke)
        #expect(try world.ask(link, show([])) == .ok(OK()))
        func sent() -> [OrderMessage] {
            world.requests().compactMap { if case .order(let order) = $0.2 { order } else { nil } }
        }
        #expect(try world.orders(for: spoke).count == 1 && sent().isEmpty)
        try world.verified(package, link, .transferring)
        #expect(sent().isEmpty)
        try world.verified(package, link)
        #expect(sent().count == 1)
        // What calls an action off needs no package.
        try world.verified(package, link, .corrupt)
        let actions = try world.store.rollouts(in: [.running]).flatMap { try world.store.actions(of: $0.id) }
        #expect(actions.count == 1)
        try world.run(.rollouts(.stop(try #require(actions.first?.rollout))))
        try world.send(.woke)
        #expect(sent().map(\.kind) == [UInt64(OrderKind.install.rawValue), UInt64(OrderKind.cancel.rawValue)])
    }

    @Test func anActionOfTheLostFutureIsCalledOffAndSaid() throws {
        let world = try HubWorld()
        var (link, spoke, agents, _, _) = try world.running()
        try world.store.setEpoch(2)
        world.answers = false
        let unknown = ActionID(high: 7, low: 7)
        let before = OrderSequence(epoch: 1, number: 9)
        #expect(
            try world.report(&agents[0], link, action: unknown, state: .downloading, orderSequence: before)
                == .ok(OK()))
        let orders = try world.orders(for: spoke)
        #expect(orders.map(\.kind) == [.cancel] && orders.map(\.action) == [unknown])
        #expect(try world.events(.reportRefused).isEmpty)
        // What has begun is only said.
        #expect(
            try world.report(&agents[0], link, action: unknown, state: .installing, orderSequence: before)
                == .ok(OK()))
        #expect(try world.orders(for: spoke).count == 1)
    }
}
