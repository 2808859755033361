import Glibc
import Model
import Storage
import StorageSupport
import Synchronization
import System
import TLS

/// Kills pools and looks at what is left:
///
/// - `axle-crash cuts N [SEED]`: N cuts, half by `kill -9` of a real process at a numbered write, fsync, rename or unlink, half by refusing every step from one on.
/// - `axle-crash work FOLDER KIND SEED CUT`: the process that is killed.
/// - `axle-crash load FOLDER KIND SEED`: the same work without an end, for a machine whose power is cut.
/// - `axle-crash check FOLDER KIND SEED WORDS`: whether all that the file WORDS says was acknowledged is there.
@main
enum Crash {
    static func main() throws {
        Signals.ignoreBrokenPipe()
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "cuts":
            try cuts(Int(arguments.dropFirst().first ?? "") ?? 200, UInt64(arguments.dropFirst(2).first ?? "") ?? 1)
        case "work" where arguments.count == 5:
            try work(arguments[1], try job(arguments[2], arguments[3]), cut: Int(arguments[4]) ?? .max)
        case "load" where arguments.count == 4: try load(arguments[1], try job(arguments[2], arguments[3]))
        case "check" where arguments.count == 5:
            try check(arguments[1], try job(arguments[2], arguments[3]), words: arguments[4])
        default:
            print("usage: axle-crash cuts N [SEED] | load FOLDER KIND SEED | check FOLDER KIND SEED WORDS")
            exit(2)
        }
    }

    private static func job(_ kind: String, _ seed: String) throws -> PoolWorkload {
        guard let kind = PoolKind(rawValue: kind), let seed = UInt64(seed) else {
            throw PoolWorkload.Broken("no such kind or seed: \(kind) \(seed)")
        }
        return try PoolWorkload(kind: kind, seed: seed)
    }

    // MARK: Cuts

    private static let rounds = 40

    private static func cuts(_ count: Int, _ seed: UInt64) throws {
        print("cuts: seed \(seed)")
        var random = SeededGenerator(state: seed)
        var done = 0
        var failures = 0
        var killed = 0
        while done < count {
            let work = try PoolWorkload(
                kind: PoolWorkload.kinds[done % PoolWorkload.kinds.count],
                seed: UInt64.random(in: 0..<1_000_000, using: &random))
            let folder = "\(try temporaryFolder())/pool"
            var words: [PoolWorkload.Word] = []
            // The second cut falls into what the start after the first one mends, the third likewise.
            for turn in 0..<3 where done < count {
                let at = Int.random(in: 0..<(turn == 0 ? 900 : 60), using: &random)
                let (more, isCut): ([PoolWorkload.Word], Bool)
                if done % 4 < 2 {
                    (more, isCut) = try kill(work, folder, at)
                    if isCut { killed += 1 }
                } else {
                    (more, isCut) = refuse(work, folder, at)
                }
                words += more
                guard isCut else { break }
                done += 1
                if turn == 2 || Bool.random(using: &random) {
                    let problems = try work.problems(folder, after: words)
                    for problem in problems {
                        failures += 1
                        print("cuts: \(work.kind) seed \(work.seed) cut \(at) turn \(turn): \(problem)")
                    }
                }
            }
            let problems = try work.problems(folder, after: words)
            failures += problems.count
            for problem in problems { print("cuts: \(work.kind) seed \(work.seed) at the end: \(problem)") }
            try Directory.removeTree(Directory.parent(of: folder))
        }
        print("cuts: \(done) cuts, \(killed) of them by kill -9, \(failures) failures")
        exit(failures == 0 ? 0 : 1)
    }

    private static func kill(
        _ work: PoolWorkload, _ folder: String, _ at: Int
    ) throws -> (words: [PoolWorkload.Word], isCut: Bool) {
        var child = ChildProcess(
            "/proc/self/exe", ["work", folder, work.kind.rawValue, "\(work.seed)", "\(at)"])
        child.deadline = .seconds(120)
        child.outputLimit = 1 << 20
        child.dieWithParent = true
        let outcome = try child.run()
        let words = outcome.outputText.split(separator: "\n").compactMap { PoolWorkload.Word(String($0)) }
        switch outcome.status {
        case .signalled(SIGKILL) where !outcome.timedOut: return (words, true)
        case .exited(0): return (words, false)
        default: throw PoolWorkload.Broken("the work ended with \(outcome.status): \(outcome.errorText)")
        }
    }

    private static func refuse(
        _ work: PoolWorkload, _ folder: String, _ at: Int
    ) -> (words: [PoolWorkload.Word], isCut: Bool) {
        let cut = PoolCut(at: at)
        var words: [PoolWorkload.Word] = []
        do {
            let pool = try work.open(folder, step: cut.step)
            try work.run(pool, folder: folder, rounds: rounds) { words.append($0) }
        } catch {
            if !cut.isOver { print("cuts: \(work.kind) seed \(work.seed): \(error)") }
        }
        return (words, cut.isOver)
    }

    private static func work(_ folder: String, _ work: PoolWorkload, cut: Int) throws {
        let count = Atomic<Int>(0)
        let pool = try work.open(folder) { (_: PoolStep) throws(StorageError) in
            if count.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue == cut { Glibc.kill(getpid(), SIGKILL) }
        }
        try work.run(pool, folder: folder, rounds: rounds, say: say)
    }

    /// One write to the standard output, so that a word is out when the next thing happens.
    private static func say(_ word: PoolWorkload.Word) throws {
        let line = Array("\(word)\n".utf8)
        guard write(1, line, line.count) == line.count else { throw PoolWorkload.Broken("nobody listens") }
    }

    private static func temporaryFolder() throws -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let path = "\(parent)/axle-crash-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        try Directory.create(path)
        return path
    }

    // MARK: Power

    private static func load(_ folder: String, _ work: PoolWorkload) throws {
        let pool = try work.open(folder)
        var order = UInt64(SystemClock.nowMilliseconds)
        while true {
            try work.run(pool, folder: folder, rounds: 20, flips: false, order: order, say: say)
            order += 1
        }
    }

    private static func check(_ folder: String, _ work: PoolWorkload, words: String) throws {
        let text = String(decoding: try File.read(words, limit: 1 << 24), as: UTF8.self)
        let words = text.split(separator: "\n").compactMap { PoolWorkload.Word($0.trimmingCharacters()) }
        let problems = try work.problems(folder, after: words)
        for problem in problems { print("check: \(problem)") }
        print("check: \(words.count) words, \(problems.count) problems")
        exit(problems.isEmpty ? 0 : 1)
    }
}

extension Substring {
    /// Without the carriage return that a console adds.
    fileprivate func trimmingCharacters() -> String { String(self.filter { $0 != "\r" && $0 != "\r\n" }) }
}
