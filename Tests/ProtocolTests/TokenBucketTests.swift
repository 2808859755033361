import Model
import Protocol
import Testing

@Suite("TokenBucket: no more than the rate and one burst, in the order of asking")
struct TokenBucketTests {
    private static let rates: [UInt64] = [8000, 512_000, 20_000_000, 1_000_000_000, 100_000_000_000]

    /// Takes as fast as it may from `start` on until `end`; the bytes taken by each moment.
    private func take(_ bucket: inout TokenBucket, from start: Duration, until end: Duration) -> [(Duration, Int)] {
        var taken: [(Duration, Int)] = []
        var (now, sum) = (start, 0)
        while true {
            now = bucket.reserve(at: now)
            guard now < end, taken.count < 20_000 else { return taken }
            sum += bucket.quantum
            taken.append((now, sum))
        }
    }

    @Test("what goes out in any span is at most the rate's and one burst", arguments: rates)
    func isBounded(bits: UInt64) throws {
        let rate = try BitRate(bitsPerSecond: bits)
        var bucket = TokenBucket(rate)
        let taken = take(&bucket, from: .seconds(5), until: .seconds(35))
        let early = taken.filter { rate.duration(of: $0.1) > $0.0 - .seconds(5) + bucket.burst }
        #expect(early.isEmpty)
        let last = try #require(taken.last)
        let slack = bucket.burst + .nanoseconds(taken.count)
        #expect(rate.duration(of: last.1) + slack >= last.0 - .seconds(5), "and no less than the rate")
    }

    @Test("a pause stores up one burst and no more", arguments: rates)
    func pauseIsBounded(bits: UInt64) throws {
        let rate = try BitRate(bitsPerSecond: bits)
        var bucket = TokenBucket(rate)
        _ = take(&bucket, from: .seconds(5), until: .seconds(6))
        let atOnce = take(&bucket, from: .seconds(90_000), until: .seconds(90_000) + .nanoseconds(1))
        #expect(rate.duration(of: atOnce.last?.1 ?? 0) <= bucket.burst)
        #expect(bucket.burst <= max(.milliseconds(50), rate.duration(of: 2 * bucket.quantum)))
    }

    @Test("who shares a bucket gets the same as the others, however it asks")
    func isFair() throws {
        let rate = try BitRate(bitsPerSecond: 20_000_000)
        var bucket = TokenBucket(rate)
        // Each asks again as soon as its turn has come, the last of them twice as eagerly as it may.
        var due = [Duration](repeating: .seconds(1), count: 10)
        var turns = [Int](repeating: 0, count: 10)
        for _ in 0..<5000 {
            guard let next = due.indices.min(by: { due[$0] < due[$1] }) else { return }
            turns[next] += 1
            due[next] = bucket.reserve(at: due[next])
        }
        let (fewest, most) = (try #require(turns.min()), try #require(turns.max()))
        #expect(most - fewest <= 10, "\(turns)")
    }
}
