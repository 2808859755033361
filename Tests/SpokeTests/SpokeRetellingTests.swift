import Model
import Protocol
import Spoke
import Storage
import Testing

/// A state that a peer could not take is told again, once for each subject, with growing waits.
@Suite("States that a peer could not take")
struct SpokeRetellingTests {
    private typealias Bench = SpokeBench

    private func bench() throws -> SpokeBench {
        var bench = try Bench()
        bench.store.addAgent(Bench.agent)
        try bench.openHub()
        return bench
    }

    private func fail(_ bench: inout SpokeBench, _ id: RequestID, _ how: Failure, on link: LinkID) throws {
        switch how {
        case .busy(let seconds):
            let error = ErrorReply(code: .busy, text: "later", retryAfterSeconds: seconds)
            try bench.tell(.link(.reply(link, id, .error(error))))
        case .full: try bench.tell(.link(.failed(link, id, .full)))
        case .timedOut: try bench.tell(.link(.failed(link, id, .timedOut)))
        }
    }

    enum Failure: CaseIterable {
        case busy(UInt64?), full, timedOut
        static let allCases: [Failure] = [.busy(nil), .busy(30), .full, .timedOut]

        var wait: Duration {
            if case .busy(let seconds?) = self { .seconds(Int64(seconds)) } else { SpokeLimits.deliveryRetry }
        }
    }

    /// The first of the last event's requests that is of a kind.
    private func told(
        _ bench: SpokeBench, on link: LinkID = Bench.hub, _ kind: (Message) -> Bool
    ) -> [(id: RequestID, message: Message)] {
        bench.requests(on: link).filter { kind($0.message) }
    }

    private static func isPresence(_ message: Message) -> Bool { if case .presence = message { true } else { false } }
    private static func isReplica(_ message: Message) -> Bool { if case .replica = message { true } else { false } }

