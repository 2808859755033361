import Model
import Storage
import StorageSupport
import System
import Testing

/// Random operations side by side with a model that knows what has to be there.
@Suite struct PoolModelTests {
    /// What a pool must hold, by the contents' numbers.
    private struct Model {
        var published: Set<Int> = []
        var withheld: Set<Int> = []
        var open: [Int: (reservation: Reservation, at: Int)] = [:]
    }

    /// Packages that share most of their bytes with their neighbours, as releases do.
    private static func package(_ number: Int) -> [UInt8] {
        let family = number / 5
        return (0..<(3 + family)).flatMap { part in
            sample(part == number % 5 ? 10_000 + number : family * 100 + part, 1500 + family * 700)
        }
    }

    @Test(arguments: PoolKind.allCases, [1, 2, 3, 4] as [UInt64])
    func aPoolIsItsModelAndNeverBeyondItsQuota(kind: PoolKind, seed: UInt64) throws {
        let fixture = try PoolFixture(kind, first: 25_000)
        let packages = (0..<20).map(Self.package)
        let names = try packages.map(digest)
        let quota = kind.quota(40_000, 30_000)
        var pool = try fixture.open(quota: quota)
        var random = SeededGenerator(state: seed)
        var model = Model()
        for _ in 0..<600 {
            let number = Int.random(in: 0..<packages.count, using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0...2:
                // A refusal is one of the answers that are wanted here.
                let length = ByteCount(UInt64(packages[number].count))
                if let made = try? pool.reserve(names[number], length: length) {
                    #expect(model.open[number] == nil && !model.published.contains(number))
                    model.open[number] = (made, Int(made.resumeOffset.bytes))
                }
            case 3...6:
                guard let (number, transfer) = model.open.randomElement(using: &random) else { continue }
                let piece = packages[number].dropFirst(transfer.at).prefix(Int.random(in: 0...9000, using: &random))
                try pool.append(transfer.reservation, at: UInt64(transfer.at), Array(piece))
                model.open[number]?.at += piece.count
            case 7:
                guard let (number, transfer) = model.open.randomElement(using: &random) else { continue }
                if transfer.at == packages[number].count {
                    try pool.publish(transfer.reservation)
                    model.published.insert(number)
                    model.open[number] = nil
                } else if Bool.random(using: &random) {
                    pool.abandon(transfer.reservation, keepingBytes: Bool.random(using: &random))
                    model.open[number] = nil
                }
            case 8:
                if let number = model.published.union(model.withheld).randomElement(using: &random) {
                    try pool.evict(names[number])
                    model.published.remove(number)
                    model.withheld.remove(number)
                }
            case 9:
                if model.published.contains(number) {
                    try pool.mark(names[number], .withheld)
                    model.published.remove(number)
                    model.withheld.insert(number)
                } else if model.withheld.contains(number) {
                    try pool.mark(names[number], nil)
                    model.withheld.remove(number)
                    model.published.insert(number)
                }
            case 10:
                try pool.compact()
                if let number = model.published.randomElement(using: &random) {
                    #expect(try pool.content(names[number]) == packages[number])
                }
            default:
                guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
                model.open = [:]
                pool = try fixture.open(quota: quota)
            }
            #expect(pool.committed <= quota)
            for standing in (pool as? PoolChain)?.standings() ?? [] {
                #expect(standing.account.used + standing.account.reserved <= standing.account.quota)
            }
            #expect(try fixture.bytesOnDisk() <= pool.account().used.bytes)
            #expect(Set(pool.list().map(\.digest)) == Set(model.published.map { names[$0] }))
            #expect(pool.marks() == Dictionary(uniqueKeysWithValues: model.withheld.map { (names[$0], .withheld) }))
        }
        model.open = [:]
        #expect(pool.account().reserved == .zero)
        #expect(pool.check(readData: true).problems.isEmpty)
        pool = try fixture.open(quota: quota)
        for number in model.published { #expect(try pool.content(names[number]) == packages[number]) }
        #expect(pool.check(readData: true).problems.isEmpty)
    }

    @Test(arguments: PoolKind.onDisk) func whoeverLooksWhileManyWriteFindsTheQuotaHeld(kind: PoolKind) async throws {
        let fixture = try PoolFixture(kind)
        let quota = kind.quota(60_000, 60_000)
        let pool = try fixture.open(quota: quota)
        let folder = fixture.folder
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<3 {
                group.addTask {
                    for round in 0..<12 {
                        let bytes = Self.package((worker * 7 + round) % 20)
                        // Full, in transfer or held already: each is an answer.
                        let added = try? pool.add(bytes)
                        if round % 3 == 2, let added {
                            // Another worker may have been faster.
                            _ = try? pool.evict(added)
                        }
                        #expect(pool.committed <= quota)
                    }
                }
            }
            group.addTask {
                for _ in 0..<200 {
                    #expect(pool.committed <= quota)
                    // A file may go between listing and looking.
                    if let bytes = try? PoolKind.bytesOnDisk(folder) { #expect(bytes <= quota) }
                }
            }
        }
        #expect(pool.account().reserved == .zero)
        #expect(pool.check(readData: true).isClean)
    }
}
