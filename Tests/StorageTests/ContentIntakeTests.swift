import Content
import Model
import Storage
import StorageSupport
import System
import TestSupport
import Testing

/// Contents that are made in a limited child and end in a pool.
@Suite struct ContentIntakeTests {
    static let kinds: [PoolKind] = [.file, .container, .memory]

    /// A pool that holds a published file and the content of the release before, and a patch between the contents.
    private struct Scene {
        let fixture: PoolFixture
        let pool: any PackagePool
        let worker: ContentWorker
        let scratch: TemporaryFolder
        let old: [UInt8]
        let new: [UInt8]
        let published: SHA256Digest
        let patch: SHA256Digest

        init(_ kind: PoolKind, length: Int = 900_000, program: String? = nil) throws {
            scratch = try TemporaryFolder()
            fixture = try PoolFixture(kind)
            pool = try fixture.open()
            let agent = Directory.join(
                Directory.parent(of: try CurrentProcess.executablePath()), "axle-agent")
            worker = ContentWorker(program: program ?? agent)
            old = sample(1, length)
            new = Array(old[1000...] + sample(2, 500))
            let plain = Directory.join(scratch.path, "plain")
            try AtomicFile.write(new, to: plain)
            published = try pool.add(try Program.run("zstd", ["-q", "-c", plain]))
            try pool.add(old)
            patch = try pool.add(try Self.patch(old, new, agent, scratch.path))
        }

        static func patch(_ old: [UInt8], _ new: [UInt8], _ program: String, _ folder: String) throws -> [UInt8] {
            func file(_ bytes: [UInt8]) throws -> FileDescriptor {
                let file = try FileDescriptor.unnamed(in: folder)
                try file.write(bytes)
                return file
            }
            var patch: [UInt8] = []
            try ContentWorker(program: program).makePatch(
                try PatchHeader(from: identity(old), to: identity(new)), old: try file(old), new: try file(new)
            ) { patch += $0 }
            return patch
        }

        var intake: ContentIntake { ContentIntake(worker: worker, scratch: scratch.path) }

        func unpack(_ content: ContentIdentity? = nil, _ cancellation: Cancellation? = nil) throws {
            try intake.unpack(
                published, .zstd, to: try content ?? identity(new), from: pool, into: pool, cancellation: cancellation)
        }

        func apply(
            _ patch: SHA256Digest? = nil, base: [UInt8]? = nil, to content: ContentIdentity? = nil,
            reserved: Reservation? = nil
        ) throws {
            try intake.patch(
                try identity(base ?? old), by: patch ?? self.patch, to: try content ?? identity(new), from: pool,
                into: pool, reserved: reserved)
        }

        /// That nothing but what was there at first is there, and no room is held.
        func isUntouched() throws -> Bool {
            try pool.length(of: digest(of: new)) == nil && pool.list().count == 3 && pool.account().reserved == .zero
                && pool.check(readData: true).isClean
        }
    }

    static func identity(_ bytes: [UInt8]) throws -> ContentIdentity {
        ContentIdentity(length: UInt64(bytes.count), sha256: try digest(of: bytes))
    }

    private static func lent(_ pool: any PackagePool, _ reservation: Reservation) throws -> FileDescriptor {
        guard let file = try pool.lend(reservation) else { throw TestSupportError("no file was lent") }
        return file
    }

    @Test(arguments: kinds) func aContentIsUnpackedAndStaysAcrossARestart(kind: PoolKind) throws {
        let scene = try Scene(kind)
        try scene.unpack()
        #expect(try scene.fixture.open().content(try digest(of: scene.new)) == scene.new)
        // It is there: nothing is done again, by a worker that could not.
        try ContentIntake(worker: ContentWorker(program: "/bin/false"), scratch: scene.scratch.path).unpack(
            scene.published, .zstd, to: try Self.identity(scene.new), from: scene.pool, into: scene.pool)
    }

    @Test(arguments: kinds) func aPatchGivesTheContentInThePool(kind: PoolKind) throws {
        let scene = try Scene(kind)
        try scene.apply()
        let pool = try scene.fixture.open()
        #expect(try pool.content(try digest(of: scene.new)) == scene.new)
        #expect(pool.check(readData: true).isClean)
        #expect(pool.account().reserved == .zero)
    }

