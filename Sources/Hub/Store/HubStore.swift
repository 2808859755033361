/// What the hub remembers, in its own nouns; nothing else of the hub knows a database.
///
/// Two implementations, one conformance suite: `SQLiteHubStore` in production, `MemoryHubStore` in the simulation.
/// Thread rule: not `Sendable`; one thread at a time. Every verb throws when the storage fails (`SQLiteError` in production).
package protocol HubStore: TokenStore, SpokeStore, ClientStore, CertificateStore, RevocationStore, StandingStore,
    CatalogStore, PackageStore, PatchStore, ReplicaStore, PoolStore, CheckStore, PruneStore, PlaceStore, LinkStore,
    RolloutStore,
    ActionStore, OrderStore, EventStore, SettingStore, IdempotencyStore, AlarmStore, FigureStore
{
    /// Runs `body` as one change: all of it is kept (on the disk when this returns), or, if it throws, nothing. May be nested.
    func transaction<T>(_ body: () throws -> T) throws -> T
}

/// A stored value that cannot be what this program wrote, or a rule of the store that a caller broke.
package enum HubStoreError: Error, Equatable, CustomStringConvertible {
    /// A row with that key is there already.
    case duplicate(String)
    /// A row that must be there is not.
    case missing(String)
    /// A stored value cannot be read back.
    case damaged(String)
    /// The chain of the activity log is broken at that line.
    case chainBroken(sequence: Int64)

    package var description: String {
        switch self {
        case .duplicate(let what): "\(what) is there already"
        case .missing(let what): "\(what) is not there"
        case .damaged(let what): "\(what) is damaged"
        case .chainBroken(let sequence): "the activity log's chain of hashes is broken at line \(sequence)"
        }
    }
}
