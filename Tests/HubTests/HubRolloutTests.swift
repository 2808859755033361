import Hub
import Model
import Protocol
import Rollout
import Testing
import Trust

@Suite struct HubRolloutTests {
    @Test(arguments: StoreKind.allCases) func aRolloutRunsFromTheCatalogToTheReport(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        var (link, spoke, agents, package, rollout) = try world.running(agents: 2)
        #expect(try world.state(rollout) == .running)
        let actions = try world.actions(rollout)
        #expect(actions.map(\.state) == [.offered, .offered])
        #expect(try world.orders(for: spoke).isEmpty)
        for index in agents.indices {
            let action = try #require(actions.first { $0.client == agents[index].id })
            for state in [ActionState.downloading, .downloaded, .installing, .verifying, .succeeded] {
                let installed =
                    state == .succeeded
                    ? [InstalledPackage(product: package.path.product, release: package.path.release)] : nil
                #expect(
                    try world.report(&agents[index], link, action: action.id, state: state, installed: installed)
                        == .ok(OK()))
                #expect(try world.store.action(action.id)?.state == state)
            }
            #expect(try world.store.facts(of: agents[index].id)?.facts.installed.count == 1)
        }
        #expect(try world.state(rollout) == .completed)
        #expect(try world.store.rollout(rollout)?.ended == world.now)
        try world.store.verifyEventChain()
        link = try world.connect(spoke)
        #expect(try world.store.nextActionDeadline() == nil)
    }

    @Test func anOrderSaysWhatTheCatalogAndTheRolloutSay() throws {
        let world = try HubWorld()
        world.answers = true
        let window = try TimeSpan(start: at(100), end: at(200))
        let (_, spoke, agents, package, rollout) = try world.running(window: .span(window)) {
            $0.leadMinutes = 5
            $0.restartAllowed = false
        }
        // Ordered again by hand: the outbox is empty once the spoke has acknowledged.
        let other = try HubWorld()
        other.answers = false
        _ = (spoke, agents, rollout)
        let again = try other.running(window: .span(window)) {
            $0.leadMinutes = 5
            $0.restartAllowed = false
        }
        let order = try #require(try other.orders(for: again.spoke).first)
        #expect(order.kind == .install && order.agent == again.agents[0].id && order.rollout == again.rollout)
        #expect(order.target?.names(package) == true)
        #expect(order.windows == [window] && order.expires == at(200) && order.leadSeconds == 300)
        #expect(
            !order.restartAllowed && order.fleet == other.fleet && order.sequence == OrderSequence(epoch: 1, number: 1))
    }

    @Test func noClientIsOrderedBeforeItsSpokeHoldsAVerifiedReplica() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let package = try samplePackage()
        try world.publish([package])
        _ = try world.addAgent("a", spoke, link)
        let made = try world.create(try sampleSpecification())
        try world.run(.rollouts(.start(made.id)))
        #expect(try world.state(made.id) == .preparing)
        try world.importAll()
        #expect(try world.state(made.id) == .running)
        for state in [ReplicaState.pending, .transferring, .corrupt] {
            try world.verified(package, link, state)
            #expect(try world.actions(made.id).map(\.state) == [.pending])
            #expect(try world.actions(made.id)[0].sequence == nil)
        }
        try world.verified(package, link)
        #expect(try world.actions(made.id).map(\.state) == [.offered])
    }

    @Test func aRolloutWithAStartTimeBeginsByItselfAndNotBefore() throws {
        let world = try HubWorld()
        let (_, _, _, _, rollout) = try world.running { $0.start = at(500) }
        #expect(try world.state(rollout) == .ready)
        #expect(world.effects.contains(.wake(at: at(500))))
        world.now = at(499)
        try world.send(.woke)
        #expect(try world.state(rollout) == .ready)
        world.now = at(500)
        try world.send(.woke)
        #expect(try world.state(rollout) == .running)
        #expect(try world.actions(rollout).map(\.state) == [.offered])
    }

    @Test func wallClockWindowsReachTheOrderAsUTC() throws {
        let world = try HubWorld()
        world.answers = false
        let (_, spoke, _, _, _) = try world.running(
            window: .daily(from: "22:00", to: "05:00", days: ["mon", "tue"], timeZone: "Europe/Berlin"))
        let windows = try #require(try world.orders(for: spoke).first).windows
        #expect(windows.count > 5 && windows.count <= 64)
        // 2027-01-15 is a Friday; Berlin is an hour ahead of UTC in winter.
        #expect(windows[0].description.hasPrefix("2027-01-18T21:00:00Z/2027-01-19T04:00:00Z"))
        #expect(throws: HubRefusal.self) {
            var specification = try sampleSpecification()
            specification.window = .daily(from: "22:00", to: "05:00", days: [], timeZone: "Mars/Olympus")
            try world.run(.rollouts(.create(specification)))
        }
    }

    @Test func anUnacknowledgedOrderIsSentAgainAfterARestart() throws {
        let world = try HubWorld()
        world.answers = false
        let (_, spoke, _, package, rollout) = try world.running()
        #expect(try world.actions(rollout)[0].state == .pending)
        try world.restart(held: [package.sha256])
        world.answers = true
        _ = try world.connect(spoke)
        #expect(try world.actions(rollout)[0].state == .offered)
        #expect(try world.orders(for: spoke).isEmpty)
    }

    @Test func aRefusalIsKeptWithAllItsReasons() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running()
        let action = try world.actions(rollout)[0]
        let reasons = [Reason(.os32Bit), Reason(.autodeployNo)]
        #expect(try world.report(&agents[0], link, action: action.id, state: .refused, reasons: reasons) == .ok(OK()))
        #expect(try world.store.action(action.id)?.reasons == reasons)
        #expect(try world.state(rollout) == .failed)
        #expect(try world.events(.actionChanged).contains { $0.event.text.contains("os32Bit") })
    }

    @Test func whatCanNeverBeOrderedComesToAnEnd() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let package = try samplePackage()
        try world.publish([package])
        try world.importAll()
        _ = try world.addAgent("a", spoke, link)
        guard case .rollout(let made) = try world.run(.rollouts(.create(try sampleSpecification()))) else {
            throw HubStoreError.missing("rollout")
        }
        try world.run(.rollouts(.start(made.id)))
        // The vendor puts other bytes under the path before the spoke has the first ones.
        var other = package
        other.sha256 = try digest(9)
        try world.publish([other], version: 2)
        try world.importAll()
        try world.verified(other, link)
        #expect(try world.actions(made.id).map(\.state) == [.cancelled])
        #expect(try world.state(made.id) == .failed)
        // A spoke that never comes: missed after the offline horizon.
        guard case .rollout(let second) = try world.run(.rollouts(.create(try sampleSpecification(name: "second"))))
        else {
            throw HubStoreError.missing("rollout")
        }
        _ = try world.store.transaction {
            var replica = try #require(try world.store.replica(spoke: spoke, path: package.path))
            replica.state = .pending
            try world.store.putReplica(replica)
        }
        try world.run(.rollouts(.start(second.id)))
        world.now = world.now + HubLimits.offlineHorizon
        try world.send(.woke)
        #expect(try world.actions(second.id).map(\.state) == [.missed])
        #expect(try world.state(second.id) == .failed)
    }

    // MARK: Stop

    @Test func aStopCancelsWhatIsNotSentAndCallsBackWhatIs() throws {
        let world = try HubWorld()
        var (link, spoke, agents, _, rollout) = try world.running(agents: 3)
        let actions = try world.actions(rollout)
        func action(_ index: Int) throws -> ActionRecord { try #require(try world.store.action(actions[index].id)) }
        let before = try #require(try action(0).sequence)
        // The second one is installing: it is left to end.
        #expect(try world.report(&agents[1], link, action: actions[1].id, state: .installing) == .ok(OK()))
        world.answers = false
        world.effects = []
        try world.run(.rollouts(.stop(rollout)))
        #expect(try world.state(rollout) == .stopping)
        #expect(try actions.indices.map { try action($0).state } == [.cancelling, .installing, .cancelling])
        let orders = try world.orders(for: spoke)
        #expect(orders.map(\.kind) == [.cancel, .cancel])
        #expect(orders[0].action == actions[0].id && Int64(orders[0].sequence.number) > before)
        world.answers = true
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .cancelled) == .ok(OK()))
        // The third did not hear of it in time and succeeded.
        #expect(try world.report(&agents[2], link, action: actions[2].id, state: .succeeded) == .ok(OK()))
        #expect(try world.state(rollout) == .stopping)
        #expect(try world.report(&agents[1], link, action: actions[1].id, state: .succeeded) == .ok(OK()))
        #expect(try world.state(rollout) == .stopped)
        try world.run(.rollouts(.stop(rollout)))
        #expect(throws: HubRefusal.self) { try world.run(.rollouts(.start(rollout))) }
    }

    @Test func aStopReachesAnAgentWhoseOrderWasSentButNotAcknowledged() throws {
        let world = try HubWorld()
        world.answers = false
        let (_, spoke, _, _, rollout) = try world.running()
        #expect(try world.actions(rollout)[0].state == .pending)
        try world.run(.rollouts(.stop(rollout)))
        #expect(try world.actions(rollout)[0].state == .cancelling)
        #expect(try world.orders(for: spoke).map(\.kind) == [.cancel])
    }

    @Test func aRolloutThatDoesNotRunYetIsStoppedAtOnce() throws {
        let world = try HubWorld()
        let (_, spoke, _, _, rollout) = try world.running { $0.start = at(500) }
        try world.run(.rollouts(.stop(rollout)))
        #expect(try world.state(rollout) == .stopped)
        #expect(try world.actions(rollout).map(\.state) == [.cancelled])
        world.now = at(600)
        try world.send(.woke)
        #expect(try world.state(rollout) == .stopped && world.orders(for: spoke).isEmpty)
    }

    // MARK: Time

    @Test func whatWasNeverHeardOfIsMissedAfterItsWindowsAndALateReportCorrectsIt() throws {
        let world = try HubWorld()
        let window = try TimeSpan(start: at(100), end: at(200))
        var (link, _, agents, _, rollout) = try world.running(window: .span(window))
        let id = try world.actions(rollout)[0].id
        world.now = at(200)
        try world.send(.woke)
        #expect(try world.store.action(id)?.state == .offered)
        world.now = at(200) + HubLimits.reportGrace
        try world.send(.woke)
        #expect(try world.store.action(id)?.state == .missed)
        #expect(try world.state(rollout) == .failed)
        #expect(try world.report(&agents[0], link, action: id, state: .succeeded) == .ok(OK()))
        #expect(try world.store.action(id)?.state == .succeeded)
        #expect(try world.state(rollout) == .completed)
    }

    @Test func aClientWhoseSpokeNeverHeldThePackageIsMissedToo() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        try world.publish([try samplePackage()])
        try world.importAll()
        _ = try world.addAgent("a", spoke, link)
        var specification = try sampleSpecification()
        specification.window = .span(try TimeSpan(start: at(100), end: at(200)))
        let made = try world.create(specification)
        try world.run(.rollouts(.start(made.id)))
        world.now = at(200)
        try world.send(.woke)
        #expect(try world.actions(made.id).map(\.state) == [.missed])
        #expect(try world.state(made.id) == .failed)
    }

    @Test func aStartedInstallWithoutAWordIsUncertainUntilAReportOrAPersonSettlesIt() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running(agents: 2)
        let actions = try world.actions(rollout)
        for index in 0...1 {
            #expect(
                try world.report(&agents[index], link, action: actions[index].id, state: .installing) == .ok(OK()))
        }
        world.now = world.now + HubLimits.longestRun
        try world.send(.woke)
        #expect(try world.actions(rollout).map(\.state) == [.uncertain, .uncertain])
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .rolledBack) == .ok(OK()))
        try world.run(.rollouts(.settleAction(actions[1].id)))
        #expect(try world.actions(rollout).map(\.state) == [.rolledBack, .failed])
        #expect(throws: HubRefusal.self) { try world.run(.rollouts(.settleAction(actions[1].id))) }
    }

    // MARK: Waves

    @Test func noWaveStartsBeforeTheOneBeforeHasSucceededAndSoaked() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running(agents: 3) {
            $0.waves = [.init(size: .count(1), soakSeconds: 60), .init(size: .rest)]
        }
        let actions = try world.actions(rollout)
        #expect(actions.map(\.state) == [.offered, .pending, .pending])
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .succeeded) == .ok(OK()))
        #expect(try world.store.waves(of: rollout).map(\.state) == [.soaking, .scheduled])
        world.now = at(59)
        try world.send(.woke)
        #expect(try world.actions(rollout).map(\.state) == [.succeeded, .pending, .pending])
        world.now = at(60)
        try world.send(.woke)
        #expect(try world.store.waves(of: rollout).map(\.state) == [.succeeded, .running])
        #expect(try world.actions(rollout).map(\.state) == [.succeeded, .offered, .offered])
    }

    @Test func aPackageThatVanishesBeforeItIsImportedFailsThePreparation() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        try world.publish([try samplePackage()])
        _ = try world.addAgent("a", spoke, link)
        let made = try world.create(try sampleSpecification())
        try world.run(.rollouts(.start(made.id)))
        try world.publish([], version: 2)
        try world.restart()
        #expect(try world.state(made.id) == .failed)
        #expect(try world.actions(made.id).map(\.state) == [.cancelled])
    }

    @Test func aRevokedClientsActionsEndAndItsOrdersAreGone() throws {
        let world = try HubWorld()
        world.answers = false
        let (_, spoke, agents, _, rollout) = try world.running()
        #expect(try world.orders(for: spoke).count == 1)
        try world.run(.members(.revokeClient(agents[0].id)))
        #expect(try world.orders(for: spoke).isEmpty)
        #expect(try world.actions(rollout).map(\.state) == [.cancelled])
    }

    @Test func theSameCommandTwiceHasOneEffect() throws {
        let world = try HubWorld()
        let (_, _, _, _, rollout) = try world.running()
        let last = try world.store.lastEvent()
        try world.run(.rollouts(.start(rollout)))
        #expect(try world.actions(rollout).count == 1)
        #expect(try world.store.lastEvent() == last)
    }

    @Test func whenSigningFailsNothingHasHappened() throws {
        let world = try HubWorld(cryptography: FakeCryptography(isBroken: true))
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let package = try samplePackage()
        try world.publish([package])
        try world.importAll()
        try world.verified(package, link)
        _ = try world.addAgent("a", spoke, link)
        let made = try world.create(try sampleSpecification())
        let last = try world.store.lastEvent()
        #expect(throws: FakeCryptography.Broken.self) { try world.run(.rollouts(.start(made.id))) }
        #expect(try world.state(made.id) == .draft && world.actions(made.id).isEmpty)
        #expect(try world.store.lastEvent() == last)
    }

    @Test func theSameSeedGivesTheSameTrace() throws {
        func trace() throws -> ([HubEffect], [EventRecord]) {
            let world = try HubWorld()
            var (link, _, agents, _, rollout) = try world.running(agents: 3)
            for index in agents.indices {
                let id = try world.actions(rollout)[index].id
                _ = try world.report(&agents[index], link, action: id, state: .succeeded)
            }
            return (world.effects, try world.store.events(after: 0, search: nil, limit: .max))
        }
        let (one, two) = (try trace(), try trace())
        #expect(one.0 == two.0 && one.1 == two.1)
    }
}
