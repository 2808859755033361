import Model

/// What operators bring on a medium. Nothing is taken over here that the vendor's metadata has not verified before.
extension HubCore {
    mutating func takeCatalog(_ contents: CatalogContents, at now: UnixTime) throws -> CatalogRecord {
        guard let before = try store.catalog() else { throw Self.noCatalog }
        if Int64(clamping: contents.timestampVersion) > before.timestampVersion {
            try log(
                .notice, .catalogRefreshed, "catalog", "a bundle brought version \(contents.timestampVersion)", at: now)
        }
        let wasRefreshing = isRefreshing
        try catalogRefreshed(contents, at: now)
        // A look at the web that is under way goes on.
        isRefreshing = wasRefreshing
        guard let catalog = try store.catalog() else { throw Self.noCatalog }
        return catalog
    }

    mutating func takePackage(
        _ path: TargetPath, _ digest: SHA256Digest, at now: UnixTime
    ) throws -> PackageRecord {
        guard var record = try store.package(path), record.package.sha256 == digest, record.state != .retired else {
            throw HubRefusal.conflict("the catalog no longer names \(path) with this hash")
        }
        guard record.state != .imported else { return record }
        importing.remove(path)
        try imported(&record, "an operator brought \(path); it is in the hub's pool, hash checked", at: now)
        return record
    }

    mutating func refuseBundle(_ why: String, at now: UnixTime) throws -> CatalogRecord {
        guard let catalog = try store.catalog() else { throw Self.noCatalog }
        try log(.error, .catalogRefused, "catalog", "what an operator brought was refused: \(why)", at: now)
        return catalog
    }

    static let noCatalog = HubRefusal.conflict(
        "no catalog is set; pin the vendor's root with axle catalog set --root FILE")
}