    @Test(arguments: kinds) func roomThatWasHeldBeforeThePatchCameIsUsedAndGivenBack(kind: PoolKind) throws {
        let scene = try Scene(kind)
        let length = ByteCount(UInt64(scene.new.count))
        let room = try scene.pool.reserve(try digest(of: scene.new), length: length)
        try scene.apply(reserved: room)
        #expect(try scene.pool.content(try digest(of: scene.new)) == scene.new)
        #expect(scene.pool.account().reserved == .zero)
        // Also where the patch turns out to be none.
        let other = try Scene(kind)
        let lie = ContentIdentity(length: UInt64(other.new.count), sha256: try digest(of: [1]))
        let held = try other.pool.reserve(lie.sha256, length: length)
        #expect(throws: ContentError.self) { try other.apply(to: lie, reserved: held) }
        #expect(try other.isUntouched())
    }

    @Test(arguments: kinds) func aContentWithAnotherHashThanWasSignedLeavesNothing(kind: PoolKind) throws {
        let scene = try Scene(kind)
        let lie = ContentIdentity(length: UInt64(scene.new.count), sha256: try digest(of: [1]))
        #expect(throws: StorageError.hashMismatch(resumed: false)) { try scene.unpack(lie) }
        let longer = ContentIdentity(length: UInt64(scene.new.count) + 1, sha256: try digest(of: [1]))
        #expect(throws: ContentError.self) { try scene.unpack(longer) }
        let shorter = ContentIdentity(length: UInt64(scene.new.count) - 1, sha256: try digest(of: [1]))
        #expect(throws: ContentError.self) { try scene.unpack(shorter) }
        #expect(throws: ContentError.self) { try scene.apply(to: lie) }
        #expect(try scene.isUntouched())
    }

