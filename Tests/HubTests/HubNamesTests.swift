import Hub
import Model
import Protocol
import Rollout
import Testing
import Trust

/// Names of members and rollouts, and who caused a line of the log.
@Suite("Names mean one that is there") struct HubNamesTests {
    private func refusal(_ work: () throws -> Void) throws -> HubRefusal {
        try #require(#expect(throws: HubRefusal.self, performing: work))
    }

    // MARK: Rollouts

    @Test(arguments: StoreKind.allCases)
    func aSecondRolloutOfANameIsRefusedUntilTheFirstIsDeleted(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        let running = try world.running()
        let again = HubCommand.rollouts(.create(try sampleSpecification()))
        #expect(try refusal { try world.run(again) }.description.contains("already, and it is running"))
        #expect(
            try refusal { try world.run(.rollouts(.remove(running.rollout))) }.description.contains("stop it first"))
        try world.run(.rollouts(.stop(running.rollout)))
        var agent = running.agents[0]
        let action = try world.actions(running.rollout)[0]
        if !action.state.isFinal {
            _ = try world.report(&agent, running.link, action: action.id, state: .cancelled)
        }
        #expect(try world.state(running.rollout) == .stopped)
        #expect(try refusal { try world.run(again) }.description.contains("axle rollout delete first"))
        try world.run(.rollouts(.remove(running.rollout)))
        #expect(try world.store.rollout(running.rollout) == nil)
        #expect(try world.store.waves(of: running.rollout).isEmpty)
        #expect(try world.actions(running.rollout).isEmpty)
        // A report that comes late changes nothing and costs nothing.
        _ = try world.report(&agent, running.link, action: action.id, state: .succeeded)
        #expect(try world.store.action(action.id) == nil)
        guard case .rollout(let made) = try world.run(again) else { throw HubStoreError.missing("rollout") }
        #expect(try world.store.rollouts(named: "first").map(\.id) == [made.id])
        try world.run(.rollouts(.remove(made.id)))
        try world.store.verifyEventChain()
    }

    @Test func aMachineThatHasNotSaidHowItsInstallEndedKeepsItsRollout() throws {
        let world = try HubWorld()
        var running = try world.running()
        let action = try world.actions(running.rollout)[0]
        for state in [ActionState.downloading, .downloaded, .installing] {
            _ = try world.report(&running.agents[0], running.link, action: action.id, state: state)
        }
        try world.run(.rollouts(.stop(running.rollout)))
        #expect(throws: HubRefusal.self) { try world.run(.rollouts(.remove(running.rollout))) }
        #expect(try world.store.rollout(running.rollout) != nil)
    }

    @Test(
        arguments: [(["norht"], [], "north"), ([], ["s2"], "s1"), (["nothing-like-it"], [], nil)]
            as [([String], [String], String?)])
    func aNameThatNobodyHasIsRefusedWithTheNearest(_ names: [String], _ spokes: [String], _ nearest: String?) throws {
        let world = try HubWorld()
        let running = try world.running()
        try world.run(.members(.renameClient(running.agents[0].id, try name("north"))))
        var specification = try sampleSpecification(name: "second")
        specification.target = Selection(
            names: try names.map { try name($0) }, spokes: try spokes.map { try name($0) })
        let text = try refusal { try world.run(.rollouts(.create(specification))) }.description
        #expect(text.hasPrefix("there is no "))
        #expect(text.contains("did you mean") == (nearest != nil))
        if let nearest { #expect(text.hasSuffix("did you mean \(nearest)?")) }
    }

    @Test func aWindowThatIsNoTimeIsRefused() throws {
        let world = try HubWorld()
        _ = try world.running()
        var specification = try sampleSpecification(name: "second")
        specification.window = .daily(from: "22:00", to: "22:00", days: [], timeZone: "UTC")
        let text = try refusal { try world.run(.rollouts(.create(specification))) }.description
        #expect(text.contains("begins and ends at the same time"))
    }

    // MARK: Members

    @Test(arguments: StoreKind.allCases) func membersAreRenamedAndANameIsNeverTakenTwice(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        let running = try world.running(agents: 2)
        try world.run(.members(.renameClient(running.agents[0].id, try name("db-17"))))
        #expect(try world.store.client(named: name("db-17"))?.id == running.agents[0].id)
        #expect(try world.store.client(named: name("a0")) == nil)
        #expect(throws: HubRefusal.self) {
            try world.run(.members(.renameClient(running.agents[1].id, try name("db-17"))))
        }
        let other = try world.addSpoke("s2")
        #expect(throws: HubRefusal.self) { try world.run(.members(.renameSpoke(other, try name("s1")))) }
        try world.run(.members(.renameSpoke(other, try name("north"))))
        #expect(try world.store.spoke(named: name("north"))?.id == other)
    }

    @Test(arguments: StoreKind.allCases) func aNameOfARevokedMemberIsFreeAgain(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        let running = try world.running()
        let old = running.agents[0].id
        try world.run(.members(.revokeClient(old)))
        let new = try world.addAgent("a0", running.spoke, running.link)
        #expect(try world.store.client(named: name("a0"))?.id == new.id)
        #expect(try world.store.client(old)?.name == name("a0-revoked"))
        // A second time, and by a rename.
        try world.run(.members(.revokeClient(new.id)))
        let third = try world.addAgent("other", running.spoke, running.link)
        try world.run(.members(.renameClient(third.id, try name("a0"))))
        #expect(try world.store.client(named: name("a0"))?.id == third.id)
        #expect(try world.store.client(new.id)?.name == name("a0-revoked-2"))
        #expect(try world.store.client(old)?.revoked != nil)
    }

    @Test(arguments: StoreKind.allCases)
    func aMachineThatReplacesAnotherTakesItsNameAndLabelsAndRevokesIt(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        let running = try world.running()
        let old = running.agents[0].id
        try world.run(.members(.labelClient(old, ["ring": "canary"])))
        guard
            case .token(_, let text) = try world.run(
                .members(.createToken(role: .agent, spoke: nil, replaces: old, uses: 1, life: .seconds(3600))))
        else { throw HubStoreError.missing("token") }
        let token = try JoinToken(text)
        // A certificate request that cannot be used costs neither the token nor the old machine.
        _ = try world.join(token, .agent, "reinstalled", through: running.link, csr: [0])
        #expect(try world.store.client(old)?.revoked == nil)
        let new = try world.id(world.join(token, .agent, "reinstalled", through: running.link))
        let client = try #require(try world.store.client(named: name("a0")))
        #expect(client.id == new && client.labels == ["ring": "canary"])
        #expect(try world.store.client(old)?.revoked != nil)
        #expect(throws: HubRefusal.self) {
            try world.run(
                .members(.createToken(role: .agent, spoke: nil, replaces: old, uses: 2, life: .seconds(3600))))
        }
    }

    @Test func aMachineIsReplacedOnceHoweverManyTokensReplaceIt() throws {
        let world = try HubWorld()
        let running = try world.running()
        let old = running.agents[0].id
        var tokens: [JoinToken] = []
        for _ in 0..<2 {
            let command = MemberCommand.createToken(
                role: .agent, spoke: nil, replaces: old, uses: 1, life: .seconds(3600))
            guard case .token(_, let text) = try world.run(.members(command)) else {
                throw HubStoreError.missing("token")
            }
            tokens.append(try JoinToken(text))
        }
        let new = try world.id(world.join(tokens[0], .agent, "first", through: running.link))
        guard case .error(let refusal)? = try world.join(tokens[1], .agent, "second", through: running.link) else {
            throw HubStoreError.missing("refusal")
        }
        #expect(refusal.text.contains("not known here"))
        #expect(try world.store.client(named: name("a0"))?.id == new)
        #expect(try world.store.tokens().allSatisfy { $0.usesLeft == 0 || $0.replaces == nil })
    }

    @Test(arguments: StoreKind.allCases) func aRevokedMemberIsRemovedAndStaysRevoked(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        let running = try world.running()
        let client = running.agents[0].id
        #expect(throws: HubRefusal.self) { try world.run(.members(.removeClient(client))) }
        try world.run(.members(.revokeClient(client)))
        try world.run(.members(.revokeSpoke(running.spoke)))
        // A spoke goes after its clients.
        #expect(try refusal { try world.run(.members(.removeSpoke(running.spoke))) }.description.contains("a0"))
        try world.run(.members(.removeClient(client)))
        try world.run(.members(.removeSpoke(running.spoke)))
        #expect(try world.store.clients().isEmpty && world.store.spokes().isEmpty)
        #expect(try world.store.replicas(at: running.spoke).isEmpty)
        #expect(try Set(world.store.revocations().map(\.node)) == [client, running.spoke])
        // What is gone is not let in.
        let link = try world.connect(running.spoke)
        #expect(world.effects.contains { if case .link(.close(link, .refused, _)) = $0 { true } else { false } })
        // Its actions stay with the rollout.
        #expect(try world.actions(running.rollout).count == 1)
    }

    // MARK: Who did it

    @Test(arguments: StoreKind.allCases) func eachLineOfTheLogNamesWhoCausedIt(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        let running = try world.running()
        let lines = try world.store.events(after: 0, search: nil, limit: .max).map(\.event)
        #expect(lines.allSatisfy { $0.actor != nil })
        func actors(_ code: EventCode) -> Set<String?> { Set(lines.filter { $0.code == code }.map(\.actor)) }
        #expect(actors(.tokenCreated) == ["admin"])
        #expect(actors(.rolloutCreated) == ["admin"])
        #expect(actors(.spokeConnected) == ["spoke/s1"])
        #expect(actors(.agentJoined) == ["joiners at spoke/s1"])
        #expect(actors(.packageImported) == ["hub"])
        #expect(try !world.store.events(after: 0, search: "SPOKE/s1", limit: 10).isEmpty)
        _ = running
        try world.store.verifyEventChain()
    }
}
