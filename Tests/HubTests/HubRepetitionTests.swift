import Hub
import Model
import Protocol
import Rollout
import Testing
import Trust

/// Members that say true and signed things without end: what they cost stays bounded, and stays
/// their own.
@Suite struct HubRepetitionTests {
    private func signed(_ world: HubWorld, _ number: UInt64) throws -> [UInt8] {
        try Order(
            agent: node(1), kind: .cancel, action: ActionID(high: 1, low: 1), rollout: RolloutID(high: 1, low: 1),
            fleet: world.fleet, target: nil, sequence: OrderSequence(epoch: 1, number: number), issued: world.now,
            expires: world.now + .seconds(60)
        ).signed(by: FakeCryptography.Signer(key: FakeCryptography().orderKey))
    }

    private func show(_ signed: [UInt8], replicas: UInt64? = nil) -> Message {
        .order(
            OrderMessage(
                agent: NodeID(high: 0, low: 0), action: ActionID(high: 0, low: 0), kind: 0, expires: .zero,
                signed: signed, replicas: replicas))
    }

    private func lines(_ world: HubWorld) throws -> Int {
        try world.store.events(after: 0, search: nil, limit: .max).count
    }

    /// Each was an order that the hub signed and the spoke kept for 45 days: a report of some
    /// hundred bytes, 20 a second, filled the site's disk.
    @Test func anAgentThatShowsAnOrderWithEveryReportIsAskedAnewOnlySoOften() throws {
        let world = try HubWorld()
        var (link, _, agents, _, _) = try world.running()
        let shown = try signed(world, 1)
        agents[0].counter += 5
        _ = try world.report(&agents[0], link)
        let before = try world.store.currentSequence().number
        for _ in 0..<100 { _ = try world.stale(&agents[0], link, AttackSeen(.replay, "x"), shown) }
        #expect(try world.store.currentSequence().number - before <= UInt64(HubLimits.shownOrders.burst))
        // It is asked again when it has been quiet.
        let kept = try world.store.currentSequence().number
        world.now = at(7200)
        _ = try world.stale(&agents[0], link, AttackSeen(.replay, "x"), shown)
        #expect(try world.store.currentSequence().number == kept + 1)
    }

    @Test func aSpokeThatForgetsItsOrdersAgainAndAgainIsSentThemOnlySoOften() throws {
        let world = try HubWorld()
        let (link, spoke, _, package, _) = try world.running(agents: 2)
        let before = try world.store.currentSequence().number
        var refused: ErrorReply?
        for _ in 0..<50 {
            world.effects = []
            if case .error(let error) = try world.ask(link, show([])) { refused = error }
            try world.verified(package, link)
        }
        #expect(try world.store.currentSequence().number - before <= UInt64(2 * HubLimits.restorations.burst))
        // It tells it again when it may.
        #expect(refused?.code == .busy && refused?.retryAfterSeconds != nil)
        world.now = at(7200)
        world.effects = []
        #expect(try world.ask(link, show([])) == .ok(OK()))
        #expect(try world.store.spoke(spoke)?.lastOrder == nil)
    }

    @Test func aSpokeThatForgetsItsPackagesAgainAndAgainIsAskedToHoldThemOnlySoOften() throws {
        let world = try HubWorld()
        let (link, spoke, _, package, _) = try world.running()
        let newest = try #require(try world.store.spoke(spoke)?.lastOrder)
        let all = show(try signed(world, newest.number), replicas: 0)
        for _ in 0..<HubLimits.restorations.burst {
            #expect(try world.ask(link, all) == .ok(OK()))
            #expect(try world.store.replica(spoke: spoke, path: package.path)?.isAcknowledged == true)
        }
        world.answers = false
        _ = try world.ask(link, all)
        #expect(try world.store.replica(spoke: spoke, path: package.path)?.isAcknowledged == true)
        world.now = at(7200)
        _ = try world.ask(link, all)
        #expect(try world.store.replica(spoke: spoke, path: package.path)?.isAcknowledged == false)
    }

    /// A spoke says which of its agents are there, so their number must not multiply what it may
    /// write, and none of it is taken from what the agents may.
    @Test func aSpokeThatSaysThatItsAgentsComeAndGoFillsNoLogAndLeavesTheirBudgetsAlone() throws {
        let world = try HubWorld()
        var (link, _, agents, _, _) = try world.running(agents: 30)
        let before = try lines(world)
        for round in 0..<50 {
            for agent in agents {
                _ = try world.ask(
                    link, .presence(Presence(agent: agent.id, isConnected: round % 2 == 0, since: world.now)))
            }
        }
        #expect(try lines(world) - before <= HubLimits.spokeLines.burst + 1)
        let count = try world.events(.attackSeen).count
        _ = try world.report(&agents[0], link, attack: AttackSeen(.replay, "x"))
        #expect(try world.events(.attackSeen).count == count + 1)
        _ = try world.ask(
            link,
            .event(
                EventMessage(
                    sequence: 1, time: world.now, severity: .info, code: .replicaFailed, subject: "", text: "x")))
        #expect(try world.events(.replicaFailed).count == 1)
    }

