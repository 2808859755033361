package import Model

/// Emptying a pool into the others, a package at a time, while all of them go on being used.
///
/// A cut leaves a package where it was, or in both pools; the copy in the pool that is being emptied goes at the next start, or with the next pass.
extension PoolChain {
    /// What a pass over a pool has done.
    package struct Drained: Equatable, Sendable {
        package var packages = 0
        package var bytes = ByteCount.zero
        /// What is left in it, and why.
        package var stays: [SHA256Digest: StorageError] = [:]
        /// What the pass has found damaged, and marked.
        package var damaged: Set<SHA256Digest> = []

        package init() {}
    }

    /// Moves what is in a pool into the others, each package compared with its hash before it leaves. What cannot go now stays, and it is said why.
    ///
    /// The pool is set to `draining` before, so that nothing new comes; set to something else, the pass ends after a package. `moved` hears of each that is elsewhere now.
    package func drain(_ name: NodeName, moved: (PoolEntry) -> Void = { _ in }) -> Drained {
        var drained = Drained()
        guard let source = pool(name) else { return drained }
        for entry in source.list() {
            guard isDraining(name) else { return drained }
            do throws(StorageError) {
                try move(entry, out: source, name)
                drained.packages += 1
                drained.bytes += entry.length
                moved(entry)
            } catch {
                // It was removed meanwhile.
                if case .notHeld = error { continue }
                if case .corrupt = error { drained.damaged.insert(entry.digest) }
                drained.stays[entry.digest] = error
            }
        }
        for (digest, mark) in source.marks() {
            drained.stays[digest] = mark == .corrupt ? .corrupt(digest) : .withheld(digest, mark)
        }
        if drained.stays.isEmpty {
            do throws(StorageError) {
                try source.compact()
            } catch {
                // The packages are out of it; what is left of its files goes with its folder.
                note(error, of: name)
            }
        }
        return drained
    }

    private func move(_ entry: PoolEntry, out source: any PackagePool, _ name: NodeName) throws(StorageError) {
        guard claim(entry.digest) else { throw .inTransfer(entry.digest) }
        defer { release(entry.digest) }
        let isElsewhere = present.contains { $0.name != name && $0.pool.length(of: entry.digest) == entry.length }
        if !isElsewhere {
            do throws(StorageError) {
                try copy(entry, out: source, name)
            } catch {
                switch error {
                // Marks it where the disk has damaged it, so that it is repaired.
                case .hashMismatch, .corrupt: try source.verify(entry.digest)
                default: break
                }
                throw error
            }
        }
        isMoving()
        try noting(name) { () throws(StorageError) in try source.evict(entry.digest) }
    }

    private func copy(_ entry: PoolEntry, out source: any PackagePool, _ name: NodeName) throws(StorageError) {
        let reader = try noting(name) { () throws(StorageError) in try source.open(entry.digest) }
        let target = try choose(entry.digest, entry.length, besides: name)
        do throws(StorageError) {
            var offset = target.inner.resumeOffset
            while offset < entry.length {
                let piece = try noting(name) { () throws(StorageError) in try reader.read(at: offset, count: 1 << 20) }
                guard !piece.isEmpty else { throw .corrupt(entry.digest) }
                try noting(target.name) { () throws(StorageError) in
                    try target.pool.write(target.inner, at: offset, piece.span.bytes)
                }
                offset += ByteCount(UInt64(piece.count))
            }
            try noting(target.name) { () throws(StorageError) in try target.pool.publish(target.inner) }
        } catch {
            target.pool.abandon(target.inner, keepingBytes: true)
            throw error
        }
        guard pool(target.name) === target.pool else {
            throw .io("pool \(target.name) went away while the package came")
        }
    }
}
