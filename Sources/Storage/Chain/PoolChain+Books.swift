package import Model

/// What the pools of a chain hold together, and their care.
extension PoolChain {
    /// The sums; of the disks' free space the most that one pool has, since a package goes to one pool. The access is the best of all.
    package func account() -> PoolAccount {
        let accounts = present.map { $0.pool.account() }
        let access =
            [PoolAccess.readWrite, .draining, .readOnly].first { access in accounts.contains { $0.access == access } }
            ?? .unavailable
        return PoolAccount(
            quota: accounts.reduce(.zero) { $0 + $1.quota }, used: accounts.reduce(.zero) { $0 + $1.used },
            reserved: accounts.reduce(.zero) { $0 + $1.reserved },
            freeOnDisk: accounts.map(\.freeOnDisk).max() ?? .zero, access: access)
    }

    /// The first pool's quota: the others have their own.
    package func setQuota(_ quota: ByteCount) throws(StorageError) {
        if let name = names.first { _ = try setQuota(quota, of: name) }
    }

    /// Of all pools.
    package func setAccess(_ access: PoolAccess) {
        for name in names { setAccess(access, of: name) }
    }

    @discardableResult
    package func compact() throws(StorageError) -> ByteCount {
        var freed = ByteCount.zero
        var failure: StorageError?
        for (name, pool) in present {
            do throws(StorageError) {
                freed += try pool.compact()
            } catch {
                note(error, of: name)
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return freed
    }

    package func length(of digest: SHA256Digest) -> ByteCount? {
        steadily { present.lazy.compactMap { $0.pool.length(of: digest) }.first }
    }

    package func contains(_ digest: SHA256Digest) -> Bool { steadily { present.contains { $0.pool.contains(digest) } } }

    package func part(of digest: SHA256Digest) -> ByteCount { present.map { $0.pool.part(of: digest) }.max() ?? .zero }

    package func list() -> [PoolEntry] {
        steadily { Set(present.flatMap { $0.pool.list() }) }.sorted { $0.digest < $1.digest }
    }

    package func marks() -> [SHA256Digest: PackageMark] {
        var marks: [SHA256Digest: PackageMark] = [:]
        for (_, pool) in present { marks.merge(pool.marks()) { first, _ in first } }
        // A copy that is whole stands for the package.
        return marks.filter { length(of: $0.key) == nil }
    }

    package func scrubUnits() -> [ScrubUnit] {
        present.flatMap { member in member.pool.scrubUnits().map { ScrubUnit.part(of: member.name, $0) } }
    }

    package func scrub(_ unit: ScrubUnit, pace: (ByteCount) -> Void) throws(StorageError) -> [SHA256Digest] {
        guard case .part(let name, let unit) = unit, let pool = pool(name) else { return [] }
        return try noting(name) { () throws(StorageError) in try pool.scrub(unit, pace: pace) }
    }

    package func check(readData: Bool) -> PoolCheck {
        var sum = PoolCheck()
        for member in members {
            guard let pool = member.pool else {
                sum.problems.append("pool \(member.name) is unavailable: \(member.problem ?? "its disk is gone")")
                continue
            }
            let check = pool.check(readData: readData)
            sum.found(check.corrupt)
            sum.problems += check.problems.map { "pool \(member.name): \($0)" }
            sum.packages += check.packages
            sum.bytesRead += check.bytesRead
        }
        return sum
    }
}
