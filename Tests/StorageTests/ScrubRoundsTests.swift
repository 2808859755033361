import Foundation
import Model
import Storage
import StorageSupport
import Synchronization
import System
import TLS
import Testing

@Suite("Scrubbing by itself")
struct ScrubRoundsTests {
    private let fixture: PoolFixture
    private let note = NSTemporaryDirectory() + "axle-scrub-\(UUID().uuidString)"
    private let start = UnixTime(milliseconds: 1_700_000_000_000)

    init() throws { fixture = try PoolFixture(.file) }

    private func publish(_ pool: any PackagePool, _ byte: UInt8) throws -> SHA256Digest {
        let bytes = [UInt8](repeating: byte, count: 5_000)
        let digest = try SHA256Digest(bytes: SHA256.hash(bytes))
        let reservation = try pool.reserve(digest, length: ByteCount(5_000))
        try pool.write(reservation, at: .zero, bytes.span.bytes)
        try pool.publish(reservation)
        return digest
    }

    private func rounds(_ pool: any PackagePool, _ clock: @escaping @Sendable () -> UnixTime) -> ScrubRounds {
        ScrubRounds(pool: pool, file: note, period: .seconds(4_000), now: clock, sleep: { _ in })
    }

    @Test("each package is read once in a round, evenly spread, and a restart goes on where it was")
    func progress() throws {
        defer { _ = try? File.remove(note) }  // a leftover in the temporary folder harms nothing
        let pool = try fixture.open()
        for byte in 1...4 as ClosedRange<UInt8> { _ = try publish(pool, byte) }
        let now = NativeLock(start)
        let clock: @Sendable () -> UnixTime = { now.withLock { $0 } }
        var found: [SHA256Digest] = []
        func step(_ rounds: ScrubRounds) -> Duration { rounds.step { found += $0.corrupt } }

        let first = rounds(pool, clock)
        #expect(step(first) == .zero)
        #expect(step(first) == .seconds(1_000))
        now.withLock { $0 = $0 + .seconds(1_000) }
        #expect(step(first) == .zero)

        // What is damaged now and was read already waits for the next round; the rest of this one goes on.
        let order = pool.scrubUnits().compactMap { if case .package(let digest) = $0 { digest } else { nil } }
        try fixture.damage(order[0])
        try fixture.damage(order[3])
        let second = rounds(pool, clock)
        #expect(step(second) == .seconds(1_000), "the two that were read are not read again")
        now.withLock { $0 = $0 + .seconds(2_000) }
        #expect(step(second) == .zero)
        #expect(step(second) == .zero)
        #expect(found == [order[3]])
        #expect(pool.marks() == [order[3]: .corrupt])
        now.withLock { $0 = $0 + .seconds(1_000) }
        #expect(step(second) == .zero)
        #expect(found == [order[3], order[0]])
    }

    @Test("a damaged note and a clock that was set back begin a round now, not in years")
    func badNote() throws {
        defer { _ = try? File.remove(note) }  // a leftover in the temporary folder harms nothing
        let pool = try fixture.open()
        let digest = try publish(pool, 9)
        try fixture.damage(digest)
        for text in [
            "", "axle scrub 1\n", "axle scrub 1\n1 -3\n", "axle scrub 2\n0 1\n", "axle scrub 1\n9999999999999 0\n",
        ] {
            try AtomicFile.write(Array(text.utf8), to: note)
            var found = 0
            _ = rounds(pool, { [start] in start }).step { found += $0.corrupt.count }
            // It is marked once and is no news afterwards.
            #expect(pool.marks() == [digest: .corrupt], "\(text)")
        }
    }
}
