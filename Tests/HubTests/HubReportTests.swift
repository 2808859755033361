import Hub
import Model
import Protocol
import Rollout
import SQLite
import Testing
import Trust

@Suite struct HubReportTests {
    private func code(_ message: Message?) -> RequestErrorCode? {
        if case .error(let error) = message { return error.code }
        return nil
    }

    @Test(arguments: StoreKind.allCases) func aRepeatedReportIsAcknowledgedAndAppliedOnce(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        var (link, _, agents, _, rollout) = try world.running()
        let id = try world.actions(rollout)[0].id
        #expect(try world.report(&agents[0], link, action: id, state: .downloading) == .ok(OK()))
        let (last, changed) = (try world.store.lastEvent(), try world.store.action(id)?.changed)
        let said = world.now
        world.now = at(5)
        for _ in 0..<3 {
            #expect(
                try world.report(&agents[0], link, action: id, state: .downloading, time: said, repeating: true)
                    == .ok(OK()))
        }
        #expect(try world.store.lastEvent() == last && world.store.action(id)?.changed == changed)
    }

    @Test(arguments: StoreKind.allCases) func aMissingReportIsSaidAskedForAndTakenInWhenItComesLate(kind: StoreKind)
        throws
    {
        let world = try HubWorld(kind)
        var (link, spoke, agents, _, rollout) = try world.running()
        let id = try world.actions(rollout)[0].id
        var late = agents[0]
        agents[0].counter += 2
        world.answers = false
        #expect(try world.report(&agents[0], link, action: id, state: .succeeded) == .ok(OK()))
        #expect(try world.events(.reportGap).map(\.event.text) == ["the reports 2 to 3 of a0 are missing"])
        #expect(try world.orders(for: spoke).map(\.kind) == [.reportAnew])
        // Late ones close the hole, each once; what they say has been overtaken.
        let attack = AttackSeen(.freeze, "late")
        for _ in 0..<2 {
            #expect(try world.report(&late, link, attack: attack, repeating: late.counter == 2) == .ok(OK()))
        }
        #expect(try world.events(.attackSeen).count == 1)
        #expect(try world.report(&late, link, action: id, state: .downloading) == .ok(OK()))
        #expect(try world.store.action(id)?.state == .succeeded)
        #expect(try world.store.reportLedger(of: agents[0].id, incarnation: 1)?.missing == [])
        #expect(try world.events(.reportGap).count == 3)
    }

    @Test func whatAnAgentLeavesAloneThatANewerReleaseWroteIsLogged() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running()
        let id = try world.actions(rollout)[0].id
        let notes = [Note(.storeNewer, "action \(id) is left alone"), Note(.schedulerNotService)]
        #expect(try world.report(&agents[0], link, notes: notes) == .ok(OK()))
        let said = try world.events(.storeNewer)
        #expect(said.map(\.event.text) == ["at a0: action \(id) is left alone"])
        #expect(said.first?.event.subject == "client/a0" && said.first?.event.severity == .warning)
        // A note of an action is the action's, and one report does not fill the log.
        #expect(try world.report(&agents[0], link, action: id, state: .downloading, notes: notes) == .ok(OK()))
        #expect(try world.events(.storeNewer).count == 1)
        let many = [Note](repeating: Note(.storeNewer, "x"), count: 64)
        #expect(try world.report(&agents[0], link, notes: many) == .ok(OK()))
        #expect(try world.events(.storeNewer).count == 1 + HubLimits.notesOfReport)
    }

    @Test func aCounterThatFallsIsSaidOnceAndTheAgentIsAskedToSayEverythingAnew() throws {
        let world = try HubWorld()
        var (link, spoke, agents, _, _) = try world.running()
        var restored = agents[0]
        world.answers = false
        for _ in 0..<3 { #expect(try world.report(&agents[0], link, facts: sampleFacts()) == .ok(OK())) }
        #expect(try world.report(&restored, link, attack: AttackSeen(.freeze, "other")) == .ok(OK()))
        #expect(try world.report(&restored, link, attack: AttackSeen(.freeze, "again")) == .ok(OK()))
        #expect(try world.events(.agentRestored).count == 2)
        #expect(try world.orders(for: spoke).filter { $0.kind == .reportAnew }.count == 1)
        // Its new life is expected and counts from one.
        restored.counter = 0
        #expect(try world.report(&restored, link, incarnation: 77, facts: sampleFacts()) == .ok(OK()))
        #expect(try world.store.client(restored.id)?.incarnation == 77)
        #expect(try world.events(.machineCloned).isEmpty)
    }

    @Test func twoMachinesWithOneIdentityAreNamedAndBothAreHeardAndNeitherSucceeds() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running()
        let id = try world.actions(rollout)[0].id
        var copy = agents[0]
        copy.counter = 0
        #expect(try world.report(&copy, link, incarnation: 5, facts: sampleFacts()) == .ok(OK()))
        for _ in 0..<3 {
            #expect(try world.report(&agents[0], link, facts: sampleFacts()) == .ok(OK()))
            #expect(try world.report(&copy, link, incarnation: 5, facts: sampleFacts()) == .ok(OK()))
        }
        #expect(try world.events(.machineCloned).count == 1)
        #expect(try world.events(.machineCloned)[0].event.text.contains("two machines speak as a0"))
        #expect(try world.report(&agents[0], link, action: id, state: .downloading) == .ok(OK()))
        #expect(try world.report(&copy, link, incarnation: 5, action: id, state: .succeeded) == .ok(OK()))
        #expect(try world.store.action(id)?.state == .uncertain)
    }

    @Test func whatIsInstalledWithoutAnOrderIsSaidAndWhatWasOrderedIsNot() throws {
        let world = try HubWorld()
        var (link, _, agents, package, rollout) = try world.running()
        let id = try world.actions(rollout)[0].id
        let ordered = InstalledPackage(
            product: package.path.product, release: package.path.release, line: package.metadata.line,
            counter: package.metadata.counter, path: package.path, sha256: package.sha256, source: .axle)
        #expect(
            try world.report(&agents[0], link, action: id, state: .succeeded, installed: [ordered]) == .ok(OK()))
        #expect(try world.events(.inventoryChanged).isEmpty)
        var byHand = ordered
        byHand.release = try ReleaseName("9.9")
        #expect(try world.report(&agents[0], link, installed: [byHand]) == .ok(OK()))
        #expect(try world.report(&agents[0], link, installed: []) == .ok(OK()))
        let texts = try world.events(.inventoryChanged).map(\.event.text)
        #expect(texts.count == 2)
        #expect(texts[0].contains("went from \(ordered.release) to 9.9, which nobody ordered"))
        #expect(texts[1].contains("9.9 is gone, which nobody ordered"))
    }

    @Test func aSuccessThatTheInventoryDoesNotShowIsSaid() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running()
        let id = try world.actions(rollout)[0].id
        #expect(try world.report(&agents[0], link, action: id, state: .succeeded, installed: []) == .ok(OK()))
        #expect(try world.events(.inventoryChanged).count == 1)
    }

    @Test func aClientThatSaysNothingForADayIsAWarning() throws {
        let world = try HubWorld()
        var (link, _, agents, _, _) = try world.running(agents: 3)
        func warnings() throws -> [String] {
            try HubQueries(store: world.store, zones: ZoneFolder.find).summary(at: world.now).warnings
                .map(\.text).filter { $0.contains("not reported") }
        }
        #expect(try warnings().isEmpty)
        world.now = world.now + .seconds(90_000)
        #expect(try world.report(&agents[0], link, facts: sampleFacts()) == .ok(OK()))
        #expect(try world.report(&agents[1], link, facts: sampleFacts()) == .ok(OK()))
        #expect(try warnings() == ["client a2 has not reported for 25 hours"])
        world.now = world.now + .seconds(90_000)
        #expect(try warnings() == ["3 clients have not reported for a day, the first for 50 hours: a2, a0, a1"])
    }

    @Test func aForgedOrAlteredReportIsRefusedAndLogged() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running()
        let id = try world.actions(rollout)[0].id
        #expect(code(try world.report(&agents[0], link, action: id, state: .succeeded, key: [66])) == .refused)
        #expect(
            code(
                try world.report(&agents[0], link, action: id, state: .succeeded) {
                    $0.signed[$0.signed.count / 2] ^= 1
                }) == .refused)
        #expect(code(try world.report(&agents[0], link, action: id, state: .succeeded) { $0.counter += 5 }) == .refused)
        #expect(code(try world.report(&agents[0], link, action: id, state: .succeeded) { $0.signed = [] }) == .refused)
        #expect(try world.store.action(id)?.state == .offered)
        #expect(try world.events(.reportRefused).count == 4)
    }

    @Test func aSpokeCannotSpeakForAnothersAgent() throws {
        let world = try HubWorld()
        var (_, _, agents, _, rollout) = try world.running()
        let id = try world.actions(rollout)[0].id
        let other = try world.connect(try world.addSpoke("s2"))
        #expect(code(try world.report(&agents[0], other, action: id, state: .succeeded)) == .refused)
        #expect(try world.store.action(id)?.state == .offered)
        let presence = Presence(agent: agents[0].id, isConnected: true, since: world.now)
        #expect(code(try world.ask(other, .presence(presence))) == .refused)
        #expect(try world.store.client(agents[0].id)?.isConnected == false)
    }

    @Test func aReportOnAnothersActionChangesNothing() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running(agents: 2)
        let actions = try world.actions(rollout)
        #expect(try world.report(&agents[0], link, action: actions[1].id, state: .succeeded) == .ok(OK()))
        #expect(try world.store.action(actions[1].id)?.state == .offered)
        #expect(try world.report(&agents[0], link, action: ActionID(high: 1, low: 1), state: .succeeded) == .ok(OK()))
        #expect(try world.events(.reportRefused).count == 2)
    }

    @Test func aReportThatDoesNotFollowIsNotedAndChangesNothing() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running()
        let id = try world.actions(rollout)[0].id
        #expect(try world.report(&agents[0], link, action: id, state: .succeeded) == .ok(OK()))
        #expect(try world.report(&agents[0], link, action: id, state: .downloading) == .ok(OK()))
        #expect(try world.store.action(id)?.state == .succeeded)
        #expect(try world.events(.reportRefused).count == 1)
    }

    @Test func anotherIncarnationBeginsItsOwnCountAndIsSaid() throws {
        let world = try HubWorld()
        var (link, _, agents, _, _) = try world.running()
        agents[0].counter = 0
        #expect(try world.report(&agents[0], link, incarnation: 2, facts: sampleFacts()) == .ok(OK()))
        #expect(try world.store.client(agents[0].id)?.incarnation == 2)
        #expect(try world.events(.agentRestored).count == 1)
        #expect(try world.store.reportCounter(of: agents[0].id, incarnation: 1) == 1)
        #expect(try world.store.reportCounter(of: agents[0].id, incarnation: 2) == 1)
    }

    @Test func factsAreKeptAndSaidOnlyWhenTheyChange() throws {
        let world = try HubWorld()
        var (link, _, agents, _, _) = try world.running()
        #expect(try world.events(.factsReported).count == 1)
        var facts = try sampleFacts()
        facts.freeSpace = ByteCount(5)
        #expect(try world.report(&agents[0], link, facts: facts) == .ok(OK()))
        #expect(try world.store.facts(of: agents[0].id)?.facts == facts)
        #expect(try world.events(.factsReported).count == 1)
        facts.autodeploy = .no
        #expect(try world.report(&agents[0], link, facts: facts) == .ok(OK()))
        #expect(try world.events(.factsReported).count == 2)
    }

    @Test func anAttackThatAnAgentSawIsInTheLog() throws {
        let world = try HubWorld()
        var (link, _, agents, _, _) = try world.running()
        let attack = AttackSeen(.rollback, "version 3 after 5")
        #expect(try world.report(&agents[0], link, attack: attack) == .ok(OK()))
        #expect(try world.events(.attackSeen).map(\.event.text) == ["rollback: version 3 after 5"])
    }

    @Test func refusedBytesAreADamagedDiskFirstAndAnAttackWhenTheyGoOn() throws {
        let world = try HubWorld()
        var (link, _, agents, _, _) = try world.running(agents: 2)
        let attack = AttackSeen(.hashMismatch, "tool/1: wrong bytes")
        #expect(try world.report(&agents[0], link, attack: attack) == .ok(OK()))
        #expect(try world.events(.attackSeen).isEmpty)
        #expect(try world.events(.bytesRefused).count == 1)
        #expect(try world.report(&agents[0], link, attack: attack) == .ok(OK()))
        #expect(try world.events(.attackSeen).map(\.event.text) == ["hashMismatch: tool/1: wrong bytes"])
        // Another machine's word counts for itself.
        #expect(try world.report(&agents[1], link, attack: attack) == .ok(OK()))
        #expect(try world.events(.attackSeen).count == 1 && world.events(.bytesRefused).count == 2)
    }

    @Test func aRevokedAgentIsNotHeard() throws {
        let world = try HubWorld()
        var (link, _, agents, _, _) = try world.running()
        try world.run(.members(.revokeClient(agents[0].id)))
        #expect(code(try world.report(&agents[0], link, facts: sampleFacts())) == .refused)
        let presence = Presence(agent: agents[0].id, isConnected: true, since: world.now)
        #expect(code(try world.ask(link, .presence(presence))) == .refused)
    }

    @Test func presenceIsKeptAndEndsWithTheSpokesLink() throws {
        let world = try HubWorld()
        let (link, spoke, agents, _, _) = try world.running()
        let presence = Presence(agent: agents[0].id, isConnected: true, since: world.now)
        for _ in 0..<2 { #expect(try world.ask(link, .presence(presence)) == .ok(OK(reportKey: agents[0].key))) }
        #expect(try world.store.client(agents[0].id)?.isConnected == true)
        #expect(try world.events(.agentConnected).count == 1)
        try world.send(.link(.closed(link, LinkClosure(code: .timedOut, text: "silence"))))
        #expect(try world.store.client(agents[0].id)?.isConnected == false)
        #expect(try world.store.spoke(spoke)?.isConnected == false)
    }

    @Test func aNewerSessionOfASpokeTakesTheOldOnesPlace() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let old = try world.connect(spoke)
        world.effects = []
        _ = try world.connect(spoke)
        #expect(world.effects.contains { if case .link(.close(old, .replaced, _)) = $0 { true } else { false } })
        try world.send(.link(.closed(old, LinkClosure(code: .replaced, text: ""))))
        #expect(try world.store.spoke(spoke)?.isConnected == true)
    }

    @Test func aSpokesEventIsStoredOnce() throws {
        let world = try HubWorld()
        let link = try world.connect(try world.addSpoke("s1"))
        func event(_ sequence: UInt64) -> Message {
            .event(
                EventMessage(
                    sequence: sequence, time: world.now, severity: .warning, code: .replicaFailed, subject: "pool/main",
                    text: "full\nforged line"))
        }
        for sequence in [1, 1, 2, 1] as [UInt64] { #expect(try world.ask(link, event(sequence)) == .ok(OK())) }
        #expect(
            try world.events(.replicaFailed).map(\.event.text) == [
                "at s1: full forged line", "at s1: full forged line",
            ])
        #expect(code(try world.ask(link, event(.max))) == .invalid)
    }

    @Test func whatASpokeMayNotAskIsRefused() throws {
        let world = try HubWorld()
        let link = try world.connect(try world.addSpoke("s1"))
        #expect(code(try world.ask(link, .setQuota(SetQuota(pool: world.pool, quota: 1)))) == .unsupported)
        #expect(code(try world.ask(link, .ok(OK()))) == .unsupported)
    }
}

