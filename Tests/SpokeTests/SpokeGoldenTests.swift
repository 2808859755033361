import Model
import Spoke
import System
import TestSupport
import Testing

/// A spoke's database as the first release left it (Tests/EndToEnd/golden.py says how it was made). Later releases migrate a copy
/// and find in it what was there.
@Suite("Golden database of a spoke")
struct SpokeGoldenTests {
    @Test("a database of the first release is migrated, and means the same") func reads() throws {
        let sample = Directory.join(Directory.parent(of: #filePath), "../Golden/state/spoke/spoke.db")
        let scratch = try TemporaryFolder()
        let file = try scratch.write("spoke.db", try File.read(sample, limit: 1 << 24))
        let store = try SQLiteSpokeStore(path: file, now: .zero)
        #expect(try store.setting(.quota).map { String(decoding: $0, as: UTF8.self) } == "50000000")
        #expect(try store.setting(.revocations)?.isEmpty == false)
        let replicas = try store.replicas().sorted { $0.path < $1.path }
        #expect(replicas.map(\.path.release.text) == ["1.0", "2.0"])
        #expect(replicas.map(\.state) == [.pending, .verified])
        let agents = try store.knownAgents()
        #expect(agents.count == 3)
        let orders = try agents.flatMap { try store.orders(for: $0) }
        #expect(orders.map(\.kind) == [1])
        #expect(orders.allSatisfy { !$0.signed.isEmpty })
        let reports = try store.reports(limit: 9)
        #expect(reports.map(\.counter) == [13, 14, 15, 16])
        #expect(Set(reports.map(\.agent)).isSubset(of: agents))
        let events = try store.events(limit: 9)
        #expect(events.map(\.event.code) == [.replicaCorrupt])
        // What follows goes behind what is there.
        let sequence = try store.append(events[0].event)
        #expect(sequence > events[0].sequence)
    }
}
