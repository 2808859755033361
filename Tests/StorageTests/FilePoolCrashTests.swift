import Foundation
import Model
import Storage
import StorageSupport
import System
import Testing

/// Counts steps and refuses the one that is chosen, and all after it: the process is dead from there on.
private final class Cut: Sendable {
    private let state: NativeLock<(count: Int, at: Int)>
    let trace = NativeLock<[PoolStep]>([])

    init(at: Int) {
        state = NativeLock((0, at))
    }

    func step(_ step: PoolStep) throws(StorageError) {
        let isCut = state.withLock { state in
            state.count += 1
            return state.count > state.at
        }
        if isCut { throw .io("cut") }
        trace.withLock { $0.append(step) }
    }
}

@Suite struct FilePoolCrashTests {
    private let bytes = sample(7, 250_000)
    private let old = sample(8, 1000)

    /// Opens a pool and brings one package in and another out, until the cut.
    private func run(_ folder: String, _ cut: Cut) throws {
        let pool = try FilePool(folder: folder, quota: ByteCount(1_000_000), step: cut.step)
        let oldName = try digest(of: old)
        if pool.length(of: oldName) == nil { try pool.add(old) }
        let name = try digest(of: bytes)
        if pool.length(of: name) == nil {
            let reservation = try pool.reserve(name, length: ByteCount(UInt64(bytes.count)))
            var offset = Int(reservation.resumeOffset.bytes)
            while offset < bytes.count {
                let piece = Array(bytes.dropFirst(offset).prefix(100_000))
                try pool.append(reservation, at: UInt64(offset), piece)
                offset += piece.count
            }
            try pool.publish(reservation)
        }
        try pool.evict(oldName)
    }

    @Test func aCutBeforeAnyStepLeavesAWholePoolThatFinishesLater() throws {
        var steps = 0
        for at in 0... {
            let fixture = try PoolFixture(.file)
            let cut = Cut(at: at)
            let finished = (try? run(fixture.folder, cut)) != nil
            let pool = try FilePool(folder: fixture.folder, quota: ByteCount(1_000_000))
            for entry in pool.list() { try pool.verify(entry.digest) }
            #expect(pool.account().reserved == .zero)
            #expect(try fixture.bytesOnDisk() == pool.account().used.bytes)
            try run(fixture.folder, Cut(at: .max))
            let after = try FilePool(folder: fixture.folder, quota: ByteCount(1_000_000))
            #expect(after.list().map(\.digest) == [try digest(of: bytes)])
            #expect(try after.content(try digest(of: bytes)) == bytes)
            #expect(after.account().used == ByteCount(UInt64(bytes.count)))
            steps = at
            if finished { break }
        }
        #expect(steps > 10)
    }

    @Test func nothingIsVisibleBeforeItsBytesAreOnTheDisk() throws {
        let fixture = try PoolFixture(.file)
        let cut = Cut(at: .max)
        try run(fixture.folder, cut)
        var unsynchronized: Set<String> = []
        for step in cut.trace.withLock({ $0 }) {
            switch step {
            case .write(let path, _, _): unsynchronized.insert(path)
            case .synchronize(let path): unsynchronized.remove(path)
            case .rename(let path, _): #expect(!unsynchronized.contains(path))
            default: break
            }
        }
    }

    @Test(arguments: [0, 1, 50_000, 99_999])
    func bytesThatAPowerCutGarbledAreNeverPublished(length: Int) throws {
        let fixture = try PoolFixture(.file)
        let name = try digest(of: bytes)
        do {
            let pool = try fixture.open()
            let reservation = try pool.reserve(name, length: ByteCount(UInt64(bytes.count)))
            try pool.append(reservation, at: 0, Array(bytes.prefix(100_000)))
        }
        // The size of the file reached the disk, a part of its bytes did not.
        let partial = try FileDescriptor.open("\(fixture.folder)/partial/\(name.hex)", [.write])
        try partial.truncate(to: Int64(length))
        try partial.truncate(to: 100_000)
        try partial.close()
        let pool = try fixture.open()
        let reservation = try pool.reserve(name, length: ByteCount(UInt64(bytes.count)))
        #expect(reservation.resumeOffset == ByteCount(100_000))
        try pool.append(reservation, at: 100_000, Array(bytes.dropFirst(100_000)))
        #expect(throws: StorageError.hashMismatch(resumed: true)) { try pool.publish(reservation) }
        #expect(try fixture.bytesOnDisk() == 0)
        try pool.add(bytes)
        try pool.verify(name)
    }

    @Test func aProcessKilledInMidTransferLeavesWhatItWrote() async throws {
        let fixture = try PoolFixture(.file)
        let folder = fixture.folder
        await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
            let pool = try FilePool(folder: folder, quota: ByteCount(1_000_000))
            try pool.add(sample(8, 1000))
            let reservation = try pool.reserve(try digest(of: sample(7, 250_000)), length: ByteCount(250_000))
            try pool.append(reservation, at: 0, Array(sample(7, 250_000).prefix(123_456)))
            kill(getpid(), SIGKILL)
        }
        let pool = try fixture.open()
        #expect(pool.list().map(\.digest) == [try digest(of: old)])
        let reservation = try pool.reserve(try digest(of: bytes), length: ByteCount(250_000))
        #expect(reservation.resumeOffset == ByteCount(123_456))
    }
}