/// What a peer may bring into the log, and what is said of clocks.
@Suite struct HubLogLimitTests {
    private func event(
        _ sequence: Int, _ world: HubWorld, code: EventCode = .replicaFailed, subject: String = "",
        severity: EventSeverity = .info, time: UnixTime? = nil
    ) -> Message {
        .event(
            EventMessage(
                sequence: UInt64(sequence), time: time ?? world.now, severity: severity, code: code, subject: subject,
                text: "x"))
    }

    private func lines(_ world: HubWorld) throws -> Int {
        try world.store.events(after: 0, search: nil, limit: .max).count
    }

    @Test func badReportsOfOneSpokeCannotFloodTheLogNorHideAnothers() throws {
        let world = try HubWorld()
        var (link, _, agents, _, _) = try world.running()
        for _ in 0..<2_000 { _ = try world.report(&agents[0], link) { $0.signed = [] } }
        #expect(try (1...HubLimits.spokeLines.burst).contains(world.events(.reportRefused).count))
        #expect(try world.events(.linesLeftOut).map(\.event.subject) == ["spoke/s1"])
        let spoke = try world.addSpoke("s2")
        let other = try world.connect(spoke)
        var agent = try world.addAgent("b", spoke, other)
        let before = try world.events(.reportRefused).count
        _ = try world.report(&agent, other) { $0.signed = [] }
        #expect(try world.events(.reportRefused).count == before + 1)
    }

