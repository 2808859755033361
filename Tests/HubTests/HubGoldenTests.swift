import Foundation
import Hub
import Model
import Rollout
import SQLite
import System
import TestSupport
import Testing
import Trust

/// The hub's database as the first release left it (Tests/EndToEnd/golden.py says how it was made). Later releases migrate a copy
/// and find in it what was there.
@Suite("Golden database of a hub")
struct HubGoldenTests {
    @Test("a database of the first release is migrated, and means the same") func reads() throws {
        let sample = Directory.join(Directory.parent(of: #filePath), "../Golden/state/hub/hub.db")
        let scratch = try TemporaryFolder()
        let file = try scratch.write("hub.db", try File.read(sample, limit: 1 << 24))
        let store = try SQLiteHubStore(path: file, now: at(0))
        #expect(try store.integrityProblems() == [])

        let spoke = try #require(try store.spoke(named: try name("site")))
        #expect(try store.spokes() == [spoke])
        let clients = try store.clients()
        #expect(clients.map(\.name.text) == ["away", "box", "gone", "third"])
        #expect(clients.map { $0.revoked != nil } == [false, false, true, false])
        let box = clients[1]
        #expect(box.labels == ["floor": "2"])
        #expect(try store.facts(of: box.id)?.facts.installed.map(\.release.text) == ["1.0"])
        let incarnation = try #require(box.incarnation)
        #expect(try store.reportCounter(of: box.id, incarnation: incarnation) ?? 0 > 0)
        #expect(try store.certificates(of: box.id).count == 1)
        #expect(try store.isRevoked(clients[2].id) && store.revokedSpokes().isEmpty)
        // The step that made the parts of the list took it over.
        let revocations = try store.revocations()
        #expect(revocations.map(\.node) == [clients[2].id] && revocations.map(\.role) == [.agent])
        #expect(
            try revocations.first?.ends
                == store.certificates(of: clients[2].id).map(\.expires).max().map {
                    $0 + RenewalSchedule.offlineHorizon
                })
        #expect(try store.segments().isEmpty)
        #expect(try store.setting(.revocationNumber) == "1")
        #expect(try store.tokens().map(\.usesLeft).sorted() == [0, 0, 0, 0, 0, 1])

        #expect(try store.catalog()?.timestampVersion == 3)
        #expect(try store.catalog()?.root.isEmpty == false)
        let packages = try store.packages()
        #expect(packages.map(\.package.path.release.text) == ["1.0", "2.0"])
        #expect(packages.map(\.state) == [.imported, .imported])
        #expect(try store.replicas(at: spoke.id).map(\.state) == [.verified, .verified])
        #expect(try store.pools().count == 2)
        #expect(try store.pool(node: spoke.id, name: try name("main"))?.quota == ByteCount(50_000_000))

        let rollouts = try store.rollouts(after: 0, limit: 9)
        #expect(rollouts.map(\.specification.name) == ["tool-1.0", "second"])
        let actions = try rollouts.flatMap { try store.actions(of: $0.id) }
        #expect(actions.map(\.state) == [.succeeded, .refused, .cancelling, .cancelling, .refused])
        #expect(actions[1].reasons.map(\.code) == [.autodeployNo])
        #expect(try rollouts.allSatisfy { try store.waves(of: $0.id).count == 1 })
        #expect(try store.orders(for: spoke.id, after: 0, limit: 9).map(\.kind) == [2, 2])
        #expect(try store.nextSequence() == OrderSequence(epoch: 1, number: 8))

        try store.verifyEventChain()
        #expect(try store.lastEvent()?.sequence == 65)
        #expect(try store.answer(for: "golden")?.status == 202)
    }
    @Test("values in columns are written as every release has written them") func columns() throws {
        let sample = Directory.join(Directory.parent(of: #filePath), "../Golden/state/hub/hub.db")
        let scratch = try TemporaryFolder()
        let file = try scratch.write("hub.db", try File.read(sample, limit: 1 << 24))
        let store = try SQLiteHubStore(path: file, now: at(0))
        func texts() throws -> [String] {
            let database = try Database(path: file)
            return try [
                "SELECT labels FROM client", "SELECT facts FROM facts", "SELECT package FROM package",
                "SELECT specification FROM rollout", "SELECT windows FROM rollout", "SELECT reasons FROM action",
                "SELECT notes FROM action",
            ].flatMap { try database.rows($0) { try $0.text(0) } }
        }
        let before = try texts()
        #expect(before.count { $0.count > 2 } >= 10)
        for client in try store.clients() {
            try store.updateClient(client)
            if let facts = try store.facts(of: client.id) { try store.setFacts(facts, of: client.id) }
        }
        for package in try store.packages() { try store.putPackage(package) }
        for rollout in try store.rollouts(after: 0, limit: 9) {
            try store.updateRollout(rollout)
            for action in try store.actions(of: rollout.id) { try store.updateAction(action) }
        }
        #expect(try texts() == before)
    }
}
