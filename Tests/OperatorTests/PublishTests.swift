import Codec
import HTTP
import Identity
import Model
import System
import TLS
import TestSupport
import Testing
import Trust

@Suite("axle publish")
struct PublishTests {
    private let folder: TemporaryFolder
    private var catalog: String { folder.path("catalog") }
    private var keys: String { folder.path("keys") }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func publish(_ verb: String, _ options: [String] = []) async -> Run {
        await axle(["publish", verb, catalog] + (verb == "check" ? [] : ["--keys", keys]) + options)
    }

    /// A tree with one program, which differs by the given bytes.
    static func tree(_ bytes: [UInt8]) -> [UInt8] {
        var tar = TarBuilder()
        tar.header("bin/ruff", size: bytes.count, mode: 0o755)
        tar.data(bytes)
        tar.end()
        return tar.bytes
    }

    private func add(_ release: String, _ bytes: [UInt8], _ options: [String] = []) async throws -> Run {
        try await addFile(release, Self.tree(bytes), options)
    }

    private func addFile(_ release: String, _ bytes: [UInt8], _ options: [String] = []) async throws -> Run {
        let file = try folder.write("ruff-\(release).tar", bytes)
        return await publish(
            "add",
            ["--product", "ruff", "--release", release, "--platform", "linux-x86_64-glibc", "--file", file] + options)
    }

