import Model

/// Removing a package that the catalog no longer names: from the hub's pool and from every spoke's.
///
/// Retention leaves such packages alone, since it cannot tell whether they are wanted: a person says so. They cannot be fetched again.
extension HubCore {
    mutating func removePackage(_ path: TargetPath, at now: UnixTime) throws -> PackageRecord {
        let removal = try queries.removal(of: path)
        if let refusal = removal.refusals.first { throw HubRefusal.conflict(refusal) }
        guard !removal.isNothing else { return removal.record }
        let text = "removed, since the catalog no longer names it"
        for replica in removal.replicas { try takeFromSpoke(path, replica.digest, replica.spoke, text, at: now) }
        if removal.record.isHere { try takeFromHub(removal.record.package, text, at: now) }
        try log(
            .notice, .packageRemoved, "package/\(path)",
            "\(path) was removed, which the catalog no longer names: from \(removal.placesText)", at: now)
        return try store.package(path) ?? removal.record
    }
}
