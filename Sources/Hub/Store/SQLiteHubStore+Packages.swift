package import Model
import SQLite

extension SQLiteHubStore {
    // MARK: Packages

    package func putPackage(_ package: PackageRecord) throws {
        let path = package.package.path
        try database.run(
            "INSERT OR REPLACE INTO package VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", path, path.product,
            path.release, package.package.sha256, try StoredJSON.encode(package.package), Int(package.state.rawValue),
            package.bytesHeld, package.announced, package.changed, package.error, package.failures, package.nextTry)
    }

    private static let packageColumns =
        "SELECT package, state, held, announced, changed, error, failures, next_try"

    package func package(_ path: TargetPath) throws -> PackageRecord? {
        try database.first(Self.packageColumns + " FROM package WHERE path = ?", path, read: Self.package) ?? nil
    }

    package func packages(after path: TargetPath?, limit: Int) throws -> [PackageRecord] {
        try knownRows(after: path?.description ?? "", limit: limit) { last, count in
            try database.rows(
                Self.packageColumns + ", path FROM package WHERE path > ? ORDER BY path LIMIT ?", last, count
            ) {
                (try $0.text(8), try Self.package($0))
            }
        }
    }

    package func packages(product: ProductName, release: ReleaseName) throws -> [PackageRecord] {
        try database.rows(
            Self.packageColumns + " FROM package WHERE product = ? AND release = ? ORDER BY path", product, release,
            read: Self.package
        ).compactMap { $0 }
    }

    package func packages(in state: PackageState) throws -> [PackageRecord] {
        try database.rows(
            Self.packageColumns + " FROM package WHERE state = ? ORDER BY path", Int(state.rawValue), read: Self.package
        ).compactMap { $0 }
    }

    package func nextImport() throws -> UnixTime? {
        try database.first(
            "SELECT next_try FROM package WHERE next_try IS NOT NULL ORDER BY next_try LIMIT 1"
        ) { row in try row.time(0) }
    }

    /// Nil for one that a newer release has written and this one does not understand.
    private static func package(_ row: borrowing Row) throws -> PackageRecord? {
        guard let package = try row.jsonIfKnown(0, Package.self) else { return nil }
        return PackageRecord(
            package: package, state: try row.code(1), bytesHeld: try row.int64(2), announced: try row.time(3),
            changed: try row.time(4), error: try row.textOrNil(5), failures: try row.int(6),
            nextTry: try row.timeOrNil(7))
    }

    // MARK: Replicas

