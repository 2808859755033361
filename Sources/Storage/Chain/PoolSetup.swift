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
        var entry = entry
        entry.folder = try PoolFolder.absolute(entry.folder)
        var known = try PoolList.read(list)
        guard entry.name != first.name, entry.name.text != "patches",
            !known.entries.contains(where: { $0.name == entry.name })
        else { throw Refusal("there is a pool \(entry.name) already; give it another name") }
        guard known.entries.count < PoolList.limit else {
            throw Refusal("there are \(PoolList.limit + 1) pools already, which is the most")
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

    /// Moves what a pool holds into the others, each package compared with its hash before it leaves; cut off, it goes on where it was.
    ///
    /// What is damaged goes: it is fetched anew into another pool.
    package func drain(
        _ name: NodeName, settings: [NodeName: PoolSet.Setting], quota: ByteCount, progress: (ByteCount) -> Void
    ) throws -> PoolChain.Drained {
        let set = try open(name, settings, quota)
        // The folders are held as long as it lives.
        defer { withExtendedLifetime(set) {} }
        let chain = set.chain
        guard let source = chain.pool(name) else {
            throw Refusal("pool \(name) is unavailable; bring its disk back first")
        }
        chain.setAccess(.draining, of: name)
        var moved = ByteCount.zero
        var drained = chain.drain(name) { entry in
            moved += entry.length
            progress(moved)
        }
        for (digest, mark) in source.marks() where mark == .corrupt {
            try source.evict(digest)
            drained.stays[digest] = nil
        }
        try source.compact()
        return drained
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
        let chain = try open(name, settings, quota).chain
        if let pool = chain.pool(name) {
            let others = chain.names.filter { $0 != name }.compactMap { chain.pool($0) }
            // A damaged copy elsewhere stands for a damaged one only.
            let whole = pool.list().map(\.digest).filter { digest in !others.contains { $0.length(of: digest) != nil } }
            let damaged = pool.marks().keys.filter { digest in !others.contains { $0.contains(digest) } }
            let only = (whole + damaged).sorted()
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

    /// The folder's pools, this one among them.
    private func open(
        _ name: NodeName, _ settings: [NodeName: PoolSet.Setting], _ quota: ByteCount
    ) throws -> PoolSet {
        let set = try PoolSet(first: first, list: list, owner: owner, quota: quota, settings: settings)
        guard set.chain.names.contains(name) else { throw Refusal("there is no pool \(name)") }
        return set
    }
}
