import Codec
import Model
import Testing
import Trust

/// Keys that change, in steps and at any cut: a client always finds a catalog that it believes.
@Suite("Rotation")
struct RotationTests {
    private static let now = RepositorySimulator.now

    private static func signers(_ names: String..., threshold: Int = 1) -> RoleSigners {
        RoleSigners(keys: names.map { FakeSigner($0).key }, threshold: threshold)
    }

    private static let all = [
        "root", "root2", "root3", "targets", "targets2", "snapshot", "snapshot2", "timestamp",
        "timestamp2", "ruff", "ruff2",
    ].map { FakeSigner($0) }

    /// What clients find after every prefix of the writes: one that is new, and one that was here before.
    private static func expectEveryCutToBeBelieved(
        _ before: Repository, _ files: [Repository.PublishedFile], _ comment: String
    ) throws {
        var served = before.files
        for count in 0...files.count {
            if count > 0 { served[files[count - 1].name] = files[count - 1].bytes }
            var simulator = RepositorySimulator()
            for (name, bytes) in before.files { simulator.serve(name, bytes) }
            var client = SimulatedClient(simulator)
            client.now = now
            try client.refresh(simulator, .catalog)
            for (name, bytes) in served { simulator.serve(name, bytes) }
            #expect(throws: Never.self, "\(comment), known client, cut after \(count)") {
                try client.refresh(simulator, .catalog)
            }
            #expect(client.outcome?.refused == [], "\(comment), cut after \(count)")
            var fresh = SimulatedClient(simulator)
            fresh.now = now
            #expect(throws: Never.self, "\(comment), new client, cut after \(count)") {
                try fresh.refresh(simulator, .catalog)
            }
            // The publisher goes on from there, too.
            #expect(throws: Never.self, "\(comment), publisher, cut after \(count)") {
                _ = try Repository(files: served, verifier: FakeVerifier(), digester: TestDigester())
            }
        }
    }

    @Test(
        "every cut of a publishing is believed", arguments: ["timestamp", "snapshot", "targets", "root", "ruff", "all"])
    func cuts(role: String) throws {
        let before = try RepositoryTests.published()
        var after = before
        let roles = role == "all" ? ["timestamp", "snapshot", "targets", "root", "ruff"] : [role]
        for role in roles { try after.setSigners(of: RoleName(role), Self.signers(role + "2")) }
        try after.add(
            try RepositoryTests.package("ruff/0.13.0/linux-x86_64-glibc/ruff.tar", content: "new", counter: 2))
        guard case .published(let files) = try after.sign(with: Self.all, at: Self.now) else {
            Issue.record("signatures are missing")
            return
        }
        try Self.expectEveryCutToBeBelieved(before, files, role)
        #expect(try RepositoryTests.read(after).trusted.allTargets().count == 2)
    }

    @Test("a retired timestamp key is believed no more once all is written")
    func retired() throws {
        var repository = try RepositoryTests.published()
        try repository.setSigners(of: .timestamp, Self.signers("timestamp2"))
        _ = try repository.sign(with: Self.all, at: Self.now)
        let root = try RepositoryTests.read(repository).trusted.root
        #expect(root.version == 3)
        #expect(root.roles[.timestamp]?.keyIDs == [FakeSigner("timestamp2").key.id])
        // The old key alone cannot go on.
        let old = Self.all.filter { $0.key != FakeSigner("timestamp2").key }
        #expect(throws: PublishingError.self) { _ = try repository.sign(with: old, at: Self.now) }
    }

    @Test("a draft that waits is read back with both of its roots, and each wants its keys")
    func draft() throws {
        var repository = try RepositoryTests.repository(rootThreshold: 2, rootKeys: ["root", "root2", "root3"])
        let rest = ["targets", "snapshot", "timestamp"].map { FakeSigner($0) }
        guard case .waiting = try repository.sign(with: rest + [FakeSigner("root")], at: Self.now) else {
            Issue.record("one of two signatures was enough")
            return
        }
        #expect(repository.files.isEmpty)
        // The first root is carried to its second key.
        var carried = try Repository(
            files: [:], pending: repository.pendingFiles, verifier: FakeVerifier(), digester: TestDigester())
        let status = try #require(carried.signingStatus.first { $0.role == "root" })
        #expect(status.signed == [FakeSigner("root").key])
        #expect(status.missing == [FakeSigner("root2").key, FakeSigner("root3").key])
        guard case .published = try carried.sign(with: rest + [FakeSigner("root3")], at: Self.now) else {
            Issue.record("two of two signatures were not enough")
            return
        }
        try carried.setSigners(of: .timestamp, Self.signers("timestamp2"))
        try carried.setSigners(of: .root, Self.signers("root2", "root3", threshold: 2))
        _ = try carried.addSignatures(of: [FakeSigner("root2")], at: Self.now)
        var again = try Repository(
            files: carried.files, pending: carried.pendingFiles, verifier: FakeVerifier(), digester: TestDigester())
        let roots = again.signingStatus.filter { $0.role == "root" }
        #expect(roots.count == 3)
        guard case .published(let files) = try again.sign(with: Self.all, at: Self.now) else {
            Issue.record("signatures are missing")
            return
        }
        let names = files.map { $0.name }
        #expect(names == ["2.root.json", "timestamp.json", "3.root.json"])
        try Self.expectEveryCutToBeBelieved(carried, files, "draft")
    }

    @Test("signatures of several copies come together; one that is no signature counts for nothing")
    func merged() throws {
        var home = try RepositoryTests.repository(rootThreshold: 2, rootKeys: ["root", "root2", "root3"])
        _ = try home.addSignatures(of: [FakeSigner("targets")], at: Self.now)
        func copy(_ name: String) throws -> [String: [UInt8]] {
            var copy = try Repository(
                files: [:], pending: home.pendingFiles, verifier: FakeVerifier(), digester: TestDigester())
            _ = try copy.addSignatures(of: [FakeSigner(name)], at: Self.now)
            return copy.pendingFiles
        }
        var forged = try copy("root2")
        var bytes = try #require(forged["root.json"])
        let mark = Array(#""sig":""#.utf8)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: mark) })
        for index in (place + mark.count)..<(place + mark.count + 4) { bytes[index] = 0x30 }
        forged["root.json"] = bytes
        let none = try home.merge(forged)
        #expect(none.isEmpty)
        let root = home.signingStatus.first { $0.role == "root" }
        #expect(root?.signed == [])
        _ = try home.merge(try copy("root"))
        _ = try home.merge(try copy("root3"))
        let incomplete = home.signingStatus.filter { !$0.isComplete }
        #expect(incomplete == [])
    }

    @Test("a team's own release is taken over with its signatures, and not without")
    func team() throws {
        var home = try RepositoryTests.published()
        func draft(_ signer: String) throws -> [String: [UInt8]] {
            var copy = try Repository(files: home.files, verifier: FakeVerifier(), digester: TestDigester())
            try copy.add(
                try RepositoryTests.package("ruff/0.13.0/linux-x86_64-glibc/ruff.tar", content: "new", counter: 2))
            _ = try copy.addSignatures(of: [FakeSigner(signer)], at: Self.now)
            return copy.pendingFiles
        }
        let stranger = try draft("targets")
        #expect(throws: PublishingError.self) { _ = try home.merge(stranger) }
        #expect(!home.hasChanges)
        let new = try home.merge(try draft("ruff"))
        let paths = new.map { $0.path.string }
        #expect(paths == ["ruff/0.13.0/linux-x86_64-glibc/ruff.tar"])
        // The team's key is not needed here.
        guard case .published = try home.sign(with: ["snapshot", "timestamp"].map { FakeSigner($0) }, at: Self.now)
        else {
            Issue.record("signatures are missing")
            return
        }
        #expect(try RepositoryTests.read(home).trusted.allTargets().count == 2)
        // What was made from the catalog of before is refused.
        #expect(throws: Never.self) { _ = try home.merge(stranger) }
    }
}
