import Model
import Storage
import StorageSupport
import Synchronization
import System
import Testing

/// Cuts through everything that a pool does; `make crash` makes thousands of them, these are the ones that always run.
@Suite struct PoolCrashTests {
    private static let rounds = 20

    @Test(arguments: PoolWorkload.kinds) func aCutBeforeAnyStepLosesNothingAcknowledged(kind: PoolKind) throws {
        // Every so-and-so-many-th step of several workloads, so that about a hundred cuts fall everywhere.
        var cuts = 0
        for seed in 1...5 as ClosedRange<UInt64> {
            let work = try PoolWorkload(kind: kind, seed: seed)
            let whole = try Self.run(work, try PoolFixture(kind).folder, PoolCut(at: .max)).steps
            #expect(whole > 100)
            for part in 0..<20 {
                let at = whole * part / 20 + Int(seed)
                let folder = try PoolFixture(kind).folder
                let words = try Self.run(work, folder, PoolCut(at: at)).words
                let problems = try work.problems(folder, after: words)
                #expect(problems.isEmpty, "seed \(seed), cut at \(at): \(problems)")
                cuts += 1
            }
        }
        #expect(cuts == 100)
    }

    /// Runs a workload up to its end or the cut; gives what it acknowledged.
    private static func run(
        _ work: PoolWorkload, _ folder: String, _ cut: PoolCut
    ) throws -> (words: [PoolWorkload.Word], steps: Int) {
        var words: [PoolWorkload.Word] = []
        do {
            let pool = try work.open(folder, step: cut.step)
            try work.run(pool, folder: folder, rounds: rounds) { words.append($0) }
        } catch {
            guard cut.isOver else { throw error }
        }
        return (words, cut.trace.count)
    }

    @Test(arguments: PoolKind.onDisk) func nothingIsPublishedBeforeItsBytesAreOnTheDisk(kind: PoolKind) throws {
        let cut = PoolCut(at: .max)
        _ = try Self.run(try PoolWorkload(kind: kind, seed: 3), try PoolFixture(kind).folder, cut)
        var unsynchronized: Set<String> = []
        var published = 0
        for step in cut.trace {
            switch step {
            case .write(let path, _, _): unsynchronized.insert(path)
            case .synchronize(let path): unsynchronized.remove(path)
            case .rename(let path, let target) where target.contains("/packages/"):
                published += 1
                #expect(!unsynchronized.contains(path))
                #expect(!unsynchronized.contains { $0.hasSuffix(".container") })
            case .remove(let path):
                // A container goes only when the copies of its chunks are on the disk.
                if path.hasSuffix(".container") {
                    #expect(!unsynchronized.contains { $0.hasSuffix(".container") && $0 != path })
                }
                unsynchronized.remove(path)
            default: break
            }
        }
        #expect(published > 3)
    }

    @Test(arguments: PoolWorkload.kinds, [StorageError.diskFull, .io("EIO")])
    func aDiskThatFailsOrIsFullAtAnyStepIsBorne(kind: PoolKind, error: StorageError) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            let work = try PoolWorkload(kind: kind, seed: seed)
            for part in 0..<2 {
                let folder = try PoolFixture(kind).folder
                // Every thirtieth step or so fails, at another place each time; the process goes on.
                let fault = PoolFault(at: Set(stride(from: 6 + part * 4, to: 2000, by: 31)), error: error)
                var words: [PoolWorkload.Word] = []
                let pool = try Self.openBearing(fault, work, folder)
                for round in 0..<25 {
                    do {
                        try work.run(pool, folder: folder, rounds: 1 + round % 4, order: UInt64(round)) {
                            words.append($0)
                        }
                    } catch is StorageError {
                        // Refused; the pool lives on.
                    }
                    #expect(pool.committed <= work.quota)
                    #expect(try PoolKind.bytesOnDisk(folder) <= work.quota)
                }
                let problems = try work.problems(folder, after: words)
                #expect(problems.isEmpty, "seed \(seed), part \(part): \(problems)")
            }
        }
    }

    /// Tries until no fault stands in the way, as a daemon is started again.
    private static func openBearing(
        _ fault: PoolFault, _ work: PoolWorkload, _ folder: String
    ) throws -> any PackagePool {
        for _ in 0..<5 {
            do {
                return try work.open(folder) { (step: PoolStep) throws(StorageError) in
                    try fault.step(step)
                }
            } catch is StorageError {
                continue
            }
        }
        throw PoolWorkload.Broken("the pool does not open")
    }

    @Test(arguments: PoolKind.onDisk, [1, 2, 3] as [UInt64])
    func aBitFlippedAnywhereIsFoundByTheScrubAndRepaired(kind: PoolKind, seed: UInt64) throws {
        let work = try PoolWorkload(kind: kind, seed: seed)
        let folder = try PoolFixture(kind).folder
        let names = work.names
        var random = SeededGenerator(state: seed)
        var pool = try kind.open(folder, quota: 1 << 30)
        for number in 0..<6 { try pool.add(work.package(number)) }
        for round in 0..<12 {
            let place = try PoolWorkload.flip(folder, &random)
            // Found while it runs, or by the start and what follows it.
            if round % 2 == 1 { pool = try kind.open(folder, quota: 1 << 30) }
            _ = pool.check(readData: true)
            try PoolWorkload.repair(pool, names, work, try work.source())
            let check = pool.check(readData: true)
            #expect(check.isClean, "\(place ?? "nowhere"): \(check)")
            for number in 0..<6 { #expect(try pool.content(names[number]) == work.package(number)) }
        }
        pool = try kind.open(folder, quota: 1 << 30)
        #expect(pool.check(readData: true).isClean && pool.list().count == 6)
    }
}
