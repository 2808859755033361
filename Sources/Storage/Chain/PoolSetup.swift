package import Model
import System

/// Changes which pools a state folder has: adds one, empties one into the others, takes one off the list.
///
/// Adding may be done while the daemon runs, which takes the pool up by itself; the rest wants it stopped. Blocks.
package struct PoolSetup: Sendable {
    /// Why a change was refused; the text says what to do.
    package struct Refusal: Error, Equatable, CustomStringConvertible {
        package let description: String

        init(_ description: String) { self.description = description }
    }

    private let program: String
    private let state: String
    private let first: PoolSet.First
    private let list: String
    private let owner: NodeID

    /// - Parameters:
    ///   - program: the daemon's program, for what is said.
    ///   - state: its state folder.
    package init(program: String, state: String, first: PoolSet.First, list: String, owner: NodeID) {
        self.program = program
        self.state = state
        self.first = first
        self.list = list
        self.owner = owner
    }

    /// Makes a pool in a new or empty folder and adds it behind the others.
    package func add(_ entry: PoolList.Entry) throws {
        var known = try PoolList.read(list)
        guard entry.name != first.name, entry.name.text != "patches",
            !known.entries.contains(where: { $0.name == entry.name })
        else { throw Refusal("there is a pool \(entry.name) already; give it another name") }
        guard known.entries.count < PoolList.limit else {
            throw Refusal("there are \(PoolList.limit + 1) pools already, which is the most")
        }
        guard Self.isPath(entry.folder) else {
            throw Refusal("a pool's folder is an absolute path, not \(entry.folder)")
        }
        for other in [state, first.folder] + known.entries.map(\.folder) {
            guard !(entry.folder + "/").hasPrefix(other + "/"), !(other + "/").hasPrefix(entry.folder + "/") else {
                throw Refusal("\(entry.folder) is inside \(other), or around it; name a folder beside it")
            }
        }
        try PoolClaim.make(entry.folder, owner: owner, kind: entry.kind, quota: entry.quota)
        known.entries.append(entry)
        try known.write(to: list)
    }

    private static func isPath(_ path: String) -> Bool {
        path.hasPrefix("/") && path.utf8.count <= 1024 && !path.utf8.contains { $0 == 0 || $0 == 0x0A }
            && !path.split(separator: "/").contains("..")
    }

    /// What draining did.
    package struct Drained: Equatable, Sendable {
        package var packages = 0
        package var bytes = ByteCount.zero
        /// What stays, a sentence each.
        package var stays: [String] = []
    }

    /// Moves what a pool holds into the others, each package compared with its hash before it leaves; cut off, it goes on where it was.
    ///
    /// - Throws: `noPool` when the others have no more room; what was moved by then is moved.
    package func drain(
        _ name: NodeName, settings: [NodeName: PoolSet.Setting], quota: ByteCount,
        progress: (ByteCount) -> Void
    ) throws -> Drained {
        let (source, others) = try open(name, settings, quota)
        guard let source else { throw Refusal("pool \(name) is unavailable; bring its disk back first") }
        source.setAccess(.readWrite)
        var drained = Drained()
        for entry in source.list() {
            if !others.contains(entry.digest) { try Self.copy(entry, from: source, to: others) }
            try source.evict(entry.digest)
            drained.packages += 1
            drained.bytes += entry.length
            progress(drained.bytes)
        }
        try source.compact()
        for (digest, mark) in source.marks().sorted(by: { $0.key < $1.key }) {
            if mark == .corrupt {
                // It is fetched anew into another pool.
                try source.evict(digest)
            } else {
                drained.stays.append("package \(digest) is marked \(mark.rawValue)")
            }
        }
        return drained
    }

    private static func copy(_ entry: PoolEntry, from source: any PackagePool, to target: PoolChain) throws {
        let reader = try source.open(entry.digest)
        let reservation = try target.reserve(entry.digest, length: entry.length)
        do {
            var offset = reservation.resumeOffset
            while offset < entry.length {
                let piece = try reader.read(at: offset, count: 1 << 20)
                guard !piece.isEmpty else { throw StorageError.corrupt(entry.digest) }
                try target.write(reservation, at: offset, piece.span.bytes)
                offset += ByteCount(UInt64(piece.count))
            }
            try target.publish(reservation)
        } catch {
            target.abandon(reservation, keepingBytes: true)
            throw error
        }
    }

    /// Takes a pool off the list; refused as long as it holds what no other pool has. `isLost` says that its disk does not come back.
    package func remove(
        _ name: NodeName, isLost: Bool, settings: [NodeName: PoolSet.Setting], quota: ByteCount
    ) throws -> String {
        var known = try PoolList.read(list)
        guard let index = known.entries.firstIndex(where: { $0.name == name }) else {
            throw Refusal(
                name == first.name
                    ? "pool \(name) is the first one and stays; '\(program) drain-pool \(name)' empties it"
                    : "there is no pool \(name)")
        }
        let (pool, others) = try open(name, settings, quota)
        if let pool {
            let here = Set(pool.list().map(\.digest)).union(pool.marks().keys)
            let only = here.filter { !others.contains($0) }.sorted()
            guard only.isEmpty else {
                throw Refusal(
                    "pool \(name) holds \(only.count) packages that no other pool has (\(only[0])\(only.count > 1 ? ", …" : "")); "
                        + "move them with '\(program) drain-pool \(name) --state \(state)'")
            }
        } else if !isLost {
            throw Refusal(
                "pool \(name) is unavailable, and nobody knows what is in it; bring its disk back, or say --lost: what was in it "
                    + "is fetched again")
        }
        let folder = known.entries.remove(at: index).folder
        try known.write(to: list)
        return folder
    }

    /// The pool, nil where its disk is gone, and all others as one.
    private func open(
        _ name: NodeName, _ settings: [NodeName: PoolSet.Setting], _ quota: ByteCount
    ) throws -> (pool: (any PackagePool)?, others: PoolChain) {
        let set = try PoolSet(first: first, list: list, owner: owner, quota: quota, settings: settings)
        guard set.chain.names.contains(name) else { throw Refusal("there is no pool \(name)") }
        let others = PoolChain()
        for other in set.chain.names where other != name {
            guard let pool = set.chain.pool(other) else { continue }
            others.attach(other, pool, access: settings[other]?.access)
        }
        return (set.chain.pool(name), others)
    }
}
