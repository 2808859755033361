import Hub
import Model
import Protocol
import Rollout
import Testing

/// Two machines with one identity: named in status, and neither is called succeeded.
@Suite struct HubCloneTests {
    private func told(_ client: NodeID, _ sequence: UInt64 = 1, at time: UnixTime) -> Message {
        .event(
            EventMessage(
                sequence: sequence, time: time, severity: .error, code: .machineCloned, subject: "client/\(client)",
                text: "two machines speak as this client, from 10.0.0.5:1 and from 10.0.0.6:2"))
    }

    @Test(arguments: StoreKind.allCases) func aCopyThatASpokeSawIsNamedWithBothAddresses(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        var (link, _, agents, _, rollout) = try world.running(agents: 2)
        let actions = try world.actions(rollout)
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .succeeded) == .ok(OK()))
        #expect(try world.ask(link, told(agents[0].id, at: world.now)) == .ok(OK()))
        // Its success is none until the identity is one machine's again.
        #expect(try world.store.action(actions[0].id)?.state == .uncertain)
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .succeeded) == .ok(OK()))
        #expect(try world.store.action(actions[0].id)?.state == .uncertain)
        #expect(try world.store.action(actions[0].id)?.notes.map(\.code) == [.machineCloned])
        let queries = HubQueries(store: world.store, zones: ZoneFolder.find)
        let warning = try #require(try queries.summary(at: world.now).warnings.first)
        #expect(warning.code == .machineCloned)
        for word in ["a0", "10.0.0.5:1", "10.0.0.6:2"] { #expect(warning.text.contains(word)) }
        #expect(
            try queries.explain(agents[0].id, product: nil, release: nil, at: world.now)[0].eligibility.notes
                .contains { $0.code == .machineCloned })
        // The other machine is not touched by it.
        #expect(try world.report(&agents[1], link, action: actions[1].id, state: .succeeded) == .ok(OK()))
        #expect(try world.store.action(actions[1].id)?.state == .succeeded)
        #expect(try world.store.rollout(rollout)?.text == "succeeded 1, uncertain 1")
        // A day after it was seen last it counts as solved.
        world.now = world.now + HubLimits.cloneAlarm
        #expect(try !queries.summary(at: world.now).warnings.contains { $0.code == .machineCloned })
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .succeeded) == .ok(OK()))
        #expect(try world.store.action(actions[0].id)?.state == .succeeded)
    }

    @Test func aSpokeNamesCopiesOfItsOwnMachinesOnly() throws {
        let world = try HubWorld()
        let (_, _, agents, _, _) = try world.running()
        let other = try world.connect(try world.addSpoke("s2"))
        #expect(try world.ask(other, told(agents[0].id, at: world.now)) == .ok(OK()))
        #expect(try world.store.alarms(.machineCloned, seenAfter: .distantPast).isEmpty)
    }

    @Test func aForkOfTheReportsIsInTheStatus() throws {
        let world = try HubWorld()
        var (link, _, agents, _, _) = try world.running()
        var copy = agents[0]
        #expect(try world.report(&agents[0], link, facts: sampleFacts()) == .ok(OK()))
        var other = try sampleFacts()
        other.hostname = "copy"
        #expect(try world.report(&copy, link, facts: other) == .ok(OK()))
        let queries = HubQueries(store: world.store, zones: ZoneFolder.find)
        let forked = try queries.summary(at: world.now).warnings.first { $0.code == .agentRestored }
        #expect(forked?.text.contains("two machines share its identity") == true)
        // The one that begins anew and the one that goes on as before are two.
        #expect(try world.report(&copy, link, incarnation: 2, facts: other) == .ok(OK()))
        #expect(try world.report(&agents[0], link, facts: sampleFacts()) == .ok(OK()))
        #expect(try queries.summary(at: world.now).warnings.first?.code == .machineCloned)
        // A revoked client needs nobody any more.
        try world.run(.members(.revokeClient(agents[0].id)))
        #expect(try !queries.summary(at: world.now).warnings.contains { $0.code == .machineCloned })
    }
}
