package import Model
import System

/// The pools of one daemon's state folder: opened, looked after, and taken up again when a disk comes back.
///
/// The first pool, and those of the folder's `PoolList`. Blocks on the disk. Thread rule: any thread; one look at a time.
package final class PoolSet: Sendable {
    /// Where the first pool is.
    package struct First: Sendable {
        package let name: NodeName
        package let folder: String
        /// Whether it is in the state folder: then it is made where it is not there, and no disk of its own can be gone.
        package let isOwn: Bool

        package init(name: NodeName, folder: String, isOwn: Bool) {
            self.name = name
            self.folder = folder
            self.isOwn = isOwn
        }
    }

    /// What an operator has set for a pool; nil for what was never set.
    package struct Setting: Sendable {
        package var quota: ByteCount?
        package var access: PoolAccess?

        package init(quota: ByteCount? = nil, access: PoolAccess? = nil) {
            self.quota = quota
            self.access = access
        }
    }

    /// What a look has changed.
    package struct Change: Sendable {
        /// Objects that are held since, and that are not any more.
        package let came: Set<SHA256Digest>
        package let went: Set<SHA256Digest>
        /// What happened, a sentence each.
        package let messages: [String]

        package var isEmpty: Bool { messages.isEmpty && came.isEmpty && went.isEmpty }
    }

    private struct State {
        var settings: [NodeName: Setting]
        var claims: [NodeName: PoolClaim] = [:]
        var problems: [NodeName: String] = [:]
    }

    package let chain = PoolChain()
    private let first: First
    private let listFile: String
    private let owner: NodeID
    private let quota: ByteCount
    private let state: NativeLock<State>
    private let looking = NativeLock(())

    /// Opens what can be opened. `quota` is the first pool's until an operator sets one.
    ///
    /// - Throws: where the list cannot be read, or the state folder's own pool not be opened.
    package init(
        first: First, list: String, owner: NodeID, quota: ByteCount, settings: [NodeName: Setting]
    ) throws(StorageError) {
        self.first = first
        self.owner = owner
        self.quota = quota
        listFile = list
        state = NativeLock(State(settings: settings))
        if first.isOwn {
            chain.attach(
                first.name,
                try PoolFolder.open(first.folder, quota: settings[first.name]?.quota ?? quota, new: .file),
                access: settings[first.name]?.access)
        }
        _ = try PoolList.read(list)
        _ = look()
    }

    /// Looks at every pool's disk and at the list: closes what is gone, opens what is there.
    package func look() -> Change {
        looking.withLock { _ in
            let before = held
            var messages: [String] = []
            for (name, folder, quota) in wanted(&messages) {
                if chain.pool(name) != nil {
                    // The state folder's own pool goes with everything else.
                    let isOwn = name == first.name && first.isOwn
                    guard !isOwn, let ail = PoolClaim.ail(folder) else {
                        lookAtWrites(name, folder, &messages)
                        continue
                    }
                    chain.detach(name, ail)
                    state.withLock { state in
                        state.claims[name] = nil
                        state.problems[name] = ail
                    }
                    messages.append("pool \(name) is unavailable: \(ail)")
                } else {
                    open(name, folder, quota, &messages)
                }
            }
            let after = held
            return Change(came: after.subtracting(before), went: before.subtracting(after), messages: messages)
        }
    }

    /// A disk that has failed and takes writes again is well; one that does not can still be read.
    private func lookAtWrites(_ name: NodeName, _ folder: String, _ messages: inout [String]) {
        guard chain.hasFailed(name) else { return }
        let refusal = PoolClaim.refusal(folder)
        let known = state.withLock { state in
            let known = state.problems[name]
            state.problems[name] = refusal
            return known
        }
        guard let refusal else {
            chain.isWell(name)
            return
        }
        if known != refusal { messages.append("pool \(name) takes no writes and is asked last: \(refusal)") }
    }

    private func open(_ name: NodeName, _ folder: String, _ quota: ByteCount, _ messages: inout [String]) {
        let setting = state.withLock { $0.settings[name] }
        let known = state.withLock { $0.problems[name] }
        do throws(StorageError) {
            let claim = try PoolClaim(folder, owner: owner)
            let pool = try PoolFolder.open(folder, quota: setting?.quota ?? quota, new: .file)
            chain.attach(name, pool, access: setting?.access)
            state.withLock { state in
                state.claims[name] = claim
                state.problems[name] = nil
            }
            messages.append("pool \(name) is \(known == nil ? "open" : "available again"): \(folder)")
        } catch {
            let why = error.problem
            chain.detach(name, quota: setting?.quota ?? quota, why)
            state.withLock { $0.problems[name] = why }
            if known != why { messages.append("pool \(name) is unavailable: \(why)") }
        }
    }

    /// The pools that are to be there, in their order.
    private func wanted(_ messages: inout [String]) -> [(NodeName, String, ByteCount)] {
        let main = (first.name, first.folder, quota)
        do throws(StorageError) {
            return [main] + (try PoolList.read(listFile)).entries.map { ($0.name, $0.folder, $0.quota) }
        } catch {
            messages.append("the list of pools: \(error)")
            return [main]
        }
    }

    /// What the pools hold, marked or not.
    package var held: Set<SHA256Digest> { Set(chain.list().map(\.digest)).union(chain.marks().keys) }

    /// Changes a pool's quota, also of one whose disk is gone; false if there is none of that name.
    package func setQuota(_ quota: ByteCount, of name: NodeName) throws(StorageError) -> Bool {
        guard try chain.setQuota(quota, of: name) else { return false }
        state.withLock { $0.settings[name, default: Setting()].quota = quota }
        return true
    }

    /// Says what may be done with a pool, also with one whose disk is gone; false if there is none of that name.
    @discardableResult
    package func setAccess(_ access: PoolAccess, of name: NodeName) -> Bool {
        state.withLock { $0.settings[name, default: Setting()].access = access }
        return chain.setAccess(access, of: name)
    }

    /// One pool alone, for a check of it; the chain, which says so, where its disk is gone.
    package func part(_ name: NodeName) -> any PackagePool { chain.pool(name) ?? chain }

    /// Where objects are, by their hashes; empty as long as there is one pool only.
    package func places() -> [SHA256Digest: PoolPlace] {
        guard chain.names.count > 1 else { return [:] }
        var places: [SHA256Digest: PoolPlace] = [:]
        for name in chain.names.reversed() {
            for entry in chain.pool(name)?.list() ?? [] { places[entry.digest] = PoolPlace(pool: name) }
        }
        return places
    }
}

extension StorageError {
    /// Why a pool cannot be opened.
    fileprivate var problem: String {
        if case .foreignFolder(let why) = self { why } else { description }
    }
}
