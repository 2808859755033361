import Codec
import Model
import Testing
import Trust

@Suite("TUF version floors")
struct VersionFloorsTests {
    /// A repository of the first state and one of the second, and a client that has trusted both in turn.
    private struct World {
        let old: RepositorySimulator
        let new: RepositorySimulator
        var client: SimulatedClient
        /// The client's folder after the first state.
        let before: [String: [UInt8]]

        init() throws {
            var repository = RepositorySimulator()
            repository.delegate(.init(name: "ruff", paths: ["ruff/*"]))
            repository.publish()
            client = SimulatedClient(repository)
            try client.refresh(repository, .catalog)
            old = repository
            before = client.folder
            repository.rotate("root", to: "root-2")
            repository.bump("ruff", "targets", "snapshot", "timestamp")
            try client.refresh(repository, .catalog)
            new = repository
        }
    }

    @Test("whatever metadata is deleted, the repository of before is refused as a rollback")
    func deletedFiles() throws {
        let files = ["root.json", "2.root.json", "timestamp.json", "snapshot.json", "targets.json", "ruff.json"]
        let sets = files.map { [$0] } + [files, ["root.json", "2.root.json"], ["timestamp.json", "snapshot.json"]]
        for set in sets {
            var client = try World().client
            for name in set { client.folder[name] = nil }
            let old = try World().old
            let refusal = client.refusal(old, .catalog)
            let rollbacks: [MetadataError.Code?] = [.rootRolledBack, .timestampRolledBack]
            #expect(rollbacks.contains(refusal), "\(set)")
        }
    }

    @Test("a snapshot of a higher version that lists an older or no role is refused although ours was deleted")
    func deletedSnapshot() throws {
        for unlisted in [true, false] {
            var world = try World()
            world.client.folder["snapshot.json"] = nil
            var evil = world.new
            if unlisted { evil.unlisted = ["ruff"] } else { evil.versions["ruff"] = 1 }
            evil.bump("snapshot", "timestamp")
            #expect(world.client.refusal(evil, .catalog) == (unlisted ? .snapshotRoleVanished : .targetsRolledBack))
        }
    }

    @Test("older files that are put back into the folder are not believed without a link either")
    func oldFilesPutBack() throws {
        var world = try World()
        for name in world.before.keys where name != "floors" && !name.contains("root") {
            world.client.folder[name] = world.before[name]
        }
        #expect(world.client.refusal(world.new, .catalog, from: .stored) == .timestampRolledBack)
        world = try World()
        world.client.folder["snapshot.json"] = world.before["snapshot.json"]
        #expect(world.client.refusal(world.new, .catalog, from: .stored) != nil)
        world = try World()
        world.client.folder["root.json"] = world.before["root.json"]
        world.client.folder["2.root.json"] = nil
        #expect(world.client.refusal(world.new, .catalog, from: .stored) == .rootRolledBack)
        // With a link all is healed.
        try world.client.refresh(world.new, .catalog)
        #expect(world.client.folder["root.json"] == world.new.files["2.root.json"])
    }

    @Test("floors that cannot be read are none, and are kept anew")
    func brokenFloors() throws {
        let texts = ["", "{}", "[]", "{\"root\":1}", #"{"roles":{"a":"1"},"root":1,"snapshot":1,"timestamp":1}"#]
        for text in texts { #expect(VersionFloors(Array(text.utf8)) == nil) }
        var world = try World()
        let good = world.client.folder
        for text in texts {
            world.client.folder["floors"] = Array(text.utf8)
            #expect(world.client.refusal(world.old, .catalog) == .timestampRolledBack)
            try world.client.refresh(world.new, .catalog)
            #expect(world.client.folder == good)
        }
    }

    @Test("they come back as they were kept, whatever a role is called")
    func encoding() throws {
        var repository = RepositorySimulator()
        for name in ["a\u{0}\n\"\\", "é", "../x"] { repository.delegate(.init(name: name, paths: ["x"])) }
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository, .catalog)
        let floors = try #require(client.outcome?.trusted.floors)
        #expect(VersionFloors(floors.encoded) == floors)
        #expect(floors.roles.count == 4)
        #expect(client.folder["floors"] == floors.encoded)
    }
}