    package func putReplica(_ replica: ReplicaRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO replica VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", replica.spoke,
            replica.path, replica.digest, Int(replica.state.rawValue), replica.bytesHeld, replica.text,
            replica.isAcknowledged,
            replica.changed, replica.means.map { Int($0.rawValue) }, replica.wireBytes.map { ByteCount($0) },
            replica.reason, replica.object, ByteCount(replica.objectBytes), replica.lacking)
    }

    package func replica(spoke: NodeID, path: TargetPath) throws -> ReplicaRecord? {
        try database.first(
            "SELECT * FROM replica WHERE spoke = ? AND path = ?", spoke, path, read: Self.replica)
    }

    package func removeReplica(spoke: NodeID, path: TargetPath) throws {
        try database.run("DELETE FROM replica WHERE spoke = ? AND path = ?", spoke, path)
    }

    package func replicas(of path: TargetPath) throws -> [ReplicaRecord] {
        try database.rows("SELECT * FROM replica WHERE path = ? ORDER BY spoke", path, read: Self.replica)
    }

    package func replicas(at spoke: NodeID) throws -> [ReplicaRecord] {
        try database.rows("SELECT * FROM replica WHERE spoke = ? ORDER BY path", spoke, read: Self.replica)
    }

    package func unacknowledgedReplicas(
        at spoke: NodeID, after path: TargetPath?, limit: Int
    ) throws -> [ReplicaRecord] {
        try database.rows(
            "SELECT * FROM replica WHERE spoke = ? AND acknowledged = 0 AND path > ? ORDER BY path LIMIT ?", spoke,
            path?.description ?? "", limit, read: Self.replica)
    }

    static func replica(_ row: borrowing Row) throws -> ReplicaRecord {
        var record = ReplicaRecord(
            spoke: try row.id(0), path: try row.named(1), digest: try row.digest(2), state: try row.code(3),
            bytesHeld: try row.int64(4), text: try row.textOrNil(5), isAcknowledged: try row.bool(6),
            changed: try row.time(7))
        record.means = try row.isNull(8) ? nil : row.code(8)
        record.wireBytes = try row.sizeOrNil(9)?.bytes
        record.reason = try row.textOrNil(10)
        record.object = try row.isNull(11) ? nil : row.digest(11)
        record.objectBytes = try row.size(12).bytes
        record.lacking = try row.sizeOrNil(13)
        return record
    }

    // MARK: Links

    package func putLink(_ link: LinkRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO link VALUES (?, ?, ?, ?, ?)", link.spoke, link.limit, link.agentLimit, link.sent,
            link.received)
    }

    package func link(of spoke: NodeID) throws -> LinkRecord? {
        try database.first("SELECT * FROM link WHERE spoke = ?", spoke) { row in
            LinkRecord(
                spoke: try row.id(0), limit: try row.textOrNil(1), agentLimit: try row.textOrNil(2),
                sent: try row.size(3), received: try row.size(4))
        }
    }

    package func addTraffic(of spoke: NodeID, sent: ByteCount, received: ByteCount) throws {
        let known = try link(of: spoke) ?? LinkRecord(spoke: spoke)
        try putLink(
            LinkRecord(
                spoke: spoke, limit: known.limit, agentLimit: known.agentLimit, sent: known.sent + sent,
                received: known.received + received))
    }

    // MARK: Pools

    package func putPool(_ pool: PoolRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO pool VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", pool.node, pool.name, pool.quota,
            pool.used, pool.reserved, pool.freeOnDisk, pool.wantedQuota, pool.reported, Int(pool.access.rawValue),
            pool.wantedAccess.map { Int($0.rawValue) }, pool.problem)
    }

    package func removePool(node: NodeID, name: NodeName) throws {
        try database.run("DELETE FROM pool WHERE node = ? AND name = ?", node, name)
    }

    package func pool(node: NodeID, name: NodeName) throws -> PoolRecord? {
        try database.first("SELECT * FROM pool WHERE node = ? AND name = ?", node, name, read: Self.pool)
    }

    package func pools() throws -> [PoolRecord] {
        try database.rows("SELECT * FROM pool ORDER BY node, name", read: Self.pool)
    }

    package func pools(of node: NodeID) throws -> [PoolRecord] {
        try database.rows("SELECT * FROM pool WHERE node = ? ORDER BY name", node, read: Self.pool)
    }

    private static func pool(_ row: borrowing Row) throws -> PoolRecord {
        PoolRecord(
            node: try row.id(0), name: try row.named(1), quota: try row.size(2), used: try row.size(3),
            reserved: try row.size(4), freeOnDisk: try row.size(5), wantedQuota: try row.sizeOrNil(6),
            access: try row.code(8), wantedAccess: try row.isNull(9) ? nil : try row.code(9),
            problem: try row.textOrNil(10), reported: try row.time(7))
    }

    // MARK: Prunes

    package func putPrune(_ prune: PruneRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO prune VALUES (?, ?, ?, ?, ?, ?)", prune.node, prune.path, prune.digest, prune.text,
            prune.isDone, prune.asked)
    }

    package func removePrune(node: NodeID, path: TargetPath) throws {
        try database.run("DELETE FROM prune WHERE node = ? AND path = ?", node, path)
    }

    package func prune(node: NodeID, path: TargetPath) throws -> PruneRecord? {
        try database.first("SELECT * FROM prune WHERE node = ? AND path = ?", node, path, read: Self.prune)
    }

    package func prunes(at node: NodeID) throws -> [PruneRecord] {
        try database.rows("SELECT * FROM prune WHERE node = ? ORDER BY path", node, read: Self.prune)
    }

    package func prunedNodes() throws -> [NodeID] {
        try database.rows("SELECT DISTINCT node FROM prune ORDER BY node") { row in try row.id(0) }
    }

    private static func prune(_ row: borrowing Row) throws -> PruneRecord {
        PruneRecord(
            node: try row.id(0), path: try row.named(1), digest: try row.digest(2), text: try row.text(3),
            isDone: try row.bool(4), asked: try row.time(5))
    }
}