    @Test("an unknown agent whose presence the hub could not take is not forgotten", arguments: Failure.allCases)
    func presence(how: Failure) throws {
        var bench = try bench()
        try bench.openAgent(Bench.stranger)
        let first = try #require(told(bench, Self.isPresence).first)
        try fail(&bench, first.id, how, on: Bench.hub)
        #expect(told(bench, Self.isPresence).isEmpty)
        bench.now = bench.now + how.wait - .milliseconds(1)
        try bench.tell(.woke)
        #expect(told(bench, Self.isPresence).isEmpty)
        bench.now = bench.now + .milliseconds(1)
        try bench.tell(.woke)
        let again = told(bench, Self.isPresence)
        #expect(again.map(\.message) == [first.message])
        // Then it is served.
        try bench.tell(.link(.reply(Bench.hub, try #require(again.first).id, .ok(OK()))))
        let report = Bench.report(1, agent: Bench.stranger)
        #expect(try bench.ask(Bench.agentLink, .report(report)) == .ok(OK()))
        bench.now = bench.now + .seconds(3600)
        try bench.tell(.woke)
        #expect(told(bench, Self.isPresence).isEmpty)
    }

    @Test("every kind of state is told again", arguments: Failure.allCases)
    func everyKind(how: Failure) throws {
        var bench = try bench()
        try bench.ask(Bench.hub, .replicate(try Bench.replicate(1)))
        try bench.openHub(link: LinkID(9))
        let first = bench.requests(on: LinkID(9)).filter {
            switch $0.message {
            case .poolStatus, .replica, .order, .presence, .shares: true
            default: false
            }
        }
        #expect(Set(first.map(\.message.name)).isSuperset(of: ["poolStatus", "replica", "order"]))
        for (id, _) in first { try fail(&bench, id, how, on: LinkID(9)) }
        bench.now = bench.now + how.wait
        try bench.tell(.woke)
        let again = bench.requests(on: LinkID(9)).map(\.message)
        // Once for each subject.
        for (_, message) in first { #expect(again.filter { $0 == message }.count == 1, "\(message)") }
    }

    @Test("what was found by a check is told again", arguments: Failure.allCases)
    func check(how: Failure) throws {
        var bench = try bench()
        let check = PoolChecked(
            pool: try NodeName("main"), check: 4, isOver: true, read: 1, total: 1, problems: [], corrupt: [])
        try bench.tell(.poolChecked(check))
        let first = try #require(bench.requests(on: Bench.hub).first { $0.message == .poolChecked(check) })
        try fail(&bench, first.id, how, on: Bench.hub)
        bench.now = bench.now + how.wait
        try bench.tell(.woke)
        #expect(bench.requests(on: Bench.hub).map(\.message) == [.poolChecked(check)])
    }

    @Test(
        "an agent that could not take the news of a catalog or of revocations hears it again",
        arguments: Failure.allCases)
    func agents(how: Failure) throws {
        var bench = try bench()
        try bench.openAgent()
        try bench.tell(.catalogRefreshed(timestampVersion: 7))
        let first = try #require(bench.requests(on: Bench.agentLink).first)
        try fail(&bench, first.id, how, on: Bench.agentLink)
        bench.now = bench.now + how.wait
        try bench.tell(.woke)
        #expect(bench.requests(on: Bench.agentLink).map(\.message) == [first.message])
        // Not over a link that is gone.
        try fail(&bench, try #require(bench.requests(on: Bench.agentLink).first).id, how, on: Bench.agentLink)
        try bench.tell(.link(.closed(Bench.agentLink, LinkClosure(code: .timedOut, text: ""))))
        bench.now = bench.now + .seconds(3600)
        try bench.tell(.woke)
        #expect(bench.requests(on: Bench.agentLink).isEmpty)
    }

    @Test("a newer state takes the place of the one that could not be told")
    func newest() throws {
        var bench = try bench()
        try bench.openAgent()
        let here = try #require(told(bench, Self.isPresence).first)
        try fail(&bench, here.id, .full, on: Bench.hub)
        try bench.tell(.link(.closed(Bench.agentLink, LinkClosure(code: .timedOut, text: ""))))
        let gone = told(bench, Self.isPresence)
        #expect(gone.count == 1)
        bench.now = bench.now + .seconds(3600)
        try bench.tell(.woke)
        #expect(told(bench, Self.isPresence).isEmpty)
    }

    @Test("a peer that never takes it is asked ever more rarely")
    func backoff() throws {
        var bench = try bench()
        try bench.openAgent()
        var waits: [Duration] = []
        var last = try #require(told(bench, Self.isPresence).first)
        var told = 1
        for _ in 0..<12 {
            try fail(&bench, last.id, .timedOut, on: Bench.hub)
            let since = bench.now
            while true {
                bench.now = bench.now + .seconds(5)
                try bench.tell(.woke)
                guard let again = self.told(bench, Self.isPresence).first else { continue }
                last = again
                told += 1
                waits.append(bench.now - since)
                break
            }
        }
        #expect(waits.first == SpokeLimits.deliveryRetry && waits.last == SpokeLimits.lastRetry)
        #expect(zip(waits, waits.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test("thousands of states that had no place are told a bounded number at a time, each once")
    func bounded() throws {
        var bench = try bench()
        let count = 2_000
        for number in 0..<count {
            bench.store.save(
                WantedReplica(
                    path: try TargetPath("ruff/0.\(number)/linux-x86_64-glibc/ruff.tar"),
                    sha256: try SHA256Digest(
                        bytes: [UInt8(number >> 8), UInt8(number & 0xFF)] + [UInt8](repeating: 1, count: 30)),
                    length: 100, priority: 4, state: .evicted))
        }
        try bench.openHub(link: LinkID(9))
        let first = told(bench, on: LinkID(9), Self.isReplica)
        #expect(first.count == count)
        for (id, _) in first { try bench.tell(.link(.failed(LinkID(9), id, .full))) }
        bench.now = bench.now + SpokeLimits.deliveryRetry
        try bench.tell(.woke)
        var open = told(bench, on: LinkID(9), Self.isReplica)
        var seen: [TargetPath: Int] = [:]
        #expect(!open.isEmpty && open.count <= SpokeLimits.statesInFlight)
        while let next = open.popLast() {
            if case .replica(let replica) = next.message { seen[replica.path, default: 0] += 1 }
            try bench.tell(.link(.reply(LinkID(9), next.id, .ok(OK()))))
            open += told(bench, on: LinkID(9), Self.isReplica)
            #expect(open.count <= SpokeLimits.statesInFlight)
        }
        #expect(seen.count == count && seen.values.allSatisfy { $0 == 1 })
    }
}
