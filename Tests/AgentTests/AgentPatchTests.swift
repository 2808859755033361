import Agent
import Content
import Model
import Protocol
import System
import TLS
import TestSupport
import Testing

/// Updates that come as patches of the release before, between a spoke in this process and an agent of its own.
@Suite("Agents and patches", .serialized)
struct AgentPatchTests {
    let folder: TestFolder
    let spoke: FakeSpoke
    let state: String

    init() throws {
        folder = try TestFolder()
        spoke = try FakeSpoke()
        state = folder.file("state")
    }

    /// A release as a zstd file, and the tar inside.
    private func release(_ version: String, counter: UInt64) throws -> (package: Package, file: [UInt8], tar: [UInt8]) {
        var text: [UInt8] = []
        // Lines that do not pack away, and are the same in each release.
        for index in 0..<20_000 { text += Array("\((index &* 2_654_435_761) % 1_000_003)\n".utf8) }
        let data = String(decoding: text, as: UTF8.self)
        let tar = TarBuilder.archive {
            $0.file("bin/tool", "#!/bin/sh\necho tool \(version)\n", mode: 0o755)
            $0.file("data", data)
        }
        var pack = ChildProcess("zstd", ["-q", "-c", try folder.write("plain-\(version)", tar)])
        pack.outputLimit = 8 << 20
        let file = try pack.run().output
        var package = try Sample.package(
            file, release: version, counter: counter,
            install: InstallSteps(health: HealthCheck(argv: ["bin/tool"], timeoutSeconds: 20), program: "bin/tool"))
        package.metadata.unpackedSize = ByteCount(UInt64(tar.count))
        package.metadata.content = PackageContent(
            coding: .zstd, length: ByteCount(UInt64(tar.count)), sha256: try SHA256Digest(bytes: SHA256.hash(tar)))
        return (package, file, tar)
    }

    private func patch(_ old: [UInt8], _ new: [UInt8]) throws -> [UInt8] {
        func identity(_ bytes: [UInt8]) throws -> ContentIdentity {
            ContentIdentity(length: UInt64(bytes.count), sha256: try SHA256Digest(bytes: SHA256.hash(bytes)))
        }
        let oldFile = try FileDescriptor.open(try folder.write("old", old))
        let newFile = try FileDescriptor.open(try folder.write("new", new))
        var patch: [UInt8] = []
        try ContentWorker(program: try agentProgram()).makePatch(
            try PatchHeader(from: identity(old), to: identity(new)), old: oldFile, new: newFile
        ) { patch += $0 }
        return patch
    }

    private func plan(_ means: TransferMeans, _ bytes: [UInt8], base: SHA256Digest? = nil) throws -> Message {
        .plan(
            Plan(
                means: means, sha256: try SHA256Digest(bytes: SHA256.hash(bytes)), length: UInt64(bytes.count),
                base: base))
    }

    private func printed() throws -> String {
        try ChildProcess("\(state)/products/tool/current/bin/tool").run().outputText
    }

    /// Installs 1.0, orders 2.0 with what `answer` says to the agent's question, and waits until it is installed.
    private func update(
        _ answer: (_ patch: [UInt8], _ old: [UInt8], _ new: [UInt8], _ package: Package) throws -> Message
    ) async throws -> AgentProcess {
        try spoke.makeState(state)
        let agent = AgentProcess(state)
        try agent.run()
        let one = try release("1.0", counter: 1)
        try spoke.add(one.package, one.file)
        try spoke.order(one.package, action: Sample.action(1))
        try await eventually("1.0 installed: \(agent.log)") { spoke.states(Sample.action(1)).last == .succeeded }
        #expect(try Directory.list("\(state)/bases/tool") == [one.package.content.sha256.hex])
        let two = try release("2.0", counter: 2)
        try spoke.add(two.package, two.file)
        let patch = try patch(one.tar, two.tar)
        #expect(patch.count < two.file.count / 4)
        try spoke.hold(patch)
        try spoke.hold(two.tar)
        spoke.answerPlans(with: try answer(patch, one.tar, two.tar, two.package))
        try spoke.order(two.package, action: Sample.action(2))
        try await eventually("2.0 installed: \(agent.log)") { spoke.states(Sample.action(2)).last == .succeeded }
        #expect(try printed() == "tool 2.0\n")
        #expect(spoke.plansAsked.last?.bases == [one.package.content.sha256])
        #expect(try Directory.list("\(state)/bases/tool") == [two.package.content.sha256.hex])
        #expect(try Directory.list("\(state)/downloads").isEmpty)
        return agent
    }