    @Test func everyKindOfLineThatAnAgentCausesIsWithinItsOwnBudget() throws {
        let world = try HubWorld()
        var (link, _, agents, _, rollout) = try world.running(agents: 2)
        let action = try #require(try world.actions(rollout).first)
        let before = try lines(world)
        for round in 0..<2_000 {
            switch round % 5 {
            case 0: _ = try world.report(&agents[0], link, attack: AttackSeen(.replay, "x"))
            case 1: _ = try world.report(&agents[0], link, notes: [Note(.storeNewer, "x")])
            case 2:
                agents[0].counter += 5
                _ = try world.report(&agents[0], link)
            case 3: _ = try world.report(&agents[0], link, action: action.id, state: .succeeded)
            default:
                var facts = try sampleFacts()
                facts.hostname = "h\(round)"
                _ = try world.report(&agents[0], link, facts: facts)
            }
        }
        #expect(try lines(world) - before <= HubLimits.clientLines.burst + 1)
        #expect(try world.events(.linesLeftOut).count == 1)
        // The other agent at the same spoke is heard, and so is the spoke.
        let count = try world.events(.attackSeen).count
        _ = try world.report(&agents[1], link, attack: AttackSeen(.replay, "x"))
        #expect(try world.events(.attackSeen).count == count + 1)
        #expect(try world.ask(link, event(1, world)) == .ok(OK()))
        // When it has been quiet for a while, it is said how much was left out.
        world.now = at(3600)
        _ = try world.report(&agents[0], link, attack: AttackSeen(.replay, "x"))
        let said = try #require(try world.events(.linesLeftOut).last?.event.text)
        #expect(said.contains("lines that this peer caused were left out"))
    }

