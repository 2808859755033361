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