    @Test(arguments: kinds) func aPatchWhoseHeaderLiesAboutWhatItGivesIsRefusedByTheHash(kind: PoolKind) throws {
        let scene = try Scene(kind)
        var other = scene.new
        other[500_000] ^= 1
        var lie = try scene.pool.content(scene.patch)
        let header = try PatchHeader(from: Self.identity(scene.old), to: Self.identity(other)).encoded()
        lie.replaceSubrange(..<PatchHeader.length, with: header)
        let name = try scene.pool.add(lie)
        #expect(throws: StorageError.hashMismatch(resumed: false)) {
            try scene.apply(name, to: Self.identity(other))
        }
        #expect(scene.pool.length(of: try digest(of: other)) == nil)
        #expect(scene.pool.account().reserved == .zero)
        // The right one is still taken.
        try scene.apply()
    }

    @Test(arguments: kinds) func aPatchForAnotherBaseIsRefusedByName(kind: PoolKind) throws {
        let scene = try Scene(kind)
        let other = sample(9, scene.old.count)
        try scene.pool.add(other)
        let error = #expect(throws: ContentError.self) { try scene.apply(base: other) }
        #expect(error?.code == .wrongReference)
        #expect(scene.pool.length(of: try digest(of: scene.new)) == nil)
    }

    @Test(arguments: kinds) func aContentWithoutRoomIsRefusedBeforeAChildIsStarted(kind: PoolKind) throws {
        let scene = try Scene(kind, program: "/nonexistent/program")
        try scene.pool.setQuota(ByteCount(scene.pool.committed + 500_000))
        let unpacking = #expect(throws: StorageError.self) { try scene.unpack() }
        let patching = #expect(throws: StorageError.self) { try scene.apply() }
        #expect(unpacking?.isFull == true && patching?.isFull == true)
        #expect(try scene.isUntouched())
    }

    @Test(arguments: kinds) func aCancelledUnpackingIsGoneOnWith(kind: PoolKind) throws {
        let scene = try Scene(kind)
        let cancellation = Cancellation()
        cancellation.cancel()
        let error = #expect(throws: ContentError.self) { try scene.unpack(nil, cancellation) }
        #expect(error?.code == .cancelled)
        #expect(try scene.isUntouched())
        // As an attempt that was cut off half-way leaves it.
        let reservation = try scene.pool.reserve(try digest(of: scene.new), length: ByteCount(UInt64(scene.new.count)))
        try scene.pool.append(reservation, at: 0, Array(scene.new.prefix(400_001)))
        scene.pool.abandon(reservation, keepingBytes: true)
        try scene.unpack()
        #expect(try scene.pool.content(try digest(of: scene.new)) == scene.new)
    }

    @Test(arguments: kinds) func aChildThatIsKilledIsAnErrorAndLeavesNoRoomHeld(kind: PoolKind) throws {
        let folder = try TemporaryFolder()
        let program = Directory.join(folder.path, "killed")
        try AtomicFile.write("#!/bin/sh\nhead -c 100000 /dev/zero\nkill -9 $$\n", to: program, mode: 0o755)
        let scene = try Scene(kind, program: program)
        #expect(throws: (any Error).self) { try scene.unpack() }
        #expect(throws: (any Error).self) { try scene.apply() }
        #expect(try scene.isUntouched())
        let whole = ContentIntake(
            worker: ContentWorker(
                program: Directory.join(Directory.parent(of: try CurrentProcess.executablePath()), "axle-agent")),
            scratch: folder.path)
        try whole.unpack(
            scene.published, .zstd, to: try Self.identity(scene.new), from: scene.pool, into: scene.pool)
        #expect(try scene.pool.content(try digest(of: scene.new)) == scene.new)
    }

    @Test func whatACrashLeavesOfALentFileIsMadeAnew() throws {
        let scene = try Scene(.file)
        let name = try digest(of: scene.new)
        let reservation = try scene.pool.reserve(name, length: ByteCount(UInt64(scene.new.count)))
        let file = try Self.lent(scene.pool, reservation)
        try file.write(Array(scene.new.prefix(100_000)), at: 0)
        let after = try scene.fixture.open()
        try ContentIntake(worker: scene.worker, scratch: scene.scratch.path).patch(
            try Self.identity(scene.old), by: scene.patch, to: try Self.identity(scene.new), from: after, into: after)
        #expect(try after.content(name) == scene.new)
        withExtendedLifetime(reservation) {}
    }

    @Test(arguments: PoolKind.allCases) func aFileOfAPackageHoldsExactlyItsBytes(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open()
        let folder = try TemporaryFolder()
        for bytes in [[], sample(1, 1), sample(2, 2_500_000)] {
            let reader = try pool.open(try pool.add(bytes))
            let file = try reader.file(scratch: folder.path)
            #expect(try file.status().size == bytes.count)
            #expect(try file.read(count: bytes.count + 1, at: 0) == bytes)
            #expect(try Directory.list(folder.path).isEmpty)
        }
    }

    @Test func aScratchFileWithoutRoomIsRefused() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: StorageError.self) {
            _ = try ScratchFile.make(in: folder.path, length: ByteCount(1 << 60))
        }
        guard case .scratchFull = error else { return #expect(Bool(false), "\(String(describing: error))") }
    }

    @Test(arguments: PoolKind.allCases) func aLentFileIsFilledByOthersAloneAndHashedWhole(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open()
        let bytes = sample(5, 700_000)
        let name = try digest(of: bytes)
        var reservation = try pool.reserve(name, length: ByteCount(700_000))
        try pool.append(reservation, at: 0, Array(bytes.prefix(10)))
        guard let wrong = try pool.lend(reservation) else {
            // Bytes come by `write` where no file is lent.
            try pool.append(reservation, at: 10, Array(bytes.dropFirst(10)))
            return try pool.publish(reservation)
        }
        #expect(try fixture.open().account().used == ByteCount(700_000))
        #expect(throws: StorageError.reservationEnded) { try pool.append(reservation, at: 10, [1]) }
        #expect(throws: StorageError.reservationEnded) { _ = try pool.lend(reservation) }
        try wrong.write(Array(bytes.dropLast()), at: 0)
        #expect(throws: StorageError.hashMismatch(resumed: false)) { try pool.publish(reservation) }
        #expect(pool.committed == 0)
        reservation = try pool.reserve(name, length: ByteCount(700_000))
        let longer = try Self.lent(pool, reservation)
        try longer.write(bytes + [0], at: 0)
        #expect(throws: StorageError.hashMismatch(resumed: false)) { try pool.publish(reservation) }
        reservation = try pool.reserve(name, length: ByteCount(700_000))
        let right = try Self.lent(pool, reservation)
        try right.write(bytes, at: 0)
        try pool.publish(reservation)
        #expect(try fixture.open().content(name) == bytes)
        #expect(try fixture.open().check(readData: true).isClean)
    }
}
