import Model
import Protocol
import Spoke
import Testing

@Suite struct SpokeCoreTests {
    // MARK: Reports

    @Test func aReportIsStoredBeforeItIsAcknowledgedAndSurvivesARestart() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        try bench.store.transaction { bench.store.addAgent(SpokeBench.agent) }
        try bench.openAgent()
        #expect(try bench.ask(SpokeBench.agentLink, .report(SpokeBench.report(1))) == .ok(OK()))
        #expect(bench.store.reports(limit: 9).map(\.counter) == [1])
        try bench.restart()
        try bench.openHub()
        #expect(bench.requests(on: SpokeBench.hub).contains { $0.message == .report(SpokeBench.report(1)) })
    }

    @Test func aReportLeavesTheSpokeOnlyWhenTheHubHasAcknowledgedIt() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        try bench.ask(SpokeBench.agentLink, .report(SpokeBench.report(1)))
        let sent = try #require(bench.requests(on: SpokeBench.hub).first)
        try bench.tell(.link(.closed(SpokeBench.hub, LinkClosure(code: .timedOut, text: ""))))
        #expect(bench.store.reports(limit: 9).count == 1)
        try bench.openHub()
        let again = try #require(bench.requests(on: SpokeBench.hub).first { $0.message == sent.message })
        try bench.tell(.link(.reply(SpokeBench.hub, again.id, .ok(OK()))))
        #expect(bench.store.reports(limit: 9).isEmpty)
    }

    @Test func aBusyHubIsGivenTimeAndTheReportIsSentAgain() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        try bench.ask(SpokeBench.agentLink, .report(SpokeBench.report(1)))
        let sent = try #require(bench.requests(on: SpokeBench.hub).first)
        let busy = ErrorReply(code: .busy, text: "later", retryAfterSeconds: 30)
        try bench.tell(.link(.reply(SpokeBench.hub, sent.id, .error(busy))))
        #expect(bench.requests(on: SpokeBench.hub).isEmpty)
        #expect(bench.wakeTime() == bench.now + .seconds(30))
        bench.now = bench.now + .seconds(30)
        try bench.tell(.woke)
        #expect(bench.requests(on: SpokeBench.hub).map(\.message) == [sent.message])
    }

    @Test func anAgentThatIsBusyForNoTimeIsNotAskedAsFastAsItAnswers() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        try bench.ask(SpokeBench.hub, .order(SpokeBench.order()))
        let sent = try #require(bench.requests(on: SpokeBench.agentLink).first)
        let busy = ErrorReply(code: .busy, text: "later", retryAfterSeconds: 0)
        try bench.tell(.link(.reply(SpokeBench.agentLink, sent.id, .error(busy))))
        #expect(bench.requests(on: SpokeBench.agentLink).isEmpty)
        bench.now = bench.now + .seconds(1)
        try bench.tell(.woke)
        #expect(bench.requests(on: SpokeBench.agentLink).map(\.message) == [sent.message])
    }

    @Test func aHubThatWantsNoMoreEventsNowStillGetsReports() throws {
        var bench = try SpokeBench()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        _ = try bench.ask(SpokeBench.agentLink, .report(SpokeBench.report(1, agent: SpokeBench.stranger)))
        try bench.openHub()
        func events(_ bench: SpokeBench) -> [RequestID] {
            bench.requests(on: SpokeBench.hub).compactMap { if case .event = $0.message { $0.id } else { nil } }
        }
        let event = try #require(events(bench).first)
        let busy = ErrorReply(code: .busy, text: "too many events", retryAfterSeconds: 30)
        try bench.tell(.link(.reply(SpokeBench.hub, event, .error(busy))))
        #expect(events(bench).isEmpty && bench.wakeTime() == bench.now + .seconds(30))
        try bench.ask(SpokeBench.agentLink, .report(SpokeBench.report(1)))
        #expect(bench.requests(on: SpokeBench.hub).contains { $0.message == .report(SpokeBench.report(1)) })
        #expect(events(bench).isEmpty)
        bench.now = bench.now + .seconds(30)
        try bench.tell(.woke)
        #expect(!events(bench).isEmpty)
    }

    @Test func aReportInAnotherAgentsNameIsRefusedAndNamedInTheLog() throws {
        var bench = try SpokeBench()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        let forged = SpokeBench.report(1, agent: SpokeBench.stranger)
        guard case .error(let error) = try bench.ask(SpokeBench.agentLink, .report(forged)) else {
            Issue.record("the forged report was not refused")
            return
        }
        #expect(error.code == .refused)
        #expect(bench.store.reports(limit: 9).isEmpty)
        #expect(bench.store.events(limit: 9).map(\.event.code) == [.attackSeen])
    }

    // MARK: Orders

    @Test func anOrderIsStoredBeforeItIsAcknowledgedAndReachesTheAgentWhenItComes() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        #expect(try bench.ask(SpokeBench.hub, .order(SpokeBench.order())) == .ok(OK()))
        try bench.restart()
        try bench.openAgent()
        let sent = try #require(bench.requests(on: SpokeBench.agentLink).first)
        #expect(sent.message == .order(SpokeBench.order()))
        try bench.tell(.link(.reply(SpokeBench.agentLink, sent.id, .ok(OK()))))
        #expect(bench.store.orders(for: SpokeBench.agent).isEmpty)
    }

    @Test func anOrderStaysUntilTheAgentHasAcknowledgedIt() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        try bench.ask(SpokeBench.hub, .order(SpokeBench.order()))
        try bench.openAgent()
        #expect(bench.requests(on: SpokeBench.agentLink).count == 1)
        try bench.tell(.link(.closed(SpokeBench.agentLink, LinkClosure(code: .timedOut, text: ""))))
        try bench.openAgent(link: LinkID(3))
        #expect(bench.requests(on: LinkID(3)).map(\.message) == [.order(SpokeBench.order())])
    }

    /// Found by the simulated fleet: an agent that came back before its dead session was noticed got the order only when it came back again.
    @Test func anOrderThatWasUnderWayIsGivenOverTheSessionThatTakesTheOldOnesPlace() throws {
        var bench = try SpokeBench()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openHub()
        try bench.openAgent()
        try bench.ask(SpokeBench.hub, .order(SpokeBench.order()))
        #expect(bench.requests(on: SpokeBench.agentLink).count == 1)
        try bench.openAgent(link: LinkID(3))
        #expect(bench.requests(on: LinkID(3)).map(\.message) == [.order(SpokeBench.order())])
        // What the old one has still to say, or its end, changes nothing.
        try bench.tell(.link(.closed(SpokeBench.agentLink, LinkClosure(code: .replaced, text: ""))))
        #expect(bench.store.orders(for: SpokeBench.agent).count == 1)
    }

    @Test func whatWasUnderWayToTheHubIsToldOverTheSessionThatTakesTheOldOnesPlace() throws {
        var bench = try SpokeBench()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openHub()
        try bench.openAgent()
        try bench.ask(SpokeBench.agentLink, .report(SpokeBench.report(1)))
        let first = bench.requests(on: SpokeBench.hub).map(\.message)
        #expect(first.count == 1)
        try bench.openHub(link: LinkID(5))
        #expect(bench.closings() == [SpokeBench.hub])
        #expect(bench.requests(on: LinkID(5)).map(\.message).contains(first[0]))
    }

    @Test func anExpiredOrderIsRefusedAndAnExpiringOneIsNotSent() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        guard
            case .error(let error) = try bench.ask(
                SpokeBench.hub, .order(SpokeBench.order(expires: bench.now - .seconds(1))))
        else {
            Issue.record("the expired order was not refused")
            return
        }
        #expect(error.code == .expired)
        try bench.ask(SpokeBench.hub, .order(SpokeBench.order(expires: bench.now + .seconds(10))))
        bench.now = bench.now + .seconds(11)
        try bench.openAgent()
        #expect(bench.requests(on: SpokeBench.agentLink).isEmpty)
    }

    // MARK: Scope

    @Test func anUnknownAgentIsServedOnlyAfterTheHubHasNamedIt() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        try bench.openAgent()
        let presence = try #require(bench.requests(on: SpokeBench.hub).first)
        guard case .error(let error) = try bench.ask(SpokeBench.agentLink, .report(SpokeBench.report(1))) else {
            Issue.record("an agent that nobody confirmed was served")
            return
        }
        #expect(error.code == .busy)
        try bench.tell(.link(.reply(SpokeBench.hub, presence.id, .ok(OK()))))
        #expect(try bench.ask(SpokeBench.agentLink, .report(SpokeBench.report(1))) == .ok(OK()))
    }

    @Test func anAgentThatTheHubDisownsIsDropped() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        try bench.openAgent()
        let presence = try #require(bench.requests(on: SpokeBench.hub).first)
        let error = ErrorReply(code: .refused, text: "not of this spoke")
        try bench.tell(.link(.reply(SpokeBench.hub, presence.id, .error(error))))
        #expect(bench.closings() == [SpokeBench.agentLink])
        #expect(bench.store.knownAgents().isEmpty)
    }

    @Test func anUnknownAgentIsSentAwayWhileTheHubCannotBeAsked() throws {
        var bench = try SpokeBench()
        try bench.openAgent()
        #expect(bench.closings() == [SpokeBench.agentLink])
    }

    @Test func aSpokeDoesNotServeASpoke() throws {
        var bench = try SpokeBench()
        let peer = try SpokeBench.peer(.spoke, SpokeBench.stranger)
        try bench.tell(.link(.opened(LinkID(8), peer, SpokeBench.hello(.spoke))))
        #expect(bench.closings() == [LinkID(8)])
    }

    @Test func aNewerSessionOfAnAgentTakesTheOldOnesPlace() throws {
        var bench = try SpokeBench()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        try bench.openAgent(link: LinkID(3))
        #expect(bench.closings() == [SpokeBench.agentLink])
        try bench.tell(.link(.closed(SpokeBench.agentLink, LinkClosure(code: .replaced, text: ""))))
        #expect(try bench.ask(LinkID(3), .report(SpokeBench.report(1))) == .ok(OK()))
    }

    @Test func anAgentWhoseNewerSessionIsRefusedIsNotToldAsPresent() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        try bench.openAgent(SpokeBench.stranger)
        try bench.tell(.link(.closed(SpokeBench.hub, LinkClosure(code: .timedOut, text: ""))))
        // Nobody can say whose the agent is: the old session makes way, and the new one is refused.
        try bench.openAgent(SpokeBench.stranger, link: LinkID(3))
        #expect(bench.closings() == [SpokeBench.agentLink, LinkID(3)])
        for link in [SpokeBench.agentLink, LinkID(3)] {
            try bench.tell(.link(.closed(link, LinkClosure(code: .replaced, text: ""))))
        }
        try bench.openHub()
        let presences = bench.requests(on: SpokeBench.hub).filter {
            if case .presence = $0.message { true } else { false }
        }
        #expect(presences.isEmpty)
    }

    @Test func revokedAgentsAreDroppedAndForgotten() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        try bench.ask(SpokeBench.hub, .revocations(Revocations(signed: [1])))
        #expect(bench.effects.contains(.checkRevocations(SpokeBench.hub, RequestID(90), signed: [1])))
        try bench.tell(
            .revocationsChecked(
                SpokeBench.hub, RequestID(90), signed: [1], .accepted(revoked: [SpokeBench.agent])))
        #expect(bench.closings() == [SpokeBench.agentLink])
        #expect(bench.store.knownAgents().isEmpty)
        #expect(bench.store.setting(.revocations) == [1])
    }

    @Test func aForgedRevocationListChangesNothing() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        try bench.tell(.revocationsChecked(SpokeBench.hub, RequestID(90), signed: [1], .refused("bad signature")))
        #expect(bench.store.setting(.revocations) == nil)
        #expect(bench.store.events(limit: 9).map(\.event.code) == [.attackSeen])
    }

    // MARK: Joining

    @Test func aJoinIsRelayedAndTheAnswerComesBackUnread() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        let begin = Message.joinBegin(JoinBegin(token: TokenID(high: 1, low: 1)))
        try bench.tell(.joinAsked(JoinID(4), begin))
        let sent = try #require(bench.requests(on: SpokeBench.hub).first)
        #expect(sent.message == begin)
        let challenge = Message.joinChallenge(JoinChallenge(nonce: Array(repeating: 1, count: 32)))
        try bench.tell(.link(.reply(SpokeBench.hub, sent.id, challenge)))
        #expect(bench.effects.contains(.answerJoin(JoinID(4), challenge)))
    }

    @Test func aJoiningPeerMayAskForNothingElse() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        try bench.tell(.joinAsked(JoinID(4), .report(SpokeBench.report(1))))
        #expect(bench.requests(on: SpokeBench.hub).isEmpty)
        guard case .answerJoin(JoinID(4), .error(let error)) = bench.effects.first else {
            Issue.record("no refusal")
            return
        }
        #expect(error.code == .refused)
    }

    @Test func aJoinWithoutAHubIsAskedToComeBack() throws {
        var bench = try SpokeBench()
        try bench.tell(.joinAsked(JoinID(4), .joinBegin(JoinBegin(token: TokenID(high: 1, low: 1)))))
        guard case .answerJoin(JoinID(4), .error(let error)) = bench.effects.first else {
            Issue.record("no answer")
            return
        }
        #expect(error.code == .busy)
        #expect(error.retryAfterSeconds != nil)
    }
}