    @Test("an update comes as a patch of the content that was kept, and an agent without an answer takes the file")
    func patched() async throws {
        var wanted: SHA256Digest?
        _ = try await update { patch, old, _, package in
            wanted = package.sha256
            return try plan(.patch, patch, base: SHA256Digest(bytes: SHA256.hash(old)))
        }
        #expect(spoke.fetched.last != wanted)
        #expect(spoke.fetched.count == 2)
    }

    @Test("an update comes as its content where the spoke says so")
    func content() async throws {
        var wanted: SHA256Digest?
        _ = try await update { _, _, new, package in
            wanted = package.content.sha256
            return try plan(.content, new)
        }
        #expect(spoke.fetched.last == wanted)
    }

    @Test(
        "a spoke that plans what is not signed, or gives a wrong patch, makes the agent take the published file",
        arguments: ["base", "huge", "other content", "damaged", "missing", "chunks", "hostile chunks"])
    func hostile(how: String) async throws {
        var published: SHA256Digest?
        let agent = try await update { patch, old, new, package in
            published = package.sha256
            let base = try SHA256Digest(bytes: SHA256.hash(old))
            switch how {
            case "base": return try plan(.patch, patch, base: SHA256Digest(bytes: SHA256.hash([1])))
            case "huge":
                return .plan(Plan(means: .content, sha256: package.content.sha256, length: 1 << 60))
            case "other content": return try plan(.content, old)
            case "damaged":
                // Its header says what is wanted, and what it gives is something else.
                var other = new
                other[other.count / 2] ^= 1
                var lie = try self.patch(old, other)
                lie.replaceSubrange(..<PatchHeader.length, with: patch[..<PatchHeader.length])
                try spoke.hold(lie)
                return try plan(.patch, lie, base: base)
            case "missing": return try plan(.patch, [1, 2, 3], base: base)
            case "hostile chunks":
                let header = try ChunkDeltaHeader(
                    from: ContentIdentity(length: UInt64(old.count), sha256: base),
                    to: ContentIdentity(
                        length: UInt64(new.count), sha256: SHA256Digest(bytes: SHA256.hash(new))), isPacked: false)
                let lie = header.encoded() + [0, 0, 0, 2, 1, 0, 7]
                try spoke.hold(lie)
                return try plan(.plainChunks, lie, base: base)
            default: return try plan(.chunks, [1], base: SHA256Digest(bytes: SHA256.hash([1])))
            }
        }
        #expect(spoke.fetched.last == published)
        #expect(agent.log.contains("comes as its published file"))
    }
}

@Suite("Bases of patches")
struct ReleaseBasesTests {
    @Test("a base is kept only while it takes its share of the free disk")
    func share() {
        #expect(ReleaseBases.isKept(ByteCount(10), free: ByteCount(100), share: 10))
        #expect(!ReleaseBases.isKept(ByteCount(11), free: ByteCount(100), share: 10))
        #expect(!ReleaseBases.isKept(.zero, free: .maximum, share: 0))
        #expect(!ReleaseBases.isKept(.maximum, free: ByteCount(100), share: .max))
    }

    @Test("the content of a newer release takes the place of the older one, and a share of nothing keeps nothing")
    func superseded() throws {
        let folder = try TestFolder()
        let bases = ReleaseBases(
            folder: folder.file("bases"), share: 10, worker: ContentWorker(program: try agentProgram()))
        for version in ["1.0", "2.0"] {
            let archive = Sample.archive(version: version)
            let package = try Sample.package(archive, release: version)
            let files = PackageFiles(package, in: folder.file("downloads"))
            _ = try folder.write("downloads/\(package.sha256.hex)", archive)
            try bases.keep(files)
            // Again, as after a cut.
            try bases.keep(files)
            let base = try #require(try bases.base(of: package.path.product))
            #expect(base.identity.sha256 == package.sha256)
            #expect(try File.read(base.path, limit: 1 << 20) == archive)
        }
        let none = ReleaseBases(
            folder: folder.file("none"), share: 0, worker: ContentWorker(program: try agentProgram()))
        let archive = Sample.archive(version: "3.0")
        let package = try Sample.package(archive, release: "3.0")
        _ = try folder.write("downloads/\(package.sha256.hex)", archive)
        try none.keep(PackageFiles(package, in: folder.file("downloads")))
        #expect(try none.base(of: package.path.product) == nil)
    }
}
