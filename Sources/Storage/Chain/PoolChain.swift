package import Model
package import System

/// Several named pools as one: what does not fit into the first goes to the next, and is read from wherever it is.
///
/// Each pool keeps its own quota, use and access; the chain stores nothing of its own, so that a crash leaves what the pools leave. A pool whose disk is gone is
/// kept by its name as unavailable, and what is in it is not held until it comes back (`attach`). One package is in one pool: a second copy, which only a pool
/// that came back can bring, goes. Thread rule: any thread; no lock is held while a pool works.
package final class PoolChain: PackagePool {
    /// A pool of the chain at one moment.
    package struct Standing: Hashable, Sendable {
        package let name: NodeName
        package let account: PoolAccount
        /// Why it is unavailable, where its disk is gone; what it holds is not known then.
        package let problem: String?

        package init(name: NodeName, account: PoolAccount, problem: String? = nil) {
            self.name = name
            self.account = account
            self.problem = problem
        }
    }

    /// A pool by its name.
    struct Member: Sendable {
        let name: NodeName
        /// Nil while its disk is gone.
        var pool: (any PackagePool)?
        var quota: ByteCount
        var access = PoolAccess.readWrite
        /// Why it is not there.
        var problem: String?
        /// Why its disk failed last; cleared when it was looked at and is well.
        var failure: String?
    }

    struct Transfer {
        let inner: Reservation
        let pool: any PackagePool
        let name: NodeName
    }

    private struct State {
        var members: [Member] = []
        var transfers: [UInt64: Transfer] = [:]
        /// Packages that are being reserved, in transfer, moved or removed: one of these at a time.
        var claims: Set<SHA256Digest> = []
        var reasons: [SHA256Digest: String] = [:]
        /// How many packages have moved from pool to pool; counted when both have it.
        var moves: UInt64 = 0
        var nextID: UInt64 = 1
    }

    /// Reasons that are remembered at the most; they are for what was reserved lately.
    private static let reasonLimit = 4096

    private let state = NativeLock(State())

    /// A chain without pools; add them in the order in which they are to be asked.
    package init() {}

    // MARK: Pools

    /// Adds a pool at the end, or gives an unavailable one back its disk. What other pools hold too goes from the one that comes later, as far as that may be.
    package func attach(_ name: NodeName, _ pool: any PackagePool, access: PoolAccess? = nil) {
        let quota = pool.account().quota
        state.withLock { state in
            let index = Self.index(name, in: &state)
            if let access { state.members[index].access = access }
            pool.setAccess(state.members[index].access)
            state.members[index].quota = quota
            state.members[index].pool = pool
            state.members[index].problem = nil
            state.members[index].failure = nil
        }
        removeSecondCopies()
    }

    /// Says that a pool's disk is gone; adds the pool where it was never there.
    package func detach(_ name: NodeName, quota: ByteCount? = nil, _ problem: String) {
        state.withLock { state in
            let index = Self.index(name, in: &state)
            state.members[index].pool = nil
            state.members[index].problem = problem
            if let quota { state.members[index].quota = quota }
        }
    }

    private static func index(_ name: NodeName, in state: inout State) -> Int {
        if let known = state.members.firstIndex(where: { $0.name == name }) { return known }
        state.members.append(Member(name: name, pool: nil, quota: .zero))
        return state.members.count - 1
    }

    /// The pools' names, in their order.
    package var names: [NodeName] { members.map(\.name) }

    /// A pool by its name; nil where there is none, or its disk is gone.
    package func pool(_ name: NodeName) -> (any PackagePool)? { members.first { $0.name == name }?.pool }

    /// Each pool's own account; an unavailable one has no bytes that anybody knows of.
    package func standings() -> [Standing] {
        members.map { member in
            let account =
                member.pool?.account()
                ?? PoolAccount(
                    quota: member.quota, used: .zero, reserved: .zero, freeOnDisk: .zero, access: .unavailable)
            return Standing(name: member.name, account: account, problem: member.problem)
        }
    }

    /// Changes the quota of one pool; false if there is none of that name.
    package func setQuota(_ quota: ByteCount, of name: NodeName) throws(StorageError) -> Bool {
        guard let member = members.first(where: { $0.name == name }) else { return false }
        try member.pool?.setQuota(quota)
        change(name) { $0.quota = quota }
        return true
    }

    /// Says what may be done with one pool; false if there is none of that name.
    @discardableResult
    package func setAccess(_ access: PoolAccess, of name: NodeName) -> Bool {
        guard let member = members.first(where: { $0.name == name }) else { return false }
        change(name) { $0.access = access }
        member.pool?.setAccess(access)
        return true
    }

    /// The pool where a package is, visible or marked, and why it is there where that was decided since the start.
    package func place(of digest: SHA256Digest) -> PoolPlace? {
        holders(of: digest).first.map { holder in
            PoolPlace(pool: holder.name, reason: state.withLock { $0.reasons[digest] })
        }
    }

    /// Whether a pool is there and set to be emptied.
    func isDraining(_ name: NodeName) -> Bool {
        members.contains { $0.name == name && $0.pool != nil && $0.access == .draining }
    }

    /// Clears what is remembered of a pool's failures: its disk was looked at and is well.
    package func isWell(_ name: NodeName) { change(name) { $0.failure = nil } }

    /// Whether its disk has failed since it was last well.
    package func hasFailed(_ name: NodeName) -> Bool { members.contains { $0.name == name && $0.failure != nil } }

    var members: [Member] { state.withLock { $0.members } }
    /// Asks the pools one after the other, and again where a package was moved meanwhile: it may have been in neither when it was asked for.
    func steadily<Value>(_ question: () -> Value) -> Value {
        while true {
            let before = moves
            let answer = question()
            if moves == before { return answer }
        }
    }

    private var moves: UInt64 { state.withLock { $0.moves } }

    /// Says that a package is in another pool and leaves the one where it was.
    func isMoving() { state.withLock { $0.moves &+= 1 } }

    var present: [(name: NodeName, pool: any PackagePool)] {
        members.compactMap { member in member.pool.map { (member.name, $0) } }
    }

    private func change(_ name: NodeName, _ body: (inout Member) -> Void) {
        state.withLock { state in
            guard let index = state.members.firstIndex(where: { $0.name == name }) else { return }
            body(&state.members[index])
        }
    }

    /// Remembers a disk's failure, so that the pool is asked last until it was looked at.
    func note(_ error: StorageError, of name: NodeName) {
        if case .io(let why) = error { change(name) { $0.failure = why } }
    }

    /// Does it with a pool, whose disk's failure is remembered.
    func noting<Value>(
        _ name: NodeName, _ body: () throws(StorageError) -> Value
    ) throws(StorageError) -> Value {
        do throws(StorageError) {
            return try body()
        } catch {
            note(error, of: name)
            throw error
        }
    }

    // MARK: Transfers

    /// Takes a package for oneself; false if somebody else has it.
    func claim(_ digest: SHA256Digest) -> Bool { state.withLock { $0.claims.insert(digest).inserted } }

    func release(_ digest: SHA256Digest) { state.withLock { _ = $0.claims.remove(digest) } }

    package func reserve(_ digest: SHA256Digest, length: ByteCount) throws(StorageError) -> Reservation {
        guard claim(digest) else { throw .inTransfer(digest) }
        do throws(StorageError) {
            let transfer = try choose(digest, length)
            let id = state.withLock { state in
                let id = state.nextID
                state.nextID &+= 1
                state.transfers[id] = transfer
                return id
            }
            return Reservation(
                id: id, digest: digest, length: length, resumeOffset: transfer.inner.resumeOffset, pool: self)
        } catch {
            release(digest)
            throw error
        }
    }

    /// Reserves room in the pool that takes the package; `besides` names one where it may be already.
    func choose(
        _ digest: SHA256Digest, _ length: ByteCount, besides source: NodeName? = nil
    ) throws(StorageError) -> Transfer {
        let members = members
        for (name, pool) in present where name != source {
            if pool.length(of: digest) != nil { throw .alreadyHeld(digest) }
            if pool.marks()[digest] == .withheld { throw .withheld(digest, .withheld) }
        }
        var choice = PoolChoice(
            length,
            among: members.map { member in
                let isDamagedHere = member.pool?.marks()[digest] != nil
                return PoolChoice.Candidate(
                    name: member.name, access: member.pool?.account().access ?? .unavailable, problem: member.problem,
                    part: isDamagedHere ? length : member.pool?.part(of: digest) ?? .zero, failure: member.failure)
            })
        var last: StorageError?
        while let index = choice.next, let pool = members[index].pool {
            do throws(StorageError) {
                let inner = try pool.reserve(digest, length: length)
                choice.took()
                remember(choice.reason, digest)
                return Transfer(inner: inner, pool: pool, name: members[index].name)
            } catch {
                note(error, of: members[index].name)
                guard choice.refused(error) else { throw error }
                last = error
            }
        }
        // One pool speaks for itself, and several with one voice as well.
        if members.count == 1, let last { throw last }
        let accesses = Set(members.map { $0.pool == nil ? .unavailable : $0.access })
        if members.allSatisfy({ $0.problem == nil }), accesses.count == 1, let access = accesses.first,
            access != .readWrite
        {
            throw .noAccess(access)
        }
        throw .noPool(choice)
    }

    private func remember(_ reason: String?, _ digest: SHA256Digest) {
        state.withLock { state in
            if state.reasons.count >= Self.reasonLimit { state.reasons = [:] }
            state.reasons[digest] = reason
        }
    }

    package func write(_ reservation: Reservation, at offset: ByteCount, _ bytes: RawSpan) throws(StorageError) {
        let transfer = try transfer(of: reservation)
        do throws(StorageError) {
            try transfer.pool.write(transfer.inner, at: offset, bytes)
        } catch {
            note(error, of: transfer.name)
            throw error
        }
    }

    package func lend(_ reservation: Reservation) throws(StorageError) -> FileDescriptor? {
        let transfer = try transfer(of: reservation)
        return try transfer.pool.lend(transfer.inner)
    }

    package func publish(_ reservation: Reservation) throws(StorageError) {
        let transfer = try transfer(of: reservation)
        do throws(StorageError) {
            try transfer.pool.publish(transfer.inner)
        } catch {
            note(error, of: transfer.name)
            if case .incomplete = error { throw error }
            end(reservation.id)
            throw error
        }
        end(reservation.id)
        guard pool(transfer.name) === transfer.pool else {
            throw .io("pool \(transfer.name) went away while the package came")
        }
    }

    package func abandon(_ reservation: Reservation, keepingBytes: Bool) {
        guard let transfer = end(reservation.id) else { return }
        transfer.pool.abandon(transfer.inner, keepingBytes: keepingBytes)
    }

    package func reservationWasDropped(_ id: UInt64) {
        // The pool's own reservation goes with it, and keeps what came.
        _ = end(id)
    }

    @discardableResult
    private func end(_ id: UInt64) -> Transfer? {
        state.withLock { state in
            guard let transfer = state.transfers.removeValue(forKey: id) else { return nil }
            state.claims.remove(transfer.inner.digest)
            return transfer
        }
    }

    private func transfer(of reservation: Reservation) throws(StorageError) -> Transfer {
        guard let transfer = state.withLock({ $0.transfers[reservation.id] }),
            transfer.inner.digest == reservation.digest
        else { throw .reservationEnded }
        return transfer
    }

    // MARK: Packages

    package func open(_ digest: SHA256Digest) throws(StorageError) -> any PackageReader {
        while true {
            let before = moves
            var refusal: StorageError?
            for (name, pool) in holders(of: digest) {
                do throws(StorageError) {
                    return try pool.open(digest)
                } catch {
                    note(error, of: name)
                    refusal = refusal ?? error
                }
            }
            // It was moved before it was opened.
            if case .notHeld? = refusal, moves != before { continue }
            throw refusal ?? .notHeld(digest)
        }
    }

    package func evict(_ digest: SHA256Digest) throws(StorageError) {
        guard claim(digest) else {
            throw contains(digest) ? .inTransfer(digest) : .notHeld(digest)
        }
        defer { release(digest) }
        try each(of: digest) { pool throws(StorageError) in try pool.evict(digest) }
    }

    package func verify(_ digest: SHA256Digest) throws(StorageError) {
        try each(of: digest) { pool throws(StorageError) in try pool.verify(digest) }
    }

    package func mark(_ digest: SHA256Digest, _ mark: PackageMark?) throws(StorageError) {
        try each(of: digest) { pool throws(StorageError) in try pool.mark(digest, mark) }
    }

    package func repair(
        _ digest: SHA256Digest, length: ByteCount, from source: any RepairSource
    ) throws(StorageError) -> RepairReport {
        guard let (name, pool) = holders(of: digest).first else { throw .notHeld(digest) }
        return try noting(name) { () throws(StorageError) in
            try pool.repair(digest, length: length, from: source)
        }
    }

    /// The pools where a package is: those that can give it first.
    private func holders(of digest: SHA256Digest) -> [(name: NodeName, pool: any PackagePool)] {
        steadily {
            let all = present.filter { $0.pool.contains(digest) }
            return all.filter { $0.pool.length(of: digest) != nil } + all.filter { $0.pool.length(of: digest) == nil }
        }
    }

    /// Does it in every pool where the package is; throws the first error at the end.
    private func each(
        of digest: SHA256Digest, _ body: (any PackagePool) throws(StorageError) -> Void
    ) throws(StorageError) {
        while true {
            let before = moves
            let holders = holders(of: digest)
            guard !holders.isEmpty else { throw .notHeld(digest) }
            var failure: StorageError?
            for (name, pool) in holders {
                do throws(StorageError) {
                    try body(pool)
                } catch {
                    note(error, of: name)
                    failure = failure ?? error
                }
            }
            // It was moved before it was done.
            if case .notHeld? = failure, moves != before { continue }
            if let failure { throw failure }
            return
        }
    }

    /// Removes what a pool before holds too, and first of all what one that is emptied holds; what cannot go now goes with the next pool that comes back, or the next start.
    private func removeSecondCopies() {
        var seen: Set<SHA256Digest> = []
        for (name, pool) in present.filter({ !isDraining($0.name) }) + present.filter({ isDraining($0.name) }) {
            for entry in pool.list() where !seen.insert(entry.digest).inserted {
                guard claim(entry.digest) else { continue }
                defer { release(entry.digest) }
                do throws(StorageError) {
                    try pool.evict(entry.digest)
                } catch {
                    note(error, of: name)
                }
            }
        }
    }
}
