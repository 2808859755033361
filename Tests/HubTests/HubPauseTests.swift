import Hub
import Model
import Protocol
import Rollout
import Testing

/// Rollouts whose clients do not all succeed: they pause, fail, and are resumed; nothing of it reads like success.
@Suite struct HubPauseTests {
    /// Two waves: one client, then the others.
    private func waves(_ specification: inout RolloutSpecification) {
        specification.waves = [.init(size: .count(1)), .init(size: .rest)]
    }

    @Test(arguments: StoreKind.allCases) func aFailedCanaryPausesTheRolloutBeforeTheNextWave(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        var (link, _, agents, _, rollout) = try world.running(agents: 3, alter: waves)
        let actions = try world.actions(rollout)
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .rolledBack) == .ok(OK()))
        let paused = try #require(try world.store.rollout(rollout))
        #expect(paused.state == .paused && paused.cause == .threshold)
        #expect(paused.text == "1 client of wave 0 ended badly; the rule is 1 failed, rolledBack or rollbackFailed")
        #expect(try world.actions(rollout).map(\.state) == [.rolledBack, .pending, .pending])
        #expect(try world.store.waves(of: rollout).map(\.state) == [.failed, .scheduled])
        let event = try #require(try world.events(.rolloutPaused).last?.event)
        #expect(event.severity == .warning && event.subject == "rollout/\(rollout)")
        // Neither time nor a restart goes on with it.
        world.now = at(100_000)
        try world.restart(held: [try digest(1)])
        #expect(try world.state(rollout) == .paused)
        link = try world.connect(agents[0].spoke)
        try world.run(.rollouts(.resume(rollout)))
        #expect(try world.events(.rolloutResumed).count == 1)
        #expect(try world.actions(rollout).map(\.state) == [.rolledBack, .offered, .offered])
        for index in 1...2 {
            #expect(try world.report(&agents[index], link, action: actions[index].id, state: .succeeded) == .ok(OK()))
        }
        // A wave of it failed, so that it never counts as completed.
        let ended = try #require(try world.store.rollout(rollout))
        #expect(ended.state == .failed && ended.text == "succeeded 2, failed 1" && ended.cause == nil)
        try world.store.verifyEventChain()
    }

    @Test func anOnlyWaveInWhichEveryMachineRolledBackEndsAsFailed() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running()
        let action = try world.actions(rollout)[0]
        #expect(try world.report(&agents[0], link, action: action.id, state: .rolledBack) == .ok(OK()))
        #expect(try world.state(rollout) == .failed)
        #expect(try world.store.waves(of: rollout).map(\.state) == [.failed])
        #expect(try world.store.rollout(rollout)?.ended == world.now)
        #expect(try world.events(.rolloutChanged).last?.event.text == "rollout first is failed: succeeded 0, failed 1")
    }

    @Test(arguments: StoreKind.allCases) func aPauseWithinAWaveOrdersNothingMoreUntilItIsResumed(
        kind: StoreKind
    ) throws {
        let world = try HubWorld(kind)
        var (link, _, agents, package, rollout) = try world.running(agents: 2)
        let away = try world.addSpoke("s2")
        // Planned behind a spoke that holds nothing yet.
        try world.run(.rollouts(.stop(rollout)))
        for index in 0...1 {
            let id = try world.actions(rollout)[index].id
            #expect(try world.report(&agents[index], link, action: id, state: .cancelled) == .ok(OK()))
        }
        let second = try world.connect(away)
        var late = try world.addAgent("late", away, second)
        #expect(try world.report(&late, second, facts: sampleFacts()) == .ok(OK()))
        let made = try world.create(try sampleSpecification(name: "second"))
        try world.run(.rollouts(.start(made.id)))
        let actions = try world.actions(made.id)
        #expect(actions.map(\.state) == [.offered, .offered, .pending])
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .failed) == .ok(OK()))
        #expect(try world.state(made.id) == .paused)
        try world.verified(package, second)
        #expect(try world.actions(made.id).map(\.state) == [.failed, .offered, .pending])
        // What was ordered before is carried out, and a second failure is accepted with the first.
        #expect(try world.report(&agents[1], link, action: actions[1].id, state: .failed) == .ok(OK()))
        try world.run(.rollouts(.resume(made.id)))
        #expect(try world.actions(made.id).map(\.state) == [.failed, .failed, .offered])
        #expect(try world.state(made.id) == .running)
        #expect(try world.report(&late, second, action: actions[2].id, state: .succeeded) == .ok(OK()))
        let ended = try #require(try world.store.rollout(made.id))
        #expect(ended.state == .completed && ended.text == "succeeded 1, failed 2")
        #expect(try world.events(.rolloutChanged).last?.event.severity == .warning)
    }

    @Test func aPausedRolloutWhoseActionsAreAllOverEnds() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running(agents: 2)
        let actions = try world.actions(rollout)
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .failed) == .ok(OK()))
        #expect(try world.state(rollout) == .paused)
        #expect(try world.report(&agents[1], link, action: actions[1].id, state: .succeeded) == .ok(OK()))
        #expect(try world.state(rollout) == .failed)
        #expect(throws: HubRefusal.self) { try world.run(.rollouts(.resume(rollout))) }
    }

    @Test func aWaveInWhichNobodySucceededProvesNothing() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running(agents: 2, alter: waves)
        let actions = try world.actions(rollout)
        #expect(
            try world.report(&agents[0], link, action: actions[0].id, state: .refused, reasons: [Reason(.pinned)])
                == .ok(OK()))
        let paused = try #require(try world.store.rollout(rollout))
        #expect(paused.state == .paused && paused.cause == .nothingProved)
        #expect(try world.actions(rollout)[1].state == .pending)
        try world.run(.rollouts(.stop(rollout)))
        #expect(try world.state(rollout) == .stopped)
        #expect(try world.store.rollout(rollout)?.text == "succeeded 0, refused 1, cancelled 1")
    }

    @Test func theFileMaySayThatFailuresAreNoReasonToPause() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running(agents: 3) {
            $0.waves = [.init(size: .count(2)), .init(size: .rest)]
            $0.errors = []
        }
        let actions = try world.actions(rollout)
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .failed) == .ok(OK()))
        #expect(try world.report(&agents[1], link, action: actions[1].id, state: .succeeded) == .ok(OK()))
        #expect(try world.actions(rollout)[2].state == .offered)
        #expect(try world.report(&agents[2], link, action: actions[2].id, state: .succeeded) == .ok(OK()))
        #expect(try world.state(rollout) == .completed)
        #expect(try world.store.rollout(rollout)?.text == "succeeded 2, failed 1")
    }

    @Test func aLateReportChangesWhatARolloutCameTo() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running(agents: 2)
        let actions = try world.actions(rollout)
        #expect(try world.report(&agents[1], link, action: actions[1].id, state: .succeeded) == .ok(OK()))
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .installing) == .ok(OK()))
        world.now = world.now + HubLimits.longestRun
        try world.send(.woke)
        #expect(try world.store.rollout(rollout)?.text == "succeeded 1, uncertain 1")
        #expect(try world.state(rollout) == .completed)
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .rolledBack) == .ok(OK()))
        #expect(try world.state(rollout) == .failed)
        #expect(try world.store.rollout(rollout)?.text == "succeeded 1, failed 1")
        #expect(try world.store.waves(of: rollout).map(\.state) == [.failed])
    }

    @Test func aClientThatHasTheReleaseAlreadyCountsAsSucceeded() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running(agents: 3)
        let actions = try world.actions(rollout)
        let has = [Reason(.alreadyInstalled)]
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .refused, reasons: has) == .ok(OK()))
        #expect(try world.report(&agents[1], link, action: actions[1].id, state: .succeeded) == .ok(OK()))
        // A second reason is one that a person may have to mend.
        let pinned = has + [Reason(.pinned)]
        #expect(
            try world.report(&agents[2], link, action: actions[2].id, state: .refused, reasons: pinned) == .ok(OK()))
        let found = try world.actions(rollout)
        #expect(found.map(\.state) == [.succeeded, .succeeded, .refused])
        #expect(found[0].reasons.map(\.code) == [.alreadyInstalled])
        #expect(try world.store.rollout(rollout)?.text == "succeeded 2, refused 1")
        // Said again, as after a restore of the hub, it changes nothing and is no misfit.
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .refused, reasons: has) == .ok(OK()))
        #expect(try world.actions(rollout)[0].state == .succeeded)
        #expect(try world.events(.reportRefused).isEmpty)
    }

    @Test func onlyAPausedRolloutIsResumed() throws {
        let world = try HubWorld()
        let (_, _, _, _, rollout) = try world.running()
        let last = try world.store.lastEvent()
        try world.run(.rollouts(.resume(rollout)))
        #expect(try world.store.lastEvent() == last)
        #expect(throws: HubRefusal.self) { try world.run(.rollouts(.resume(RolloutID(high: 1, low: 2)))) }
    }

    // MARK: Revoked spokes

    @Test func rolloutsEndWhenTheSpokeOfTheirMachinesIsRevoked() throws {
        let world = try HubWorld()
        var (link, spoke, agents, _, rollout) = try world.running(agents: 2)
        let actions = try world.actions(rollout)
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .succeeded) == .ok(OK()))
        try world.run(.members(.revokeSpoke(spoke)))
        let states = try world.actions(rollout)
        #expect(states.map(\.state) == [.succeeded, .uncertain] && states[1].reasons.map(\.code) == [.spokeRevoked])
        #expect(try world.orders(for: spoke).isEmpty)
        #expect(try world.store.rollout(rollout)?.text == "succeeded 1, uncertain 1")
    }

    @Test func machinesBehindARevokedSpokeAreRefusedAtTheStart() throws {
        let world = try HubWorld()
        let (_, spoke, _, package, rollout) = try world.running(window: .span(try TimeSpan(start: at(50), end: at(90))))
        try world.run(.rollouts(.stop(rollout)))
        try world.run(.members(.revokeSpoke(spoke)))
        let made = try world.create(try sampleSpecification(name: "second"))
        try world.run(.rollouts(.start(made.id)))
        let action = try world.actions(made.id)[0]
        #expect(action.state == .refused && action.reasons.map(\.code) == [.spokeRevoked])
        #expect(try world.state(made.id) == .failed)
        let queries = HubQueries(store: world.store, zones: ZoneFolder.find)
        let found = try queries.candidates(
            product: package.path.product, release: package.path.release, at: world.now)
        #expect(found.map { $0.eligibility.reasons.map(\.code) } == [[.spokeRevoked]])
    }
}