    /// An agent that reconnects without end hides no other agent's coming and going.
    @Test func anAgentThatComesAndGoesHidesNoOther() throws {
        let world = try HubWorld()
        let (link, _, agents, _, _) = try world.running(agents: 2)
        for round in 0..<200 {
            _ = try world.ask(
                link, .presence(Presence(agent: agents[0].id, isConnected: round % 2 == 0, since: world.now)))
        }
        let count = try world.events(.agentConnected).count
        #expect(count <= HubLimits.presenceLines.burst)
        _ = try world.ask(link, .presence(Presence(agent: agents[1].id, isConnected: true, since: world.now)))
        #expect(try world.events(.agentConnected).count == count + 1)
    }

    /// What a spoke says of its disk is no reason to plan the pools of every other.
    @Test func moreRoomAtOneSpokeBringsNothingBackAtAnother() throws {
        let world = try HubWorld()
        let main = try NodeName("main")
        let packages = try (1...3).map { try samplePackage("1.\($0)", counter: UInt64($0), hash: UInt8($0)) }
        var spokes: [(id: NodeID, link: LinkID)] = []
        func said(_ link: LinkID, used: UInt64) throws {
            let status = PoolStatus(pool: main, quota: 1 << 40, used: used, reserved: 0, freeOnDisk: 1 << 40)
            #expect(try world.ask(link, .poolStatus(status)) == .ok(OK()))
        }
        for text in ["s1", "s2"] {
            let id = try world.addSpoke(text)
            spokes.append((id, try world.connect(id)))
        }
        try world.publish(packages)
        for _ in packages { try world.importAll() }
        for spoke in spokes {
            for package in packages { try world.verified(package, spoke.link) }
            try said(spoke.link, used: 100)
            // Gone for a rollout that is over; the retention wants it.
            try world.store.putPrune(
                PruneRecord(
                    node: spoke.id, path: packages[0].path, digest: packages[0].sha256, text: "x", isDone: true,
                    asked: world.now))
        }
        try said(spokes[0].link, used: 10)
        #expect(try world.store.prunes(at: spokes[0].id).isEmpty)
        #expect(try !world.store.prunes(at: spokes[1].id).isEmpty)
        try said(spokes[1].link, used: 10)
        #expect(try world.store.prunes(at: spokes[1].id).isEmpty)
    }

    /// Who was let in is what the log is for: what strangers fail at takes nothing of it.
    @Test func whoJoinsAndWhomItReplacesIsInTheLogHoweverManyStrangersFail() throws {
        let world = try HubWorld()
        let first = try world.addSpoke("s1")
        let link = try world.connect(first)
        let agent = try world.addAgent("a1", first, link)
        let noise = JoinRequest(
            token: TokenID(high: 1, low: 1), nonce: [UInt8](repeating: 1, count: 32), body: [1],
            proof: [UInt8](repeating: 2, count: 32))
        for _ in 0..<100 {
            _ = try world.joinAsk(.joinRequest(noise), nil)
            _ = try world.joinAsk(.joinRequest(noise), link)
        }
        guard
            case .token(_, let text) = try world.run(
                .members(.createToken(role: .agent, spoke: first, replaces: agent.id, uses: 1, life: .seconds(60))))
        else { throw HubStoreError.missing("token") }
        _ = try world.id(world.join(try JoinToken(text), .agent, "x", key: [9], through: link))
        #expect(try world.events(.agentJoined).count == 2)
        #expect(try world.events(.peerRevoked).map(\.event.subject) == ["client/a1"])
        #expect(try world.events(.agentJoined).last?.event.actor == "joiners at spoke/s1")
        _ = try world.addSpoke("s2")
        #expect(try world.events(.spokeJoined).count == 2)
    }

    /// One small answer cost the revocation list, the roots and the catalog's version each time.
    @Test func aSpokeThatIsBusyForNoTimeIsNotAskedAsFastAsItAnswers() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        try world.publish([try samplePackage()])
        world.answers = false
        world.effects = []
        let link = try world.connect(spoke)
        let asked = world.requests()
        #expect(asked.count >= 2)
        let busy = ErrorReply(code: .busy, text: "later", retryAfterSeconds: 0)
        for (_, request, _) in asked {
            world.effects = []
            try world.send(.link(.reply(link, request, .error(busy))))
            #expect(world.requests().isEmpty)
        }
        world.now = world.now + .seconds(1)
        try world.send(.woke)
        #expect(world.requests().count == asked.count)
    }

    /// Any agent of the fleet has a certificate that opens a session at any spoke, until the hub
    /// says no.
    @Test func anAgentAtASpokeThatIsNotItsOwnTakesNothingOfThatSpokesBudget() throws {
        let world = try HubWorld()
        let (link, _, agents, _, _) = try world.running()
        let other = try world.connect(try world.addSpoke("s2"))
        func come(_ link: LinkID, _ isConnected: Bool = true) throws {
            _ = try world.ask(
                link, .presence(Presence(agent: agents[0].id, isConnected: isConnected, since: world.now)))
        }
        let before = try lines(world)
        for round in 0..<800 { try come(other, round % 2 == 0) }
        #expect(try lines(world) - before <= HubLimits.presenceLines.burst + 1)
        let event = EventMessage(
            sequence: 1, time: world.now, severity: .info, code: .replicaFailed, subject: "", text: "x")
        #expect(try world.ask(other, .event(event)) == .ok(OK()))
        // Nor of its own, which a spoke that lies could use up.
        let count = try world.events(.agentConnected).count
        try come(link)
        #expect(try world.events(.agentConnected).count == count + 1)
    }
}
