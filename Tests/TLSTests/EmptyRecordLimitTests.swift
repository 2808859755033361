import TLS
import Testing

@Suite("Records without data")
struct EmptyRecordLimitTests {
    @Test("only so many are taken of a peer that sends no data")
    func none() {
        var limit = EmptyRecordLimit()
        var taken = 0
        while taken < 1000, limit.take() { taken += 1 }
        #expect(taken == EmptyRecordLimit.most)
    }

    @Test("data in small records earns no more than data in large ones", arguments: [1, 100, 16_384, 65_536])
    func earned(size: Int) {
        var limit = EmptyRecordLimit()
        while limit.take() {}
        var sent = 0
        while sent < 3 * EmptyRecordLimit.bytesForEach {
            limit.count(data: size)
            sent += size
        }
        #expect(limit.left == 3)
    }

    @Test("what is earned is never more than a connection begins with")
    func most() {
        var limit = EmptyRecordLimit()
        for _ in 0..<10_000 { limit.count(data: 16_384) }
        #expect(limit.left == EmptyRecordLimit.most)
        let first = limit.take()
        for _ in 0..<10_000 { limit.count(data: 16_384) }
        #expect(first && limit.left == EmptyRecordLimit.most)
    }
}