    /// Runs the TUF client as a new machine with the first root, over the files as a web server would give them.
    private func client(now: UnixTime = testNow) throws -> TrustedMetadata {
        let metadata = Directory.join(catalog, "metadata")
        let root = try File.read(Directory.join(metadata, "1.root.json"), limit: 1 << 20)
        var workflow = RefreshWorkflow(
            .catalog, bootstrapRoot: root, startTime: now, verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        var kept: [MetadataFile: [UInt8]] = [:]
        var step = try workflow.start()
        while true {
            switch step {
            case .load(let file): step = try workflow.resume(kept[file].map { .bytes($0) } ?? .notFound)
            case .persist(let file, let bytes):
                kept[file] = bytes
                step = try workflow.resume(.stored)
            case .delete(let file):
                kept[file] = nil
                step = try workflow.resume(.stored)
            case .fetch(let name, let limit):
                let path = Directory.join(metadata, name)
                step = try workflow.resume(File.exists(path) ? .bytes(File.read(path, limit: limit)) : .notFound)
            case .done(let outcome):
                #expect(outcome.refused.isEmpty)
                return outcome.trusted
            }
        }
    }

    @Test func whatIsPublishedTheClientBelieves() async throws {
        let made = await publish("init")
        #expect(made.status == 0, "\(made.errors)")
        #expect(try client().packages().packages.isEmpty)
        let added = try await add(
            "0.5.0", Array("first".utf8),
            ["--program", "bin/ruff", "--health", "bin/ruff --version", "--requires", ">= 0.4", "--needs-scheduler"])
        #expect(added.status == 0, "\(added.errors)")
        // Nothing is seen before it is signed.
        #expect(try client().packages().packages.isEmpty)
        let signed = await publish("sign")
        #expect(signed.status == 0, "\(signed.errors)")
        #expect(signed.output.hasSuffix("timestamp.json\n"))
        let second = try await add("0.5.1", Array("second".utf8), ["--severity", "hotfix", "--notes", "n"])
        #expect(second.errors.contains("counter 2 of line 0"))
        #expect(await publish("sign").status == 0)

        let packages = try client().packages()
        #expect(packages.refused.isEmpty)
        #expect(packages.packages.map(\.path.release.text) == ["0.5.0", "0.5.1"])
        let first = try #require(packages.packages.first)
        #expect(first.metadata.install.program == "bin/ruff")
        #expect(first.metadata.install.health == HealthCheck(argv: ["bin/ruff", "--version"], timeoutSeconds: 30))
        #expect(first.metadata.requires.versions.description == ">=0.4")
        #expect(first.metadata.requires.scheduler)
        #expect(first.metadata.unpackedSize == ByteCount(2048))
        #expect(packages.packages.last?.metadata.severity == .hotfix)
        #expect(packages.packages.last?.metadata.counter == 2)
        let checked = await publish("check")
        #expect(checked.status == 0, "\(checked.errors)")
        #expect(checked.output.hasPrefix("packages: 2, products: 1, good until "))

        #expect(await publish("remove", ["ruff/0.5.0/linux-x86_64-glibc/ruff-0.5.0.tar"]).status == 0)
        #expect(await publish("sign").status == 0)
        #expect(try client().packages().packages.count == 1)
    }

    @Test func aPackagesFileIsWhereClientsLookForIt() async throws {
        _ = await publish("init")
        _ = try await add("1.0", Array("bytes".utf8))
        _ = await publish("sign")
        let trusted = try client()
        let package = try #require(trusted.packages().packages.first)
        let path = package.target.remotePath(consistentSnapshot: true).string
        #expect(path == "ruff/1.0/linux-x86_64-glibc/\(package.sha256).ruff-1.0.tar")
        let bytes = try File.read(Directory.join(Directory.join(catalog, "targets"), path), limit: 10_000)
        #expect(bytes == Self.tree(Array("bytes".utf8)))
        #expect(try Directory.list(Directory.join(catalog, "targets")) == ["ruff"])
    }

    @Test func keysAreForTheirOwnerAndNeverInTheFolder() async throws {
        let inside = await axle(["publish", "init", catalog, "--keys", catalog + "/keys"])
        #expect(inside.status == 1)
        #expect(inside.errors.contains("everybody"))
        _ = await publish("init")
        let around = await axle(["publish", "init", catalog, "--keys", "\(catalog)/../catalog/metadata/new/keys"])
        #expect(around.errors.contains("everybody"))
        for name in try Directory.list(keys) where !name.hasSuffix(".pub") {
            #expect((try File.status(Directory.join(keys, name))?.mode).map { $0 & 0o077 } == 0)
        }
        let served = try Directory.list(catalog).sorted()
        #expect(served == ["metadata", "targets"])
        try File.setMode(Directory.join(keys, "timestamp.pem"), 0o644)
        let open = await publish("sign")
        #expect(open.status == 1)
        #expect(open.errors.contains("chmod 600"))
    }

    @Test func encryptedKeysNeedTheirPassphrase() async throws {
        let secret = try folder.write("secret", Array("correct horse\n".utf8))
        try File.setMode(secret, 0o600)
        let made = await publish("init", ["--passphrase-file", secret])
        #expect(made.status == 0, "\(made.errors)")
        let pem = try File.read(Directory.join(keys, "root.pem"), limit: 10_000)
        #expect(String(decoding: pem, as: UTF8.self).contains("ENCRYPTED"))
        // What signs unattended is not encrypted, and no other key is asked for in vain.
        #expect(await publish("sign").status == 0)
        #expect(try await add("1.0", [1], ["--passphrase-file", secret]).status == 0)
        let without = await publish("sign")
        #expect(without.status == 1)
        #expect(without.errors.contains("--passphrase-file"))
        #expect(await publish("sign", ["--passphrase-file", secret]).status == 0)
    }

    @Test func rolesWaitForTheirKeys() async throws {
        _ = await publish("init")
        _ = try await add("1.0", [1])
        let away = folder.path("away.pem")
        try File.rename(Directory.join(keys, "targets.pem"), to: away)
        let waiting = await publish("sign")
        #expect(waiting.status == 1)
        #expect(waiting.errors.contains("role targets"))
        #expect(try client().packages().packages.isEmpty)
        try File.rename(away, to: Directory.join(keys, "targets.pem"))
        #expect(await publish("sign").status == 0)
        #expect(try client().packages().packages.count == 1)
        #expect(!File.exists(Directory.join(keys, "pending")))
    }

    @Test func expiryIsChosenAndChecked() async throws {
        let made = await publish("init", ["--expires", "30d", "--timestamp-expires", "1d"])
        #expect(made.status == 0, "\(made.errors)")
        #expect(try client(now: UnixTime(seconds: testNow.seconds + 86_000)).packages().packages.isEmpty)
        #expect(throws: MetadataError.self) { try client(now: UnixTime(seconds: testNow.seconds + 86_401)) }
        let renewed = await publish("sign", ["--timestamp-expires", "10d"])
        #expect(renewed.output.hasSuffix("timestamp.json\n"))
        #expect(throws: Never.self) { try client(now: UnixTime(seconds: testNow.seconds + 86_401)) }
    }

    @Test func anAlteredFolderIsNoticed() async throws {
        _ = await publish("init")
        _ = try await add("1.0", Array("good".utf8))
        _ = await publish("sign")
        let package = try #require(try client().packages().packages.first)
        let place = package.target.remotePath(consistentSnapshot: true).string
        try AtomicFile.write("evil", to: Directory.join(Directory.join(catalog, "targets"), place))
        let bytes = await publish("check")
        #expect(bytes.status == 1)
        #expect(bytes.errors.contains("package ruff/1.0/"))
        let timestamp = Directory.join(catalog, "metadata/timestamp.json")
        var text = String(decoding: try File.read(timestamp, limit: 20_000), as: UTF8.self)
        text = text.replacing("2026-", with: "2036-")
        try AtomicFile.write(text, to: timestamp)
        #expect(await publish("check").status == 1)
        #expect(await publish("sign").status == 1)
    }

    @Test func aPublishedPackageNeverChanges() async throws {
        _ = await publish("init")
        _ = try await add("1.0", Array("one".utf8))
        #expect(await publish("sign").status == 0)
        #expect(try await add("1.0", Array("one".utf8)).status == 0)
        let other = try await add("1.0", Array("two".utf8))
        #expect(other.status == 1)
        #expect(other.errors.contains("never changes"))
        #expect(try Directory.list(Directory.join(catalog, "targets")) == ["ruff"])
    }

    @Test(arguments: [
        ["--health-timeout", "soon", "--health", "x"], ["--requires", "=="], ["--counter", "0"],
        ["--unpacked-size", "x"],
        ["--depends", "../x"], ["--floor", "9.9"], ["--line", "a b"], ["--program", "../../bin/sh"],
    ])
    func whatNoCatalogMaySayIsRefused(options: [String]) async throws {
        _ = await publish("init")
        let run = try await add("1.0", [1], options)
        #expect(run.status != 0, "\(options)")
        #expect(!run.errors.isEmpty)
        #expect(try Directory.list(Directory.join(catalog, "targets")).isEmpty)
    }

    @Test func compressedFilesOfAKindThatNobodyUnpacksNeedTheirUnpackedSize() async throws {
        _ = await publish("init")
        let bzip2 = Array("BZh91AY".utf8)
        #expect(try await addFile("1.0", bzip2, ["--kind", "script"]).errors.contains("--unpacked-size"))
        #expect(try await addFile("1.0", bzip2, ["--kind", "script", "--unpacked-size", "10MB"]).status == 0)
    }

    @Test(arguments: ["gzip", "zstd", "xz"])
    func whatIsInsideACompressedFileIsSigned(program: String) async throws {
        _ = await publish("init")
        let content = Self.tree([UInt8](repeating: 7, count: 100_000))
        let packed = try Program.run(program, ["-c"], input: content)
        #expect(try await addFile("1.0", packed).status == 0)
        #expect(await publish("sign").status == 0)
        let names = try Directory.list(Directory.join(catalog, "metadata")).filter { $0.hasSuffix("ruff.json") }
        let text = try names.map { name in
            String(decoding: try File.read(Directory.join(catalog, "metadata/\(name)"), limit: 1 << 20), as: UTF8.self)
        }.joined()
        let hash = try SHA256Digest(bytes: SHA256.hash(content))
        #expect(
            text.contains(#""content":{"coding":"\#(program)","length":\#(content.count),"sha256":"\#(hash)"}"#),
            "\(text)")
    }

    @Test func aDebianPackageIsFoundByItsBytesAndItsContentIsSigned() async throws {
        _ = await publish("init")
        func field(_ text: String, _ count: Int) -> [UInt8] {
            Array(text.utf8) + [UInt8](repeating: 0x20, count: count - text.utf8.count)
        }
        func archive(_ members: [(String, [UInt8])]) -> [UInt8] {
            members.reduce(Array("!<arch>\n".utf8)) { archive, member in
                archive + field(member.0, 16) + field("0", 12) + field("0", 6) + field("0", 6) + field("100644", 8)
                    + field("\(member.1.count)", 10) + [0x60, 0x0A] + member.1 + (member.1.count % 2 == 1 ? [0x0A] : [])
            }
        }
        let (version, control, data) = (Array("2.0\n".utf8), Array("c".utf8), [UInt8](repeating: 7, count: 5000))
        let packed = try Program.run("xz", ["-c"], input: data)
        let published = archive([("debian-binary", version), ("control.tar", control), ("data.tar.xz", packed)])
        let content = archive([("debian-binary", version), ("control.tar", control), ("data.tar", data)])
        // A tree is no Debian package, whoever says so.
        #expect(try await addFile("1.0", published, ["--kind", "tree"]).errors.contains("of a Debian package"))
        #expect(try await addFile("1.0", published).status == 0)
        // One with nothing packed in it is its own content.
        #expect(try await addFile("2.0", content).status == 0)
        let broken = try await addFile("3.0", archive([("debian-binary", version), ("control.tar", control)]))
        #expect(broken.status == 1 && broken.errors.contains("cannot be unpacked"))
        #expect(broken.errors.contains("dpkg-deb"))
        #expect(await publish("sign").status == 0)
        let names = try Directory.list(Directory.join(catalog, "metadata")).filter { $0.hasSuffix("ruff.json") }
        let text = try names.map { name in
            String(decoding: try File.read(Directory.join(catalog, "metadata/\(name)"), limit: 1 << 20), as: UTF8.self)
        }.joined()
        let hash = try SHA256Digest(bytes: SHA256.hash(content))
        let said = #""content":{"coding":"deb","length":\#(content.count),"sha256":"\#(hash)"}"#
        #expect(text.ranges(of: said).count == 1, "\(text)")
        #expect(text.ranges(of: #""kind":"deb""#).count == 2, "\(text)")
    }

    @Test func aCompressedFileThatIsBrokenIsNotPublished() async throws {
        _ = await publish("init")
        let run = try await addFile("1.0", [0x1F, 0x8B, 8, 0], ["--unpacked-size", "10MB"])
        #expect(run.status == 1)
        #expect(run.errors.contains("cannot be unpacked"))
        #expect(try Directory.list(Directory.join(catalog, "targets")).isEmpty)
    }

    @Test func aCatalogIsMadeOnce() async throws {
        #expect(await publish("sign").errors.contains("axle publish init"))
        #expect(await publish("init").status == 0)
        let again = await publish("init")
        #expect(again.status == 1)
        #expect(again.errors.contains("already"))
    }
}
