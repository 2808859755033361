package import Model

/// A pool whose books are a `PoolLedger`: what only reads them, or takes no more than them, is one and the same for every such pool.
package protocol LedgerPool: PackagePool {
    /// Runs `body` alone with the books; it must be short.
    func withLedger<Value>(_ body: (inout PoolLedger) -> Value) -> Value
}

extension LedgerPool {
    package func list() -> [PoolEntry] {
        withLedger { $0.visible }.map { PoolEntry(digest: $0.key, length: ByteCount($0.value)) }
            .sorted { $0.digest < $1.digest }
    }

    package func marks() -> [SHA256Digest: PackageMark] { withLedger { $0.marks } }

    package func contains(_ digest: SHA256Digest) -> Bool { withLedger { $0.held[digest] != nil } }

    package func part(of digest: SHA256Digest) -> ByteCount { withLedger { ByteCount($0.leftover(of: digest)) } }

    package func length(of digest: SHA256Digest) -> ByteCount? {
        withLedger { $0.visibleLength(of: digest).map { ByteCount($0) } }
    }

    package func setAccess(_ access: PoolAccess) { withLedger { $0.access = access } }

    /// Whether a package that is said to be damaged is whole after all: visible, of that length, and equal to its hash.
    func isWhole(_ digest: SHA256Digest, length: ByteCount) throws(StorageError) -> Bool {
        guard self.length(of: digest) == length else { return false }
        do throws(StorageError) {
            try verify(digest)
            return true
        } catch {
            guard case .corrupt = error else { throw error }
            return false
        }
    }
}
