import Foundation
import Model
import Storage
import StorageSupport
import System
import TLS
import Testing

@Suite("Taking a pool to another folder")
struct PoolMoveTests {
    private func filled(_ kind: PoolKind) throws -> (PoolFixture, [SHA256Digest]) {
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open()
        let digests = try (1...3).map { number in
            let bytes = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* number &* 7 &+ $0 >> 5) }
            let digest = try SHA256Digest(bytes: SHA256.hash(bytes))
            let reservation = try pool.reserve(digest, length: ByteCount(20_000))
            try pool.write(reservation, at: .zero, bytes.span.bytes)
            try pool.publish(reservation)
            return digest
        }
        return (fixture, digests.sorted())
    }

    @Test("the copy holds the same packages, and the source is as it was")
    func same() throws {
        let (fixture, digests) = try filled(.file)
        let target = fixture.folder + "-moved"
        let before = try PoolKind.files(fixture.folder)
        #expect(try PoolMove.copy(fixture.folder, to: target) { _ in }.packages == 3)
        #expect(try PoolKind.files(fixture.folder) == before)
        let moved = try PoolFolder.open(target, quota: .maximum, new: .container)
        #expect(moved.list().map(\.digest) == digests)
        #expect(moved.check(readData: true).isClean)
        #expect(!File.exists(target + "/.moving"))
    }

    @Test(
        "a copy that was cut off is begun anew, somebody's folder is not touched, and damage is not copied in silence")
    func refusals() throws {
        let (fixture, digests) = try filled(.file)
        let target = fixture.folder + "-moved"
        try Directory.create(target)
        try AtomicFile.write("mine", to: target + "/letter")
        #expect(throws: StorageError.self) { try PoolMove.copy(fixture.folder, to: target) { _ in } }
        #expect(try Directory.list(target) == ["letter"])
        // As a cut leaves it: half a package, under the mark.
        try AtomicFile.write("", to: target + "/.moving")
        try Directory.create(target + "/packages")
        #expect(try PoolMove.copy(fixture.folder, to: target) { _ in }.packages == 3)
        #expect(try Directory.list(target).contains("letter") == false)

        try fixture.damage(digests[1])
        #expect(throws: StorageError.corrupt(digests[1])) {
            try PoolMove.copy(fixture.folder, to: fixture.folder + "-again") { _ in }
        }
        #expect(throws: StorageError.self) { try PoolMove.copy(fixture.folder + "-none", to: target) { _ in } }
    }
}
