import Foundation
import Model
import Storage
import StorageSupport
import Synchronization
import System
import TestSupport
import Testing

/// Pools on real file systems that are too small.
@Suite struct DiskFullTests {
    @Test(.enabled(if: CurrentProcess.isRoot), arguments: PoolKind.onDisk)
    func aDiskThatIsFullAtWhateverWriteLosesNothingAndRecoversByItself(kind: PoolKind) throws {
        var refused = 0
        for pages in stride(from: 16, through: 44, by: 4) {
            let work = try PoolWorkload(kind: kind, seed: UInt64(pages))
            let folder = try PoolFixture(kind).folder
            try Directory.create(folder)
            guard Self.run("/bin/mount", ["-t", "tmpfs", "-o", "size=\(pages * 4)k", "tmpfs", folder]) else {
                print("no tmpfs may be mounted here: not run")
                return
            }
            defer { _ = Self.run("/bin/umount", ["-l", folder]) }
            var words: [PoolWorkload.Word] = []
            // Something else takes all the room before every ninth step, and gives it back at the next.
            let thief = folder + "/.thief"
            let steps = Atomic<Int>(0)
            let pool = try kind.open(folder, quota: work.quota) { (_: PoolStep) throws(StorageError) in
                let step = steps.wrappingAdd(1, ordering: .relaxed).oldValue
                // A thief that finds nothing to take does no harm.
                try? Self.steal(thief, everything: step % 9 == 8)
            }
            for round in 0..<12 {
                do {
                    try work.run(pool, folder: folder, rounds: 8, flips: false, order: UInt64(round)) {
                        words.append($0)
                    }
                } catch let error as StorageError {
                    #expect(error == .diskFull || error.isFull, "\(error)")
                    refused += 1
                } catch let error as SystemError {
                    #expect(error.isFull)
                }
                try Self.steal(thief, everything: false)
                // Reads go on.
                for entry in pool.list() { #expect(try pool.content(entry.digest).count == Int(entry.length.bytes)) }
            }
            try File.remove(thief)
            #expect(Self.run("/bin/mount", ["-o", "remount,size=20m", folder]))
            let problems = try work.problems(folder, after: words)
            #expect(problems.isEmpty, "\(pages) pages: \(problems)")
        }
        #expect(refused > 0)
    }

    private static func steal(_ path: String, everything: Bool) throws {
        let file = try FileDescriptor.open(path, [.write, .create])
        guard everything else { return try file.truncate(to: 0) }
        try file.allocate(Int64(try Directory.space(Directory.parent(of: path)).available))
    }

    private static func run(_ program: String, _ arguments: [String]) -> Bool {
        // No such program: the test is skipped.
        (try? TestProcess.run(program, arguments))?.status == 0
    }
}
