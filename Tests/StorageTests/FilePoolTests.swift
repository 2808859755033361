import Foundation
import Model
import Storage
import StorageSupport
import System
import TestSupport
import Testing

@Suite struct FilePoolTests {
    @Test func aFolderThatIsNotOursIsRefusedAndNotTouched() throws {
        let fixture = try PoolFixture(.file)
        try Directory.create(fixture.folder)
        try AtomicFile.write("mine", to: fixture.folder + "/letter.txt")
        #expect(throws: StorageError.self) { try fixture.open() }
        #expect(try Directory.list(fixture.folder) == ["letter.txt"])
        try AtomicFile.write("axle pool 2\n", to: fixture.folder + "/format")
        let error = #expect(throws: StorageError.self) { try fixture.open() }
        guard case .foreignFolder = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func filesThatAreNoHashesAndLinksAreLeftAlone() throws {
        let fixture = try PoolFixture(.file)
        let name = try fixture.open().add(sample(1, 10))
        let part = "\(fixture.folder)/packages/\(name.hex.prefix(2))"
        try AtomicFile.write("x", to: part + "/readme")
        let other = try digest(of: [9])
        try Directory.create("\(fixture.folder)/packages/\(other.hex.prefix(2))")
        try File.swapLink("\(fixture.folder)/packages/\(other.hex.prefix(2))/\(other.hex)", to: "/etc/passwd")
        let pool = try fixture.open()
        #expect(pool.list().map(\.digest) == [name])
        #expect(File.exists(part + "/readme"))
    }

    @Test func onlyHashesBecomeFileNames() throws {
        for text in ["../../etc/passwd", "/etc/passwd", "", "a\u{0}b", String(repeating: "A", count: 64)] {
            #expect(throws: ModelError.self) { try SHA256Digest(text) }
        }
    }

    @Test func packagesAreReadableByTheirOwnerOnlyAndNotWritable() throws {
        let fixture = try PoolFixture(.file)
        let name = try fixture.open().add(sample(1, 10))
        let path = "\(fixture.folder)/packages/\(name.hex.prefix(2))/\(name.hex)"
        #expect(try File.status(path)?.mode == 0o400)
        #expect(try File.status(fixture.folder)?.mode == 0o700)
    }

    @Test(.enabled(if: CurrentProcess.isRoot)) func aFullDiskIsRefusedCleanlyAndRecoveredFromByItself() throws {
        let fixture = try PoolFixture(.file)
        try Directory.create(fixture.folder)
        guard mount("tmpfs", fixture.folder, "size=1m") else {
            print("no tmpfs may be mounted here: not run")
            return
        }
        defer { unmount(fixture.folder) }
        let pool = try fixture.open(quota: 100 << 20)
        let kept = try pool.add(sample(1, 100_000))
        // Known beforehand.
        #expect(throws: StorageError.diskFull) {
            try pool.reserve(try digest(of: sample(2, 2_000_000)), length: ByteCount(2_000_000))
        }
        // Found out on the way: something else takes the room after the reservation.
        let bytes = sample(3, 700_000)
        let reservation = try pool.reserve(try digest(of: bytes), length: ByteCount(700_000))
        try pool.append(reservation, at: 0, Array(bytes.prefix(300_000)))
        let thief = try FileDescriptor.open(fixture.folder + "/thief", [.write, .create])
        try thief.allocate(400_000)
        #expect(throws: StorageError.diskFull) {
            try pool.append(reservation, at: 300_000, Array(bytes.dropFirst(300_000)))
        }
        #expect(try pool.content(kept) == sample(1, 100_000))
        #expect(pool.account().used == ByteCount(400_000))
        try thief.truncate(to: 0)
        try pool.append(reservation, at: 300_000, Array(bytes.dropFirst(300_000)))
        try pool.publish(reservation)
        #expect(try pool.content(try digest(of: bytes)) == bytes)
    }

    private func mount(_ kind: String, _ path: String, _ options: String) -> Bool {
        run("/bin/mount", ["-t", kind, "-o", options, kind, path])
    }

    private func unmount(_ path: String) {
        _ = run("/bin/umount", ["-l", path])
    }

    private func run(_ program: String, _ arguments: [String]) -> Bool {
        // No such program: the test is skipped.
        (try? TestProcess.run(program, arguments))?.status == 0
    }
}
