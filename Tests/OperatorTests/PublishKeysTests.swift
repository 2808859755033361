import System
import TestSupport
import Testing

/// Keys of many holders, in folders of their own.
@Suite("axle publish with many keys")
struct PublishKeysTests {
    private let folder: TemporaryFolder
    private var catalog: String { folder.path("catalog") }
    private var online: String { folder.path("online") }
    private var stage: String { folder.path("stage") }
    private let secret: String

    init() throws {
        folder = try TemporaryFolder()
        secret = try folder.write("secret", Array("correct horse\n".utf8))
        try File.setMode(secret, 0o600)
    }

    private func publish(_ verb: String, _ options: [String]) async -> Run {
        await axle(["publish", verb] + options)
    }

    /// A holder's folder with a key of that name; gives the public half.
    private func holder(_ name: String) async -> String {
        let made = await publish("key", [name, "--keys", folder.path(name), "--passphrase-file", secret])
        #expect(made.status == 0, "\(made.errors)")
        return made.output.split(separator: "\n").first.map(String.init) ?? ""
    }

    private func sign(_ path: String, _ holder: String, _ options: [String] = []) async -> Run {
        await publish("sign", [path, "--keys", folder.path(holder), "--passphrase-file", secret] + options)
    }

    /// A catalog whose root needs two of three holders, not yet signed by them.
    private func begin() async -> Run {
        var options = [catalog, "--keys", online, "--root-threshold", "2"]
        for name in ["alice", "bob", "carol"] { options += ["--root-key", await holder(name)] }
        return await publish("init", options)
    }

    @Test func nothingIsPublishedBelowTheThresholdAndItIsSaidWhoIsMissing() async throws {
        let made = await begin()
        #expect(made.status == 1)
        #expect(made.errors.contains("0 of 2 signatures; missing: alice"))
        #expect(!File.exists(Directory.join(catalog, "metadata")))
        #expect(await publish("stage", [catalog, "--keys", online, "--to", stage]).status == 0)
        let first = await sign(stage, "alice")
        #expect(first.status == 0, "\(first.errors)")
        let status = await publish("sign", [stage, "--keys", online, "--status"])
        #expect(status.output.contains("bob"))
        #expect(!status.output.contains("alice"))
        let early = await sign(catalog, "online", ["--staged", stage])
        #expect(early.status == 1)
        #expect(early.errors.contains("1 of 2"))
        #expect(!File.exists(Directory.join(catalog, "metadata")))
        // Whoever has signed, and whoever has no key, adds nothing.
        let stranger = await holder("mallory")
        #expect(File.exists(stranger))
        let none = await sign(stage, "mallory")
        #expect(none.status == 1)
        #expect(none.errors.contains("none of the keys"))
        #expect(await sign(stage, "carol").status == 0)
        let done = await sign(catalog, "online", ["--staged", stage])
        #expect(done.status == 0, "\(done.errors)")
        #expect(await publish("check", [catalog]).status == 0)
        #expect(
            await publish("check", [catalog, "--root", Directory.join(catalog, "metadata/1.root.json")]).status == 0)
    }

    @Test func aTeamHoldsItsOwnKey() async throws {
        #expect(await publish("init", [catalog, "--keys", online]).status == 0)
        let team = await holder("team")
        #expect(await publish("delegate", [catalog, "ruff", "--keys", online, "--key", team]).status == 0)
        #expect(await publish("stage", [catalog, "--keys", online, "--to", stage]).status == 0)
        let file = try folder.write("ruff.tar", PublishTests.tree(Array("bytes".utf8)))
        let add = [
            stage, "--keys", folder.path("team"), "--product", "ruff", "--release", "1.0", "--platform", "any-any-any",
            "--file", file, "--passphrase-file", secret,
        ]
        let added = await publish("add", add)
        #expect(added.status == 0, "\(added.errors)")
        #expect(await sign(stage, "team").status == 0)
        let signed = await sign(catalog, "online", ["--staged", stage])
        #expect(signed.status == 0, "\(signed.errors)")
        let checked = await publish("check", [catalog])
        #expect(checked.output.hasPrefix("packages: 1, products: 1"), "\(checked.errors)")
        // A team speaks for its own product only.
        var other = add
        other[4] = "uv"
        #expect(await publish("add", other).status == 1)
        #expect(await publish("remove", [catalog, "ruf", "--keys", online]).errors.contains("Did you mean ruff?"))
        #expect(await publish("remove", [catalog, "ruff", "--keys", online]).status == 0)
        #expect(await sign(catalog, "online").status == 0)
        #expect(await publish("check", [catalog]).output.hasPrefix("packages: 0, products: 0"))
    }

    @Test(arguments: ["timestamp", "snapshot", "targets", "root"])
    func aKeyIsReplaced(role: String) async throws {
        #expect(await publish("init", [catalog, "--keys", online]).status == 0)
        let before = try Directory.list(online).count
        let dry = await publish("rotate", [catalog, role, "--keys", online, "--dry-run"])
        #expect(dry.status == 0, "\(dry.errors)")
        #expect(try Directory.list(online).count == before)
        #expect(await publish("rotate", [catalog, role, "--keys", online]).status == 0)
        #expect(await sign(catalog, "online").status == 0)
        #expect(await publish("check", [catalog]).status == 0)
        // The key of before is not needed any more.
        try File.remove(Directory.join(online, role + ".pem"))
        #expect(await publish("extend", [catalog, role, "--keys", online]).status == 0)
        #expect(
            await publish("rotate", [catalog, "timestmp", "--keys", online]).errors.contains("Did you mean timestamp?"))
    }

    @Test func theTimestampGoesOnUnattendedWithItsKeyAlone() async throws {
        #expect(
            await publish("init", [catalog, "--keys", folder.path("all"), "--passphrase-file", secret]).status == 0)
        try Directory.create(online, mode: 0o700)
        try File.rename(folder.path("all/timestamp.pem"), to: Directory.join(online, "timestamp.pem"))
        let extended = await publish("extend", [catalog, "--keys", online, "--json"])
        #expect(extended.status == 0, "\(extended.errors)")
        #expect(extended.output.contains("\"timestamp.json\""))
        let soon = await publish("extend", [catalog, "--keys", online, "--timestamp-expires", "3d"])
        #expect(soon.status == 0)
        let checked = await publish("check", [catalog])
        #expect(checked.status == 0)
        #expect(checked.errors.contains("role timestamp expires in 3d"))
    }

    @Test func anotherRootThanTheFoldersIsRefused() async throws {
        #expect(await publish("init", [catalog, "--keys", online]).status == 0)
        let other = folder.path("other")
        #expect(await publish("init", [other, "--keys", folder.path("other-keys")]).status == 0)
        let checked = await publish("check", [catalog, "--root", Directory.join(other, "metadata/1.root.json")])
        #expect(checked.status == 1)
        #expect(checked.errors.contains("signatures"))
    }
}
