import Agent
import Content
import Model
import Protocol
import System
import TLS
import TestSupport
import Testing

/// A release as a zstd file, and the tar inside.
enum PackedRelease {
    static func make(_ version: String, counter: UInt64, in folder: TestFolder) throws -> (
        package: Package, file: [UInt8], tar: [UInt8]
    ) {
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
}

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
        let one = try PackedRelease.make("1.0", counter: 1, in: folder)
        try spoke.add(one.package, one.file)
        try spoke.order(one.package, action: Sample.action(1))
        try await eventually("1.0 installed: \(agent.log)") { spoke.states(Sample.action(1)).last == .succeeded }
        #expect(try Directory.list("\(state)/bases/tool") == [one.package.content.sha256.hex])
        let two = try PackedRelease.make("2.0", counter: 2, in: folder)
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

/// Machines that cannot unpack the published file, and spokes that lose what was begun.
@Suite("Agents and contents", .serialized)
struct AgentContentTests {
    let folder: TestFolder
    let spoke: FakeSpoke
    let state: String
    let release: (package: Package, file: [UInt8], tar: [UInt8])

    init() throws {
        folder = try TestFolder()
        spoke = try FakeSpoke()
        state = folder.file("state")
        try spoke.makeState(state)
        release = try PackedRelease.make("1.0", counter: 1, in: folder)
        try spoke.add(release.package, release.file)
    }

    private var contentPlan: Message {
        let content = release.package.content
        return .plan(Plan(means: .content, sha256: content.sha256, length: content.length.bytes))
    }
    private var filePlan: Message {
        .plan(Plan(means: .published, sha256: release.package.sha256, length: release.package.length))
    }

    /// An agent on a machine whose libzstd is no library.
    private func lame() throws -> AgentProcess {
        let library = try folder.write("libraries/libzstd.so.1", Array("no library".utf8))
        return AgentProcess(state, libraries: Directory.parent(of: library))
    }

    private func installed(_ agent: AgentProcess) async throws {
        try await eventually("installed: \(agent.log)") { spoke.states(Sample.action(1)).last == .succeeded }
        #expect(try ChildProcess("\(state)/products/tool/current/bin/tool").run().outputText == "tool 1.0\n")
        #expect(try Directory.list("\(state)/downloads").isEmpty)
    }

    @Test("a machine that cannot unpack the file waits for its content, and is installed with that")
    func waits() async throws {
        let busy = ErrorReply(code: .busy, text: "it is being unpacked", retryAfterSeconds: 1)
        spoke.answerPlans(with: .error(busy), contentPlan)
        try spoke.hold(release.tar)
        let agent = try lame()
        try agent.run()
        try spoke.order(release.package, action: Sample.action(1))
        try await installed(agent)
        #expect(spoke.plansAsked.count == 2 && spoke.plansAsked.allSatisfy(\.isUnpackedOnly))
        #expect(spoke.fetched == [release.package.content.sha256])
        #expect(agent.log.contains("is waited for: it is being unpacked"))
    }

    @Test(
        "an older spoke, which plans the file all the same or knows no plans, is asked for the content by its hash",
        arguments: [false, true])
    func older(knowsPlans: Bool) async throws {
        if knowsPlans { spoke.answerPlans(with: filePlan) }
        try spoke.hold(release.tar)
        let agent = try lame()
        try agent.run()
        try spoke.order(release.package, action: Sample.action(1))
        try await installed(agent)
        #expect(spoke.fetched == [release.package.content.sha256])
    }

    @Test("a spoke that cannot unpack it either leaves it to people, who are told what to do")
    func cannot() async throws {
        spoke.answerPlans(
            with: .error(ErrorReply(code: .notFound, text: "it cannot be unpacked at this spoke")), contentPlan)
        let agent = try lame()
        try agent.run()
        try spoke.order(release.package, action: Sample.action(1))
        try await eventually("told: \(agent.log)") {
            agent.log.contains("no libzstd.so.1") && agent.log.contains("cannot be unpacked at this spoke")
                && agent.log.contains("install libzstd1") && agent.log.contains("publish it as tar or tar.gz")
        }
        #expect(spoke.fetched.isEmpty)
        // Somebody has installed it at the spoke.
        try spoke.hold(release.tar)
        try await installed(agent)
    }

    @Test("a file that was begun is given up when the spoke holds nothing but the content any more")
    func begun() async throws {
        let busy = ErrorReply(code: .busy, text: "it is not here any more", retryAfterSeconds: 1)
        spoke.answerPlans(with: filePlan, filePlan, contentPlan)
        try spoke.hold(release.tar)
        spoke.cut(after: release.file.count / 2)
        let agent = AgentProcess(state)
        try agent.run()
        try spoke.order(release.package, action: Sample.action(1))
        try await eventually("begun: \(agent.log)") { spoke.fetched.count == 1 }
        spoke.refuse(release.package.sha256, with: busy)
        try await installed(agent)
        #expect(spoke.fetched == [release.package.sha256, release.package.sha256, release.package.content.sha256])
        #expect(spoke.offsets == [0, UInt64(release.file.count / 2), 0])
    }
}

@Suite("Plans of a download")
struct DownloadPlanTests {
    @Test(
        "a file that was begun is gone on with where it lacks no more than what is planned, unless the spoke has lost it"
    )
    func begun() throws {
        var package = try Sample.package([1])
        package.length = 1000
        package.metadata.content = PackageContent(
            coding: .zstd, length: ByteCount(4000), sha256: try SHA256Digest(bytes: [UInt8](repeating: 7, count: 32)))
        let base = ReleaseBases.Base(identity: ContentIdentity(length: 1, sha256: package.sha256), path: "")
        let patch = DownloadPlan.patch(ContentIdentity(length: 100, sha256: package.sha256), base: base)
        #expect(patch.isWorseThan(begun: 900, of: package) && patch.isWorseThan(begun: 1000, of: package))
        #expect(!patch.isWorseThan(begun: 899, of: package) && !patch.isWorseThan(begun: 0, of: package))
        #expect(!patch.isWorseThan(begun: 2000, of: package))
        for plan in [DownloadPlan.published, .content, .refused("?")] {
            #expect(!plan.isWorseThan(begun: 999, of: package))
        }
        package.metadata.content?.length = ByteCount(900)
        #expect(DownloadPlan.content.isWorseThan(begun: 100, of: package))
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

    @Test("files that another package of the same bytes needs are left where they are")
    func shared() throws {
        let folder = try TestFolder()
        let bases = ReleaseBases(
            folder: folder.file("bases"), share: 10, worker: ContentWorker(program: try agentProgram()))
        let archive = Sample.archive(version: "1.0")
        for product in ["tool", "other"] {
            let package = try Sample.package(archive, product: product)
            let files = PackageFiles(package, in: folder.file("downloads"))
            if product == "tool" { _ = try folder.write("downloads/\(package.sha256.hex)", archive) }
            try bases.keep(files, leavingFiles: product == "tool")
            // Again, as after a cut.
            try bases.keep(files, leavingFiles: product == "tool")
            #expect((files.archive != nil) == (product == "tool"))
            let base = try #require(try bases.base(of: package.path.product))
            #expect(try File.read(base.path, limit: 1 << 20) == archive)
        }
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
