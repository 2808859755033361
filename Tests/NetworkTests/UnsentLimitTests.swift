import Network
import Testing

@Suite("What may wait unsent in the kernel")
struct UnsentLimitTests {
    /// What becomes of the limit when room comes after this many nanoseconds.
    private func afterRoom(_ limit: inout UnsentLimit, in nanoseconds: Int64) -> Int32? {
        limit.full(at: 1_000)
        return limit.hasRoom(at: 1_000 + nanoseconds)
    }

    @Test func aFastLinkGetsMoreUntilItTakesMillisecondsOrThereIsNoMore() {
        var limit = UnsentLimit(256 * 1024)
        // A gigabyte a second: half of it leaves in the time that its bytes take.
        for _ in 0..<20 { _ = afterRoom(&limit, in: Int64(limit.bytes) / 2) }
        #expect(limit.bytes == UnsentLimit.most)
        limit = UnsentLimit(256 * 1024)
        // A tenth of that.
        for _ in 0..<20 { _ = afterRoom(&limit, in: Int64(limit.bytes) * 5) }
        #expect(limit.bytes == 512 * 1024)
    }

    @Test func aSlowLinkGetsLessSoThatAnUrgentMessageOvertakes() {
        var limit = UnsentLimit(256 * 1024)
        // 20 Mbit/s: 128 KiB of it take 52 ms.
        var told = afterRoom(&limit, in: 52_000_000)
        #expect(told == Int32(128 * 1024))
        told = afterRoom(&limit, in: 26_000_000)
        #expect(told == nil && limit.bytes == 128 * 1024)
        for _ in 0..<20 { _ = afterRoom(&limit, in: 1_000_000_000) }
        #expect(limit.bytes == UnsentLimit.least)
        told = afterRoom(&limit, in: 1_000_000_000_000)
        #expect(told == nil)
    }

    @Test func whatItBeginsWithIsWithinItsRange() {
        #expect(UnsentLimit(0).bytes == UnsentLimit.least)
        #expect(UnsentLimit(.max).bytes == UnsentLimit.most)
    }
}
