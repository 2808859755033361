import Model
import Protocol
import Spoke
import Testing

/// What a spoke reads for one question of an agent, whatever its pool holds.
@Suite("The cost of an agent's question at a spoke")
struct SpokeCostTests {
    private static func digest(_ kind: UInt8, _ number: Int) throws -> SHA256Digest {
        try SHA256Digest(
            bytes: [kind, UInt8(number >> 8), UInt8(number & 0xFF)] + [UInt8](repeating: 0, count: 29))
    }

    private static func path(_ number: Int) throws -> TargetPath {
        try TargetPath("ruff/0.\(number)/linux-x86_64-glibc/ruff.tar")
    }

    private static func content(_ number: Int) throws -> PackageContent {
        PackageContent(coding: .zstd, length: ByteCount(900), sha256: try digest(2, number))
    }

    /// Rows that are read while an agent asks for a plan, fetches the patch, the content and the file, and
    /// the disk damages one object.
    private func rows(packages: Int) throws -> Int {
        let store = CountingSpokeStore()
        var held: Set<SHA256Digest> = []
        for number in 0..<packages {
            store.save(
                WantedReplica(
                    path: try Self.path(number), sha256: try Self.digest(1, number), length: 100,
                    content: try Self.content(number), priority: 4, state: .verified))
            store.save(
                KeptPatch(
                    sha256: try Self.digest(3, number), length: 10, base: try Self.digest(4, number),
                    content: try Self.digest(2, number), path: try Self.path(number)))
            for kind in [1, 2, 3] as [UInt8] { held.insert(try Self.digest(kind, number)) }
        }
        try store.addAgent(SpokeBench.agent)
        var core = SpokeCore(
            store: store, poolName: try NodeName("main"), verifier: FakeVerifier(), random: FixedRandom())
        let now = UnixTime(milliseconds: 1_000_000)
        _ = try core.handle(.started(held: held, SpokeBench.figures), at: now)
        let peer = try SpokeBench.peer(.agent, SpokeBench.agent)
        _ = try core.handle(.link(.opened(SpokeBench.agentLink, peer, SpokeBench.hello(.agent))), at: now)
        let before = store.rows
        let path = try Self.path(1)
        let plan = FetchPlan(
            path: path, sha256: try Self.digest(1, 1), length: 100, bases: [try Self.digest(4, 1)],
            accepts: [.content, .patch])
        var number: UInt64 = 90
        func ask(_ message: Message) throws -> [SpokeEffect] {
            number += 1
            return try core.handle(.link(.request(SpokeBench.agentLink, RequestID(number), message)), at: now)
        }
        let planned = try ask(.fetchPlan(plan))
        let wanted = Plan(means: .patch, sha256: try Self.digest(3, 1), length: 10, base: try Self.digest(4, 1))
        #expect(planned.contains(.link(.reply(SpokeBench.agentLink, RequestID(91), .plan(wanted)))))
        for (kind, length) in [(1, 100), (2, 900), (3, 10)] as [(UInt8, UInt64)] {
            let fetch = FetchPackage(path: path, sha256: try Self.digest(kind, 1), length: length, offset: 0)
            let served = try ask(.fetchPackage(fetch))
            #expect(served.contains { if case .servePackage = $0 { true } else { false } }, "\(kind)")
            // Under another package's path it is not there.
            let other = FetchPackage(
                path: try Self.path(2), sha256: try Self.digest(kind, 1), length: length, offset: 0)
            let refused = try ask(.fetchPackage(other))
            #expect(!refused.contains { if case .servePackage = $0 { true } else { false } }, "\(kind)")
        }
        return store.rows - before
    }

    @Test("the answer costs as much in a pool of a thousand packages as in one of ten")
    func indexed() throws {
        let few = try rows(packages: 10)
        #expect(try rows(packages: 1000) == few)
        #expect(few < 30)
    }

    @Test("events are counted once, however many are delivered")
    func eventsAreCountedOnce() throws {
        let store = CountingSpokeStore()
        try store.addAgent(SpokeBench.agent)
        var core = SpokeCore(
            store: store, poolName: try NodeName("main"), verifier: FakeVerifier(), random: FixedRandom())
        var now = UnixTime(milliseconds: 1_000_000)
        _ = try core.handle(.started(held: [], SpokeBench.figures), at: now)
        _ = try core.handle(
            .link(.opened(SpokeBench.hub, try SpokeBench.peer(.hub, NodeID(high: 0, low: 1)), SpokeBench.hello(.hub))),
            at: now)
        var last: RequestID?
        for round in 0..<50 {
            now = now + .seconds(60)
            let effects = try core.handle(.bundleRefused("round \(round)"), at: now)
            let sent = effects.compactMap { effect -> RequestID? in
                if case .link(.request(SpokeBench.hub, let id, .event, _)) = effect { id } else { nil }
            }
            // Every other one waits for the next.
            guard round % 2 == 1, let request = sent.first ?? last else {
                last = sent.first ?? last
                continue
            }
            _ = try core.handle(.link(.reply(SpokeBench.hub, request, .ok(OK()))), at: now)
            last = nil
        }
        #expect(store.eventCounts <= 1)
    }
}
