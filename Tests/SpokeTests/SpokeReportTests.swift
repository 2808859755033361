import Model
import Protocol
@testable import Spoke
import Storage
import Testing
import Trust

/// What a spoke takes from its agents, and what it keeps of it.
@Suite("Reports at a spoke")
struct SpokeReportTests {
    private static let key = FakeKey("the agent's key")
    private static let otherLink = LinkID(3)
    private static let other = SpokeBench.stranger

    /// A spoke with its hub and two agents, both confirmed with their keys.
    private func bench() throws -> SpokeBench {
        var bench = try SpokeBench()
        try bench.openHub()
        for (agent, link) in [(SpokeBench.agent, SpokeBench.agentLink), (Self.other, Self.otherLink)] {
            try bench.openAgent(agent, link: link)
            let asked = try #require(
                bench.requests(on: SpokeBench.hub).first { if case .presence = $0.message { true } else { false } })
            try bench.tell(.link(.reply(SpokeBench.hub, asked.id, .ok(OK(reportKey: Self.key.publicKey)))))
        }
        return bench
    }

    private func report(
        _ counter: UInt64, agent: NodeID = SpokeBench.agent, incarnation: UInt64 = 1, detail: String = "",
        key: FakeKey = Self.key, alter: (inout ReportMessage) -> Void = { _ in }
    ) throws -> Message {
        let report = Report(
            agent: agent, incarnation: incarnation, counter: counter, time: .zero, fleet: try FleetName("demo"),
            notes: Array(repeating: Note(.storeNewer, detail), count: detail.isEmpty ? 0 : RecordLimits.reasons))
        var message = ReportMessage(
            agent: agent, incarnation: incarnation, counter: counter, signed: try report.signed(by: key))
        alter(&message)
        return .report(message)
    }

    private func refusal(_ counter: UInt64, agent: NodeID = SpokeBench.agent) throws -> Message {
        let report = Report(
            agent: agent, incarnation: 1, counter: counter, time: .zero, fleet: try FleetName("demo"),
            attack: AttackSeen(.hashMismatch, "other bytes"))
        return .report(
            ReportMessage(agent: agent, incarnation: 1, counter: counter, signed: try report.signed(by: Self.key)))
    }

    /// A spoke with two agents and a package that it holds, which the first has fetched.
    private func serving() throws -> (SpokeBench, Replicate, Message) {
        var bench = try bench()
        let wanted = try SpokeBench.replicate(1)
        bench.store.save(
            WantedReplica(
                path: wanted.path, sha256: wanted.sha256, length: wanted.length, priority: 4, state: .verified))
        try bench.restart(held: [wanted.sha256])
        try bench.openHub()
        try bench.openAgent()
        try bench.openAgent(Self.other, link: Self.otherLink)
        let fetch = Message.fetchPackage(
            FetchPackage(path: wanted.path, sha256: wanted.sha256, length: wanted.length, offset: 0))
        _ = try bench.ask(SpokeBench.agentLink, fetch)
        return (bench, wanted, fetch)
    }

    @Test("an object that an agent refuses is read again, and damage is said before anybody is accused")
    func refusedBytes() throws {
        var (bench, wanted, fetch) = try serving()
        #expect(try bench.ask(SpokeBench.agentLink, refusal(1)) == .ok(OK()))
        #expect(bench.effects.contains(.verify(wanted.sha256)))
        // The agent that doubts waits, and nobody else does.
        #expect(code(try bench.ask(SpokeBench.agentLink, fetch)) == .busy)
        #expect(code(try bench.ask(Self.otherLink, fetch)) == nil)
        try bench.tell(.pool(.damaged([wanted.sha256])))
        try bench.tell(.verified(wanted.sha256, isWhole: false))
        #expect(bench.store.replica(wanted.sha256)?.state == .corrupt)
        #expect(bench.store.events(limit: 9).map(\.event.code) == [.replicaCorrupt])
    }

    @Test("a refusal of bytes that are whole is an attack, or damage on the way")
    func refusedWithoutDamage() throws {
        var (bench, wanted, fetch) = try serving()
        _ = try bench.ask(SpokeBench.agentLink, refusal(1))
        try bench.tell(.verified(wanted.sha256, isWhole: true))
        #expect(bench.store.events(limit: 9).map(\.event.code) == [.attackSeen])
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
        #expect(code(try bench.ask(SpokeBench.agentLink, fetch)) == nil)
    }

    @Test("an agent that lies has an object read once in an hour")
    func refusalsAreBounded() throws {
        var (bench, wanted, fetch) = try serving()
        var checks = 0
        for counter in 1...20 as ClosedRange<UInt64> {
            _ = try bench.ask(SpokeBench.agentLink, refusal(counter))
            if bench.effects.contains(.verify(wanted.sha256)) {
                checks += 1
                try bench.tell(.verified(wanted.sha256, isWhole: true))
            }
            _ = try bench.ask(SpokeBench.agentLink, fetch)
        }
        #expect(checks == 1)
        bench.now = bench.now + SpokeLimits.doubtPause
        _ = try bench.ask(SpokeBench.agentLink, refusal(21))
        #expect(bench.effects.contains(.verify(wanted.sha256)))
        // What it was never served with is not read for it.
        _ = try bench.ask(Self.otherLink, refusal(1, agent: Self.other))
        #expect(!bench.effects.contains(.verify(wanted.sha256)))
    }

    private func code(_ message: Message?) -> RequestErrorCode? {
        if case .error(let error) = message { error.code } else { nil }
    }

    @Test("what the agent has not signed is refused, named and not kept")
    func forged() throws {
        var bench = try bench()
        let forged = [
            try report(1, key: FakeKey("another")), try report(1) { $0.signed = [1, 2, 3] },
            try report(1) { $0.counter = 2 }, try report(1) { $0.incarnation = 9 },
            try report(1) { $0.signed[$0.signed.count / 2] ^= 1 },
        ]
        for message in forged { #expect(code(try bench.ask(SpokeBench.agentLink, message)) == .refused) }
        #expect(bench.store.reports(limit: 9).isEmpty)
        #expect(bench.store.events(limit: 99).map(\.event.code) == Array(repeating: .attackSeen, count: forged.count))
        #expect(try bench.ask(SpokeBench.agentLink, report(1)) == .ok(OK()))
        #expect(bench.store.reports(limit: 9).count == 1)
    }

    @Test("a key that the hub has said outlives a restart; without one a report is carried as before")
    func keys() throws {
        var bench = try bench()
        try bench.restart()
        try bench.openAgent()
        #expect(code(try bench.ask(SpokeBench.agentLink, report(1, key: FakeKey("another")))) == .refused)
        bench.store.addAgent(SpokeBench.agent, reportKey: nil)
        #expect(bench.store.agent(SpokeBench.agent)?.reportKey == Self.key.publicKey)
        var old = try SpokeBench()
        old.store.addAgent(SpokeBench.agent)
        try old.openAgent()
        #expect(try old.ask(SpokeBench.agentLink, .report(SpokeBench.report(1))) == .ok(OK()))
    }

    @Test("one agent cannot fill the site's disk; its own queue keeps what is not taken, and the others go on")
    func disk() throws {
        var bench = try bench()
        // The hub is away.
        try bench.tell(.link(.closed(SpokeBench.hub, LinkClosure(code: .leaving, text: ""))))
        let text = String(repeating: "x", count: RecordLimits.text)
        var (taken, refused) = (0, 0)
        for counter in 1...UInt64(2_000) {
            bench.now = bench.now + .seconds(1)
            switch code(try bench.ask(SpokeBench.agentLink, report(counter, detail: text))) {
            case nil: taken += 1
            case .busy: refused += 1
            default: Issue.record("neither taken nor put off")
            }
        }
        #expect(taken > 10 && refused > 0)
        let bytes = try #require(bench.store.reportTallies()[SpokeBench.agent]?.bytes)
        #expect(bytes <= SpokeLimits.reportsOfAgent && bytes > SpokeLimits.reportsOfAgent / 2)
        #expect(try bench.ask(Self.otherLink, report(1, agent: Self.other)) == .ok(OK()))
        // A restart forgets nothing of it, and what the hub takes makes room.
        try bench.restart()
        try bench.openAgent()
        #expect(code(try bench.ask(SpokeBench.agentLink, report(5_000, detail: text))) == .busy)
        try bench.openHub()
        let sent = bench.requests(on: SpokeBench.hub).filter { if case .report = $0.message { true } else { false } }
        for request in sent { try bench.tell(.link(.reply(SpokeBench.hub, request.id, .ok(OK())))) }
        #expect(try bench.ask(SpokeBench.agentLink, report(5_000, detail: text)) == .ok(OK()))
    }

    @Test("one agent cannot take the hub's time: past its rate it is put off, and the others go on")
    func rate() throws {
        var bench = try bench()
        var taken = 0
        for counter in 1...UInt64(2_000) where code(try bench.ask(SpokeBench.agentLink, report(counter))) == nil {
            taken += 1
        }
        #expect(taken == SpokeLimits.reports.burst)
        #expect(try bench.ask(Self.otherLink, report(1, agent: Self.other)) == .ok(OK()))
        bench.now = bench.now + .seconds(1)
        #expect(try bench.ask(SpokeBench.agentLink, report(3_000)) == .ok(OK()))
    }

    @Test("the shares of many agents together end at the space for all, and each still has its own")
    func space() {
        var intake = ReportIntake()
        var now = UnixTime.zero
        let piece = 48 << 10
        var total = 0
        for number in 0..<200 as Range<UInt64> {
            let agent = NodeID(high: 1, low: number)
            for _ in 0..<100 {
                now = now + .seconds(1)
                guard intake.refusal(of: agent, bytes: piece, at: now) == nil else { break }
                intake.stored(agent, bytes: piece)
                total += piece
            }
        }
        #expect(total <= SpokeLimits.reportSpace + 200 * SpokeLimits.reportShare)
        #expect(total > SpokeLimits.reportSpace / 2)
        let newcomer = intake.refusal(of: NodeID(high: 2, low: 0), bytes: piece, at: now)
        let first = intake.refusal(of: NodeID(high: 1, low: 0), bytes: piece, at: now)
        #expect(newcomer == nil && first != nil)
    }

    @Test("events that an agent causes stay within its budget, those that wait for the hub within the spoke's")
    func events() throws {
        var bench = try bench()
        try bench.tell(.link(.closed(SpokeBench.hub, LinkClosure(code: .leaving, text: ""))))
        for counter in 1...UInt64(3_000) {
            bench.now = bench.now + .milliseconds(10)
            _ = try bench.ask(SpokeBench.agentLink, report(counter, key: FakeKey("another")))
        }
        let most = SpokeLimits.agentEvents.burst + 3_000 / 100 / 10 + 2
        #expect(bench.store.eventCount() <= most)
        #expect(bench.store.events(limit: .max).contains { $0.event.code == .linesLeftOut })
        #expect(bench.store.events(limit: .max).allSatisfy { SpokeEventCode(rawValue: $0.event.code.rawValue) != nil })
    }

    @Test("an agent renews its own certificate only, one renewal at a time, and its refused reports are its own doing")
    func renewals() throws {
        var bench = try bench()
        let own = Message.renew(Renew(node: SpokeBench.agent, signed: [1]))
        #expect(code(try bench.ask(SpokeBench.agentLink, .renew(Renew(node: Self.other, signed: [1])))) == .refused)
        #expect(try bench.ask(SpokeBench.agentLink, own) == nil)
        let asked = try #require(
            bench.requests(on: SpokeBench.hub).first { if case .renew = $0.message { true } else { false } })
        #expect(code(try bench.ask(SpokeBench.agentLink, own, number: 91)) == .busy)
        try bench.tell(.link(.reply(SpokeBench.hub, asked.id, .ok(OK()))))
        #expect(try bench.ask(SpokeBench.agentLink, own, number: 92) == nil)
        for counter in 1...UInt64(300) {
            _ = try bench.ask(SpokeBench.agentLink, report(counter))
            for request in bench.requests(on: SpokeBench.hub) {
                guard case .report = request.message else { continue }
                let refusal = ErrorReply(code: .refused, text: "of another fleet")
                try bench.tell(.link(.reply(SpokeBench.hub, request.id, .error(refusal))))
            }
        }
        #expect(bench.store.eventCount() <= SpokeLimits.agentEvents.burst + 1)
    }

    @Test("an agent that opens session after session is put off")
    func sessions() throws {
        var bench = try bench()
        var closed = 0
        for number in 0..<200 as Range<UInt64> {
            try bench.openAgent(link: LinkID(100 + number))
            if bench.closings().contains(LinkID(100 + number)) { closed += 1 }
        }
        #expect(closed >= 200 - SpokeLimits.sessions.burst)
        #expect(try bench.ask(Self.otherLink, report(1, agent: Self.other)) == .ok(OK()))
    }

    @Test("the start of a session that fails counts against the agent that opened it")
    func faultedOpening() throws {
        var bench = try bench()
        let peer = try SpokeBench.peer(.agent, SpokeBench.agent)
        for number in 0..<200 as Range<UInt64> {
            let opened = LinkEvent.opened(LinkID(900 + number), peer, SpokeBench.hello(.agent))
            try bench.tell(.faulted(PeerFault(opened, "it broke")))
            #expect(bench.closings() == [LinkID(900 + number)])
        }
        let events = bench.store.events(limit: .max).map(\.event)
        #expect(events.count <= SpokeLimits.agentEvents.burst + 1)
        #expect(events.allSatisfy { $0.subject == "client/\(SpokeBench.agent)" })
        #expect(try bench.ask(Self.otherLink, report(1, agent: Self.other)) == .ok(OK()))
    }

    @Test("an agent that is revoked is not heard from then on, whatever it asked before its session ended")
    func revokedAgentIsNotHeard() throws {
        var bench = try bench()
        try bench.tell(.agentsRevoked([SpokeBench.agent]))
        #expect(bench.closings() == [SpokeBench.agentLink])
        #expect(try bench.ask(SpokeBench.agentLink, report(1)) == nil)
        #expect(bench.store.reports(limit: 9).isEmpty)
        try bench.tell(.link(.closed(SpokeBench.agentLink, LinkClosure(code: .refused, text: ""))))
        #expect(try bench.ask(Self.otherLink, report(1, agent: Self.other)) == .ok(OK()))
    }

    @Test("a refusal says what to do next")
    func refusalsSayWhatToDo() throws {
        var bench = try bench()
        var texts: Set<String> = []
        for counter in 1...500 as ClosedRange<UInt64> {
            if case .error(let error) = try bench.ask(SpokeBench.agentLink, report(counter)) {
                texts.insert(error.text)
            }
        }
        #expect(!texts.isEmpty && texts.allSatisfy { $0.contains("tries again") })
    }

    @Test("an event that cannot be handled costs its sender alone")
    func faulted() throws {
        var bench = try bench()
        try bench.tell(
            .faulted(PeerFault(.request(SpokeBench.agentLink, RequestID(7)), event: "report", reason: "it broke")))
        let answers = bench.effects.compactMap { effect -> ErrorReply? in
            if case .link(.reply(SpokeBench.agentLink, RequestID(7), .error(let error))) = effect { error } else { nil }
        }
        #expect(answers.map(\.code.isRetryable) == [false])
        #expect(bench.store.events(limit: 9).map(\.event.code) == [.eventFailed])
        try bench.tell(.faulted(PeerFault(.link(SpokeBench.agentLink), event: "the answer ok", reason: "it broke")))
        #expect(bench.closings() == [SpokeBench.agentLink])
        #expect(try bench.ask(Self.otherLink, report(1, agent: Self.other)) == .ok(OK()))
        try bench.openAgent(link: LinkID(50))
        #expect(try bench.ask(LinkID(50), report(1)) == .ok(OK()))
    }
}