    @Test func presenceAndReconnectsAreWithinBudgets() throws {
        let world = try HubWorld()
        let (link, spoke, agents, _, _) = try world.running()
        let before = try lines(world)
        for round in 0..<3_000 {
            _ = try world.ask(
                link, .presence(Presence(agent: agents[0].id, isConnected: round % 2 == 0, since: world.now)))
        }
        for _ in 0..<3_000 { _ = try world.connect(spoke) }
        // The agent's coming and going is its own, and said to be too much as well.
        #expect(try lines(world) - before <= HubLimits.spokeLines.burst + HubLimits.clientLines.burst + 2)
        let peer = PeerIdentity(fleet: world.fleet, role: .spoke, id: spoke)
        world.effects = []
        try world.send(.link(.opened(LinkID(1 << 40), peer, Hello(time: world.now, role: .spoke, program: "1"))))
        let closed = world.effects.contains { effect in
            if case .link(.close(LinkID(1 << 40), .busy, _)) = effect { true } else { false }
        }
        #expect(closed)
    }

    @Test func strangersAtASpokesJoinListenerAndFalseRenewalsLeaveTheSpokesBudgetAlone() throws {
        let world = try HubWorld()
        let (link, _, agents, _, _) = try world.running()
        let before = try lines(world)
        let noise = JoinRequest(
            token: TokenID(high: 1, low: 1), nonce: [UInt8](repeating: 1, count: 32), body: [1],
            proof: [UInt8](repeating: 2, count: 32))
        for _ in 0..<1_000 {
            _ = try world.ask(link, .joinRequest(noise))
            _ = try world.ask(link, .renew(Renew(node: agents[0].id, signed: [1])))
        }
        #expect(try lines(world) - before <= HubLimits.joinerLines.burst + 1)
        // What is claimed in another's name is not said of the other.
        #expect(try world.events(.attackSeen).allSatisfy { !$0.event.subject.hasPrefix("client/") })
        let count = try lines(world)
        #expect(try world.ask(link, event(1, world)) == .ok(OK()))
        #expect(try lines(world) == count + 1)
    }

