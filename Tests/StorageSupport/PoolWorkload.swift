package import Model
package import Storage
import System

/// What a hub or spoke does with a pool, the same for the same seed: imports, resumed replications, prunes, compactions, damage and repair.
///
/// Made to be cut anywhere and started again: it says what was acknowledged, and `problems` says what of that does not hold any more.
package struct PoolWorkload: Sendable {
    /// What the user of a pool was told.
    package enum Word: Hashable, Sendable, LosslessStringConvertible {
        case published(Int)
        case evicting(Int)

        package init?(_ text: String) {
            let parts = text.split(separator: " ")
            guard parts.count == 2, let number = Int(parts[1]) else { return nil }
            switch parts[0] {
            case "published": self = .published(number)
            case "evicting": self = .evicting(number)
            default: return nil
            }
        }

        package var description: String {
            switch self {
            case .published(let number): "published \(number)"
            case .evicting(let number): "evicting \(number)"
            }
        }
    }

    package let kind: PoolKind
    package let seed: UInt64
    package static let packages = 12

    /// The packages' bytes and their names, by number.
    package let contents: [[UInt8]]
    package let names: [SHA256Digest]

    package init(kind: PoolKind, seed: UInt64) throws {
        self.kind = kind
        self.seed = seed
        contents = (0..<Self.packages).map { Self.package($0, seed) }
        names = try contents.map(digest)
    }

    /// The quota: room for about half of the packages; in a chain, for a few in each pool.
    package var quota: UInt64 {
        kind == .diskChain ? Self.first + PoolKind.container.quota(60_000, 60_000) : kind.quota(60_000, 60_000, 60_000)
    }
    /// Of it the quota of a chain's first pool.
    private static let first: UInt64 = 90_000

    /// The kinds that this can be done with.
    package static let kinds = PoolKind.onDisk + [.diskChain]

    /// Opens the pool in a folder, which need not be there yet.
    package func open(
        _ folder: String, step: @escaping PoolStepHook = { (_: PoolStep) throws(StorageError) in }
    ) throws -> any PackagePool {
        guard kind == .diskChain else { return try kind.open(folder, quota: quota, step: step) }
        if !File.exists(folder) { try Directory.create(folder) }
        let chain = PoolChain()
        chain.attach(try NodeName("first"), try PoolKind.file.open("\(folder)/first", quota: Self.first, step: step))
        chain.attach(
            try NodeName("next"),
            try PoolKind.container.open("\(folder)/next", quota: quota - Self.first, step: step))
        return chain
    }

    /// Release `number % 4` of product `number / 4`: each release shares most of its bytes with the one before.
    private static func package(_ number: Int, _ seed: UInt64) -> [UInt8] {
        let base = Int(truncatingIfNeeded: seed) &* 1000 &+ number / 4 &* 100
        return (0..<6).flatMap { part -> [UInt8] in
            let changed = part == number % 4
            let bytes = sample(changed ? base &+ 10 &+ number : base &+ part, 3000 + 700 * part)
            // Some of it can be stored in half of its room.
            return part == 5 ? bytes.prefix(1024) + bytes.prefix(1024) + bytes : bytes
        }
    }

    package func package(_ number: Int) -> [UInt8] { contents[number] }

    package func source() throws -> SampleSource {
        try SampleSource(contents)
    }

    /// Works until the end or until the pool fails; `say` hears each word right after it became true. With `flips` it damages the pool now and then;
    /// `order` picks another order of the same work.
    package func run(
        _ pool: any PackagePool, folder: String, rounds: Int, flips: Bool = true, order: UInt64 = 0,
        say: (Word) throws -> Void
    ) throws {
        var random = SeededGenerator(state: seed &+ order &* 7919)
        let source = try source()
        for round in 0..<rounds {
            let number = Int.random(in: 0..<Self.packages, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0...4: try bring(number, names[number], pool, &random, say)
            case 5, 6: try drop(number, names[number], pool, say)
            case 7: try pool.compact()
            case 8:
                guard flips else { continue }
                try Self.flip(folder, &random)
                for unit in pool.scrubUnits() { _ = try pool.scrub(unit) { _ in } }
                try Self.repair(pool, names, self, source)
            default: if round % 2 == 0 { pool.setAccess(.readOnly) }
            }
            pool.setAccess(.readWrite)
            guard pool.committed <= quota else { throw Broken("the books are beyond the quota") }
        }
    }

    /// A transfer in pieces, broken off and resumed once; or now and then a file that is filled in place, as by a patch, and given up once.
    private func bring(
        _ number: Int, _ name: SHA256Digest, _ pool: any PackagePool, _ random: inout SeededGenerator,
        _ say: (Word) throws -> Void
    ) throws {
        guard pool.length(of: name) == nil else { return }
        // To fetch a damaged package anew is to give up what was there.
        if pool.marks()[name] != nil { try say(.evicting(number)) }
        let bytes = package(number)
        for attempt in 0..<3 {
            let reservation: Reservation
            do {
                reservation = try pool.reserve(name, length: ByteCount(UInt64(bytes.count)))
            } catch {
                guard error.isFull else { throw error }
                guard let other = pool.list().map(\.digest).min(), let index = names.firstIndex(of: other) else {
                    continue
                }
                try drop(index, other, pool, say)
                continue
            }
            if Int.random(in: 0..<3, using: &random) == 0, let file = try pool.lend(reservation) {
                let end = attempt == 0 ? Int.random(in: 0...bytes.count, using: &random) : bytes.count
                try file.write(Array(bytes[..<end]), at: 0)
                if end < bytes.count, Bool.random(using: &random) {
                    pool.abandon(reservation, keepingBytes: false)
                    continue
                }
                do {
                    try pool.publish(reservation)
                } catch {
                    guard end < bytes.count, case .hashMismatch = error else { throw error }
                    continue
                }
                try say(.published(number))
                return
            }
            var at = Int(reservation.resumeOffset.bytes)
            let end = attempt == 0 ? Int.random(in: at...bytes.count, using: &random) : bytes.count
            while at < end {
                let piece = Array(bytes[at..<min(end, at + Int.random(in: 1...6000, using: &random))])
                try pool.append(reservation, at: UInt64(at), piece)
                at += piece.count
            }
            guard end == bytes.count else {
                pool.abandon(reservation, keepingBytes: true)
                continue
            }
            do {
                try pool.publish(reservation)
            } catch {
                guard error == .hashMismatch(resumed: true) else { throw error }
                // What was there before had been damaged; it is gone, and the next attempt begins anew.
                continue
            }
            try say(.published(number))
            return
        }
    }

    private func drop(
        _ number: Int, _ name: SHA256Digest, _ pool: any PackagePool, _ say: (Word) throws -> Void
    ) throws {
        guard pool.length(of: name) != nil else { return }
        try say(.evicting(number))
        try pool.evict(name)
    }

    /// Flips one bit in one file of the pool.
    @discardableResult
    package static func flip(_ folder: String, _ random: inout SeededGenerator) throws -> String? {
        guard let path = try PoolKind.files(folder).randomElement(using: &random) else { return nil }
        let size = Int64(try File.status(path)?.size ?? 0)
        guard size > 0 else { return nil }
        let offset = Int64.random(in: 0..<size, using: &random)
        try File.setMode(path, 0o600)
        let file = try FileDescriptor.open(path, [.readWrite, .noFollow])
        guard let byte = try file.read(count: 1, at: offset).first else { return nil }
        let bit = UInt8(1) << UInt8.random(in: 0..<8, using: &random)
        try file.write([byte ^ bit], at: offset)
        try file.close()
        return "\(path) at \(offset) bit \(bit)"
    }

    package static func repair(
        _ pool: any PackagePool, _ names: [SHA256Digest], _ work: PoolWorkload, _ source: SampleSource
    ) throws {
        for (name, mark) in pool.marks() where mark == .corrupt {
            guard let number = names.firstIndex(of: name) else { continue }
            do {
                _ = try pool.repair(name, length: ByteCount(UInt64(work.package(number).count)), from: source)
            } catch {
                guard case .quotaExceeded = error else { throw error }
                // The quota has room for every package of the workload's that it holds, damaged or not.
                throw Broken("a repair found no room: \(error)")
            }
        }
    }

    /// What does not hold after a start: lost packages, wrong bytes, a broken quota, a check that is not clean.
    package func problems(_ folder: String, after words: [Word]) throws -> [String] {
        var problems: [String] = []
        let pool = try open(folder)
        if let chain = pool as? PoolChain {
            for pool in chain.standings() where pool.account.used + pool.account.reserved > pool.account.quota {
                problems.append("the books of pool \(pool.name) are beyond its quota: \(pool.account)")
            }
        }
        if pool.account().reserved != .zero { problems.append("room is still reserved") }
        if pool.committed > quota { problems.append("\(pool.committed) bytes in the books, the quota is \(quota)") }
        let disk = try PoolKind.bytesOnDisk(folder)
        if disk > quota { problems.append("\(disk) bytes on disk, the quota is \(quota)") }
        if disk > pool.account().used.bytes {
            problems.append("\(disk) bytes on disk, the books say \(pool.account().used.bytes)")
        }
        // Damage that the workload did, and was cut before it repaired it.
        _ = pool.check(readData: true)
        let source = try source()
        try Self.repair(pool, names, self, source)
        let check = pool.check(readData: true)
        if !check.isClean { problems.append("the check says \(check.problems), corrupt \(check.corrupt)") }
        var wanted: Set<Int> = []
        for word in words {
            switch word {
            case .published(let number): wanted.insert(number)
            case .evicting(let number): wanted.remove(number)
            }
        }
        for number in wanted where pool.length(of: names[number]) == nil {
            problems.append("package \(number) was acknowledged and is gone")
        }
        for entry in pool.list() {
            guard let number = names.firstIndex(of: entry.digest) else {
                problems.append("\(entry.digest) is no package")
                continue
            }
            if try pool.content(entry.digest) != package(number) {
                problems.append("package \(number) has other bytes")
            }
        }
        return problems
    }

    /// A rule that does not hold.
    package struct Broken: Error, CustomStringConvertible {
        package let description: String
        package init(_ description: String) { self.description = description }
    }
}
