import Content
import Hub
import Model
import Storage
import System
import TLS
import TestSupport
import Testing

/// The hub's patches, made for real: a pool of packages, a pool of patches, and limited children.
@Suite("patches between real packages", .serialized) struct PatchMakerTests {
    private let folder: TemporaryFolder
    private let packages: any PackagePool
    private let maker: PatchMaker

    init() throws {
        folder = try TemporaryFolder()
        packages = try PoolFolder.open(
            Directory.join(folder.path, "pool"), quota: ByteCount(50_000_000), new: .file)
        maker = try Self.maker(folder.path, packages)
    }

    private static func maker(
        _ folder: String, _ packages: any PackagePool, quota: UInt64 = 10_000_000, program: String = "axle-agent"
    ) throws -> PatchMaker {
        let program = Directory.join(Directory.parent(of: try CurrentProcess.executablePath()), program)
        if !File.exists(folder) { try Directory.create(folder, mode: 0o700) }
        return try PatchMaker(
            folder: Directory.join(folder, "patches"), quota: ByteCount(quota), packages: packages, program: program,
            scratch: folder)
    }

    /// Bytes that do not pack well.
    private func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(state: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private func hash(_ bytes: [UInt8]) throws -> SHA256Digest { try SHA256Digest(bytes: SHA256.hash(bytes)) }

    private func put(_ bytes: [UInt8], into pool: any PackagePool) throws {
        let reservation = try pool.reserve(try hash(bytes), length: ByteCount(UInt64(bytes.count)))
        try pool.write(reservation, at: .zero, bytes.span.bytes)
        try pool.publish(reservation)
    }

    /// A release with this content, packed or not; its published file is in the hub's pool.
    private func release(_ name: String, _ content: [UInt8], packed: Bool = true) throws -> Package {
        var package = try samplePackage(name)
        var file = content
        if packed {
            let path = try folder.write("\(name).tar", content)
            file = try Program.run("zstd", ["-q", "-1", "-c", path])
            package.metadata.content = PackageContent(
                coding: .zstd, length: ByteCount(UInt64(content.count)), sha256: try hash(content))
        }
        package.length = UInt64(file.count)
        package.sha256 = try hash(file)
        try put(file, into: packages)
        return package
    }

    private func make(
        _ maker: PatchMaker, _ old: Package, _ new: Package, _ means: TransferMeans = .patch, limit: UInt64? = nil,
        evictable: [SHA256Digest] = []
    ) async -> PatchResult {
        let job = PatchJob(means, old: old, new: new, limit: limit ?? new.length - 1, evictable: evictable)
        return await withCheckedContinuation { continuation in
            maker.make(job) { continuation.resume(returning: $0) }
        }
    }

    @Test func twoPackedReleasesAreUnpackedAndThePatchTurnsOneIntoTheOther() async throws {
        let first = bytes(600_000, seed: 1)
        let second = Array(first[..<300_000]) + bytes(500, seed: 2) + Array(first[300_000...])
        let (old, new) = (try release("1.0", first), try release("2.0", second))
        let result = await make(maker, old, new)
        guard case .made(let digest, let length) = result.outcome else {
            return #expect(Bool(false), "\(result.outcome)")
        }
        #expect(length < 5_000 && result.evicted.isEmpty)
        #expect(result.contents == [old.content.sha256, new.content.sha256])
        #expect(packages.length(of: new.content.sha256) == ByteCount(600_500))
        #expect(maker.patches.length(of: digest) == ByteCount(length))
        #expect(maker.contents.held == [digest])
        // A spoke with the old content makes the new one of it.
        let spoke = try PoolFolder.open(
            Directory.join(folder.path, "spoke"), quota: ByteCount(50_000_000), new: .file)
        try put(first, into: spoke)
        let program = Directory.join(Directory.parent(of: try CurrentProcess.executablePath()), "axle-agent")
        try ContentIntake(worker: ContentWorker(program: program), scratch: folder.path).patch(
            ContentIdentity(length: 600_000, sha256: old.content.sha256), by: digest,
            to: ContentIdentity(length: 600_500, sha256: new.content.sha256), from: maker.patches, into: spoke)
        #expect(spoke.length(of: new.content.sha256) == ByteCount(600_500))
    }

    @Test(arguments: [TransferMeans.chunks, .plainChunks])
    func chunkDeltasAreMadeAsPatchesAreAndTakenByTheSamePool(means: TransferMeans) async throws {
        let first = bytes(600_000, seed: 1)
        let second = Array(first[..<300_000]) + bytes(500, seed: 2) + Array(first[300_000...])
        let (old, new) = (try release("1.0", first), try release("2.0", second))
        let result = await make(maker, old, new, means)
        guard case .made(let digest, let length) = result.outcome else {
            return #expect(Bool(false), "\(result.outcome)")
        }
        #expect(length < 1_000 && result.key.means == means)
        let spoke = try PoolFolder.open(
            Directory.join(folder.path, "spoke"), quota: ByteCount(50_000_000), new: .file)
        try put(first, into: spoke)
        let program = Directory.join(Directory.parent(of: try CurrentProcess.executablePath()), "axle-agent")
        try ContentIntake(worker: ContentWorker(program: program), scratch: folder.path).patch(
            ContentIdentity(length: 600_000, sha256: old.content.sha256), by: digest,
            to: ContentIdentity(length: 600_500, sha256: new.content.sha256), from: maker.patches, into: spoke)
        #expect(spoke.length(of: new.content.sha256) == ByteCount(600_500))
        // Contents that have nothing in common.
        let useless = await make(maker, old, try release("3.0", bytes(50_000, seed: 9)), means)
        guard case .useless = useless.outcome else { return #expect(Bool(false), "\(useless.outcome)") }
    }

    @Test func aPoolOfChunksGivesAndTakesContentsTheSameWay() async throws {
        let first = bytes(600_000, seed: 1)
        let (old, new) = (try release("1.0", first), try release("2.0", first + bytes(500, seed: 2)))
        let chunks = try PoolFolder.open(
            Directory.join(folder.path, "chunks"), quota: ByteCount(1_000_000_000), new: .container)
        for package in [old, new] {
            let reader = try packages.open(package.sha256)
            try put(try reader.read(at: .zero, count: Int(package.length)), into: chunks)
        }
        let result = await make(try Self.maker(folder.path + "/2", chunks), old, new)
        guard case .made(_, let length) = result.outcome else { return #expect(Bool(false), "\(result.outcome)") }
        #expect(length < 5_000 && chunks.length(of: new.content.sha256) == new.content.length)
    }

    @Test func filesThatAreNotPackedArePatchedAsTheyAre() async throws {
        let first = bytes(100_000, seed: 1)
        let (old, new) = (
            try release("1.0", first, packed: false), try release("2.0", first + [1, 2, 3], packed: false)
        )
        let result = await make(maker, old, new)
        guard case .made(_, let length) = result.outcome else { return #expect(Bool(false), "\(result.outcome)") }
        #expect(length < 2_000 && result.contents.isEmpty)
    }

    @Test func aPatchThatWouldBeNoSmallerIsOfNoUse() async throws {
        let (old, new) = (try release("1.0", bytes(50_000, seed: 1)), try release("2.0", bytes(50_000, seed: 2)))
        let result = await make(maker, old, new)
        guard case .useless(let why) = result.outcome else { return #expect(Bool(false), "\(result.outcome)") }
        #expect(why.contains("less than a tenth"))
        #expect(maker.patches.list().isEmpty && maker.patches.account().reserved == .zero)
    }

    @Test func aPackageThatHoldsNotWhatWasSignedIsSaidToBeSo() async throws {
        let first = bytes(50_000, seed: 1)
        var new = try release("2.0", first + [1])
        new.metadata.content?.sha256 = try digest(3)
        let result = await make(maker, try release("1.0", first), new)
        guard case .useless(let why) = result.outcome else { return #expect(Bool(false), "\(result.outcome)") }
        #expect(why.contains("not what was signed"))
        #expect(packages.length(of: try digest(3)) == nil)
    }

    @Test func aChildThatDiesIsAFailureThatMayPass() async throws {
        let first = bytes(50_000, seed: 1)
        let broken = try Self.maker(folder.path + "/2", packages, program: "no-such-program")
        let result = await make(broken, try release("1.0", first), try release("2.0", first + [1]))
        guard case .failed = result.outcome else { return #expect(Bool(false), "\(result.outcome)") }
    }

    @Test(arguments: [ContentCoding.zstd, .xz])
    func aMissingLibraryIsToldFromAFileThatCannotBeUnpacked(coding: ContentCoding) async throws {
        // What a limited child says where there is no library.
        let program = try folder.write(
            "child", Array("#!/bin/sh\necho \"unavailable the library is not here\" >&2\nexit 1\n".utf8))
        try Program.run("chmod", ["755", program])
        let lame = try PatchMaker(
            folder: Directory.join(folder.path, "other"), quota: ByteCount(1_000_000), packages: packages,
            program: program, scratch: folder.path)
        let first = bytes(50_000, seed: 1)
        var (old, new) = (try release("1.0", first), try release("2.0", first + [1]))
        old.metadata.content?.coding = coding
        new.metadata.content?.coding = coding
        let missing = PatchOutcome.unavailable("the library is not here")
        let other = PatchOutcome.useless("the library is not here")
        #expect(await make(lame, old, new).outcome == (coding == .zstd ? missing : other))
        let plain = try release("3.0", first + [3], packed: false)
        #expect(await make(lame, plain, try release("4.0", first + [4], packed: false)).outcome == missing)
    }

    @Test func theFirstOfTheEvictableMakesRoom() async throws {
        let first = bytes(300_000, seed: 1)
        let releases = try (0...3).map { number in
            try release("\(number).0", first + bytes(40_000, seed: UInt64(number + 10)), packed: false)
        }
        let small = try Self.maker(folder.path + "/2", packages, quota: 100_000)
        var made: [SHA256Digest] = []
        for new in releases[1...2] {
            guard case .made(let digest, _) = await make(small, releases[0], new).outcome else {
                return #expect(Bool(false), "not made")
            }
            made.append(digest)
        }
        let result = await make(small, releases[0], releases[3], evictable: [made[1], made[0]])
        guard case .made = result.outcome else { return #expect(Bool(false), "\(result.outcome)") }
        #expect(result.evicted == [made[1]] && small.patches.length(of: made[0]) != nil)
        // One that is larger than the pool drops nothing.
        let large = try release("9.0", first + bytes(200_000, seed: 99), packed: false)
        guard case .useless = await make(small, releases[0], large, evictable: [made[0]]).outcome else {
            return #expect(Bool(false), "made")
        }
        #expect(small.patches.length(of: made[0]) != nil)
    }

    @Test func aDamagedPatchIsFoundAndRemoved() async throws {
        let first = bytes(100_000, seed: 1)
        let result = await make(maker, try release("1.0", first), try release("2.0", first + bytes(500, seed: 3)))
        guard case .made(let digest, _) = result.outcome else { return #expect(Bool(false), "\(result.outcome)") }
        let path = Directory.join(folder.path, "patches/packages/\(digest.hex.prefix(2))/\(digest.hex)")
        var bytes = try File.read(path, limit: 1 << 20)
        bytes[bytes.count / 2] ^= 1
        try File.remove(path)
        _ = try folder.write("patches/packages/\(digest.hex.prefix(2))/\(digest.hex)", bytes)
        let why = await withCheckedContinuation { continuation in
            maker.check(digest) { continuation.resume(returning: $0) }
        }
        #expect(why.contains("damaged") && maker.patches.list().isEmpty)
        #expect(maker.patches.account().used == .zero)
    }

    @Test func stoppingEndsWhatIsUnderWay() async throws {
        let content = bytes(4_000_000, seed: 1)
        let (old, new) = (try release("1.0", content), try release("2.0", content + [1]))
        let told = NativeLock(0)
        for _ in 0..<20 {
            maker.make(PatchJob(old: old, new: new, limit: new.length)) { _ in told.withLock { $0 += 1 } }
        }
        await maker.stop()
        #expect(told.withLock { $0 } < 20)
        #expect(packages.account().reserved == .zero && maker.patches.account().reserved == .zero)
    }
}