    @Test func anAgentCannotMakeTheHubSignOrdersWithoutEnd() throws {
        let world = try HubWorld()
        var (link, spoke, agents, _, _) = try world.running()
        world.answers = false
        try world.store.setEpoch(9)
        let before = try world.orders(for: spoke).count
        for number in 0..<1_000 as Range<UInt64> {
            _ = try world.report(
                &agents[0], link, action: ActionID(high: 9, low: number), state: .offered,
                orderSequence: OrderSequence(epoch: 0, number: 1))
        }
        #expect(try world.orders(for: spoke).count - before <= HubLimits.callOffs.burst)
    }

    @Test func aSpokeWithTooManyEventsIsAskedForPatienceAndLosesNone() throws {
        let world = try HubWorld()
        let link = try world.connect(try world.addSpoke("s1"))
        var taken = 0
        var refused: ErrorReply?
        while refused == nil, taken < 10_000 {
            world.effects = []
            let answer = try world.ask(link, event(taken + 1, world))
            if case .error(let error) = answer { refused = error } else { taken += 1 }
        }
        #expect((HubLimits.spokeLines.burst - 10...HubLimits.spokeLines.burst).contains(taken))
        #expect(refused?.code == .busy && refused?.code.isRetryable == true)
        world.now = at(60)
        #expect(try world.ask(link, event(taken + 1, world)) == .ok(OK()))
        #expect(try world.events(.replicaFailed).count == taken + 1)
    }

