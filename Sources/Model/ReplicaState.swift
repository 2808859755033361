/// Where a package stands in the hub's pool.
package enum PackageState: UInt8, NamedCode {
    case announced = 1
    case downloading = 2
    case imported = 3
    case failed = 4
    case retired = 5
}

/// Where a package's copy in one pool stands.
package enum ReplicaState: UInt8, NamedCode {
    case pending = 1
    case transferring = 2
    case verified = 3
    case corrupt = 4
    case evicted = 5
}

/// Where a patch between two releases stands at the hub.
package enum PatchState: UInt8, NamedCode {
    /// It is to be made, now or when the time of its next attempt comes.
    case wanted = 1
    case making = 2
    /// It is in the pool of patches.
    case made = 3
    /// It cannot be made, or is not worth it.
    case failed = 4
}
