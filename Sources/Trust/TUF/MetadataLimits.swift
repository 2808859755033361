/// What a refresh may cost: the greatest lengths of files in bytes, and counts. All are checked before memory is taken.
package struct MetadataLimits: Sendable, Equatable {
    /// 5.3: a root; as long may be the one that is pinned, wherever it comes from.
    package static let rootBytes = 512_000
    /// 5.3: a root.
    package var rootBytes = Self.rootBytes
    /// 5.3: how many new roots one run walks through; the rest comes in the next run, since progress persists.
    package var rootsPerRun = 256
    /// 5.4: the timestamp.
    package var timestampBytes = 16_384
    /// 5.5: the snapshot.
    package var snapshotBytes = 2_000_000
    /// 5.6: the targets role and each delegated role.
    package var targetsBytes = 8_000_000
    /// 5.6.7: how many delegated roles one search for a target visits.
    package var rolesPerSearch = 32
    /// How many delegated roles are read when the whole catalog is wanted.
    package var rolesPerCatalog = 1024

    package init() {}
}