    @Test func aSpokesEventHasTheHubsTimeACodeThatSpokesHaveAndASubjectOfItsOwn() throws {
        let world = try HubWorld()
        let (link, _, agents, _, _) = try world.running()
        let other = try world.connect(try world.addSpoke("s2"))
        let end = try UnixTime("9999-12-31T23:59:59Z")
        world.now = at(77)
        #expect(try world.ask(other, event(1, world, code: .replicaVerified, time: end)) == .ok(OK()))
        let line = try #require(try world.store.lastEvent()?.event)
        #expect(line.time == at(77) && line.peerTime == end && line.code == .replicaVerified)
        for code in [EventCode.hubRestored, .tokenCreated, .peerRevoked, try EventCode("somethingNew")] {
            _ = try world.ask(other, event(2, world, code: code, severity: .error))
            world.now = world.now + .seconds(1)
        }
        let told = try #require(try world.store.lastEvent()?.event)
        #expect(told.code == .spokeEvent && told.severity == .warning && told.text.contains("hubRestored"))
        #expect(try world.events(.hubRestored).isEmpty && world.events(.peerRevoked).isEmpty)
        // Another spoke's client, the hub itself, and what is no subject: then it is about the spoke.
        for (sequence, subject) in ["client/\(agents[0].id)", "client/a0", "spoke/s1", "token/1", ""].enumerated() {
            _ = try world.ask(other, event(10 + sequence, world, subject: subject))
            #expect(try world.store.lastEvent()?.event.subject == "spoke/s2")
        }
        _ = try world.ask(link, event(20, world, subject: "client/\(agents[0].id)"))
        #expect(try world.store.lastEvent()?.event.subject == "client/a0")
        try world.store.verifyEventChain()
    }

