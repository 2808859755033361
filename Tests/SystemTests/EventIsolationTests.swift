import System
import Testing

@Suite("An event that cannot be handled")
struct EventIsolationTests {
    private struct Poison: Error {}
    private struct DiskFull: StoreFailure {
        let isStoreFailure: Bool
    }

    /// Handles numbers; those in `bad` fail. Gives what was handled in which batches, and what was left out.
    private func run(
        _ events: [Int], bad: Set<Int>, error: any Error = Poison()
    ) throws -> (batches: [[Int]], leftOut: [Int]) {
        var (batches, leftOut): ([[Int]], [Int]) = ([], [])
        try EventIsolation.run(events) { events in
            if events.contains(where: bad.contains) { throw error }
            batches.append(Array(events))
        } isolate: { event, _ in
            leftOut.append(event)
        }
        return (batches, leftOut)
    }

    @Test("a batch in which nothing fails is one transaction")
    func allGood() throws {
        let result = try run(Array(0..<100), bad: [])
        #expect(result.batches == [Array(0..<100)] && result.leftOut.isEmpty)
        #expect(try run([], bad: []).batches.isEmpty)
    }

    @Test("is left out alone, wherever it stands; all others are handled once and in their order")
    func isolated() throws {
        for count in [1, 2, 3, 7, 64, 511] {
            for bad in [
                [0], [count - 1], [count / 2], [0, count - 1], Array(0..<count), [1, 2, 3].filter { $0 < count },
            ] {
                let result = try run(Array(0..<count), bad: Set(bad))
                #expect(result.leftOut == Set(bad).sorted())
                #expect(result.batches.flatMap { $0 } == (0..<count).filter { !bad.contains($0) })
            }
        }
    }

    @Test("costs a logarithm of transactions, not one for each event")
    func cost() throws {
        #expect(try run(Array(0..<512), bad: [100]).batches.count <= 9)
    }

    @Test("a store that cannot be used is no fault of an event: the batch ends, and what was handled stays")
    func storeFailure() throws {
        #expect(throws: DiskFull.self) { try run([1, 2, 3], bad: [2], error: DiskFull(isStoreFailure: true)) }
        #expect(try run([1, 2, 3], bad: [2], error: DiskFull(isStoreFailure: false)).leftOut == [2])
    }

    @Test("one that may not be left out ends the batch")
    func notPassedOver() {
        #expect(throws: Poison.self) {
            try EventIsolation.run([1, 2]) { _ in
                throw Poison()
            } isolate: { _, error in
                throw error
            }
        }
    }
}