    @Test func anAgentBeginsOnlySoManyIncarnations() throws {
        let world = try HubWorld()
        var (link, _, agents, _, _) = try world.running()
        var taken = 0
        for incarnation in 100..<2_100 as Range<UInt64> {
            if try world.report(&agents[0], link, incarnation: incarnation) == .ok(OK()) { taken += 1 }
            world.now = world.now + .seconds(1)
        }
        let most = HubLimits.incarnations.burst + Int(Duration.seconds(2_000) / HubLimits.incarnations.interval) + 1
        #expect((1...most).contains(taken))
        // What it says out of the incarnation that it has goes on being taken.
        let current = UInt64(try #require(try world.store.client(agents[0].id)?.incarnation))
        #expect(try world.report(&agents[0], link, incarnation: current) == .ok(OK()))
    }

    @Test func aDamagedLedgerIsRepairedAndTheAgentReportsAnew() throws {
        let world = try HubWorld(.sqlite)
        var (link, _, agents, _, _) = try world.running()
        let database = try Database(path: try #require(world.fixture.path))
        try database.run("UPDATE report_counter SET ledger = x'ff'")
        let before = agents[0].counter
        #expect(try world.report(&agents[0], link) == .ok(OK()))
        #expect(try world.store.reportCounter(of: agents[0].id, incarnation: 1) == Int64(before) + 1)
        #expect(try world.events(.reportGap).count == 1)
        #expect(try world.report(&agents[0], link) == .ok(OK()))
        #expect(try world.events(.reportGap).count == 1)
    }

    @Test func anEventOfAPeerThatFailsCostsThatPeerAlone() throws {
        let world = try HubWorld()
        let (link, spoke, _, _, _) = try world.running()
        let other = try world.connect(try world.addSpoke("s2"))
        world.effects = []
        let fault = PeerFault(.request(link, RequestID(5)), event: "report", reason: "it broke")
        try world.send(.faulted(fault))
        let reply = world.effects.compactMap { effect -> ErrorReply? in
            if case .link(.reply(link, RequestID(5), .error(let error))) = effect { error } else { nil }
        }
        // Not to be repeated for ever.
        #expect(reply.map(\.code.isRetryable) == [false])
        #expect(try world.events(.eventFailed).map(\.event.subject) == ["spoke/s1"])
        world.effects = []
        try world.send(.faulted(PeerFault(.link(link), event: "the answer ok", reason: "it broke")))
        let closed = world.effects.compactMap { effect -> LinkID? in
            if case .link(.close(let link, _, _)) = effect { link } else { nil }
        }
        #expect(closed == [link])
        #expect(try world.store.spoke(spoke)?.isConnected == false)
        #expect(try world.ask(other, event(1, world)) == .ok(OK()))
        let again = try world.connect(spoke)
        #expect(try world.ask(again, event(1, world)) == .ok(OK()))
    }

    @Test func theStartOfASessionThatFailsCountsAgainstTheSpokeThatOpenedIt() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let peer = PeerIdentity(fleet: world.fleet, role: .spoke, id: spoke)
        for number in 0..<2_000 as Range<UInt64> {
            let opened = LinkEvent.opened(
                LinkID(9000 + number), peer, Hello(time: world.now, role: .spoke, program: "1.0"))
            try world.send(.faulted(PeerFault(opened, "it broke")))
        }
        #expect(Set(try world.events(.eventFailed).map(\.event.subject)) == ["spoke/s1"])
        #expect(try world.events(.eventFailed).count <= HubLimits.spokeLines.burst)
        // Joiners have their own lines still.
        try world.send(.faulted(PeerFault(.join(JoinID(1)), event: "joinBegin", reason: "it broke")))
        #expect(try world.events(.eventFailed).last?.event.subject == "joiners")
    }

    @Test func theTrafficOfALinkThatCannotBeCountedCostsThatLinkAlone() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let other = try world.connect(try world.addSpoke("s2"))
        let fetch = FetchPackage(path: try samplePackage().path, sha256: try digest(1), length: 1, offset: 0)
        for event in [
            HubEvent.linkUsed(link, sent: 1, received: 1), .objectSent(fetch, to: spoke, bytes: 1),
        ] {
            let link = try world.connect(spoke)
            let own: HubEvent = if case .linkUsed = event { .linkUsed(link, sent: 1, received: 1) } else { event }
            world.effects = []
            try world.send(try own.replacement(after: CancellationError()) { _ in })
            let closed = world.effects.compactMap { effect -> LinkID? in
                if case .link(.close(let link, _, _)) = effect { link } else { nil }
            }
            #expect(closed == [link])
            #expect(try world.store.spoke(spoke)?.isConnected == false)
            #expect(try world.ask(other, self.event(1, world)) == .ok(OK()))
        }
        #expect(try world.events(.eventFailed).map(\.event.subject) == ["spoke/s1", "spoke/s1"])
        // An event of the hub's own cannot be left out.
        #expect(throws: CancellationError.self) {
            _ = try HubEvent.woke.replacement(after: CancellationError()) { _ in }
        }
    }

    @Test func aSpokesEventNamesOnlyWhatIsTheSpokes() throws {
        let world = try HubWorld()
        let (link, _, agents, package, rollout) = try world.running()
        let other = try world.connect(try world.addSpoke("s2"))
        let action = try #require(try world.actions(rollout).first).id
        // Both spokes are to hold the package; nobody is to hold this one.
        let foreign = "ruff/9.9/linux-x86_64-glibc/ruff.tar"
        let claims = [
            ("client/\(agents[0].id)", "client/a0", "spoke/s2"),
            ("action/\(action)", "action/\(action)", "spoke/s2"),
            ("package/\(package.path)", "package/\(package.path)", "package/\(package.path)"),
            ("package/\(foreign)", "spoke/s1/package/\(foreign)", "spoke/s2/package/\(foreign)"),
            ("pool/main", "spoke/s1/pool/main", "spoke/s2/pool/main"),
            ("pool", "spoke/s1/pool", "spoke/s2/pool"),
            ("share/www", "spoke/s1/share/www", "spoke/s2/share/www"),
            ("catalog", "spoke/s1/catalog", "spoke/s2/catalog"),
            ("spoke/s1", "spoke/s1", "spoke/s2"), ("client/x", "spoke/s1", "spoke/s2"),
            ("action/", "spoke/s1", "spoke/s2"), ("rollout/first", "spoke/s1", "spoke/s2"),
            ("", "spoke/s1", "spoke/s2"),
        ]
        for (number, (claimed, own, foreign)) in claims.enumerated() {
            for (link, expected) in [(link, own), (other, foreign)] {
                #expect(try world.ask(link, event(number + 1, world, subject: claimed)) == .ok(OK()))
                #expect(try world.events(.replicaFailed).last?.event.subject == expected, "\(claimed)")
            }
        }
    }

    @Test func aSpokesWrongClockIsReported() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let peer = PeerIdentity(fleet: world.fleet, role: .spoke, id: spoke)
        for (number, offset) in [(1, 0), (2, 299), (3, 301), (4, -301)] as [(UInt64, Int64)] {
            let hello = Hello(time: at(offset), role: .spoke, program: "1.0")
            try world.send(.link(.opened(LinkID(9000 + number), peer, hello)))
        }
        #expect(try world.events(.clockWrong).count == 2)
    }
}
