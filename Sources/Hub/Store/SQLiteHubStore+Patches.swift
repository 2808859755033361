package import Model
import SQLite

extension SQLiteHubStore {
    package func putPatch(_ patch: PatchRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO patch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", patch.key.new,
            patch.key.old,
            Int(patch.key.means.rawValue), patch.newPath, patch.oldPath, Int(patch.state.rawValue), patch.sha256,
            ByteCount(patch.length),
            patch.problem, patch.failures, patch.nextTry, patch.wished, patch.changed, patch.lastUsed)
    }

    package func patch(_ key: PatchKey) throws -> PatchRecord? {
        try database.first(
            "SELECT * FROM patch WHERE new = ? AND old = ? AND means = ?", key.new, key.old, Int(key.means.rawValue),
            read: Self.patch)
    }

    package func patch(sha256: SHA256Digest) throws -> PatchRecord? {
        try database.first("SELECT * FROM patch WHERE sha256 = ?", sha256, read: Self.patch)
    }

    package func removePatch(_ key: PatchKey) throws {
        try database.run(
            "DELETE FROM patch WHERE new = ? AND old = ? AND means = ?", key.new, key.old, Int(key.means.rawValue))
    }

    package func patches() throws -> [PatchRecord] {
        try database.rows("SELECT * FROM patch ORDER BY new, old, means", read: Self.patch)
    }

    package func patches(to new: SHA256Digest) throws -> [PatchRecord] {
        try database.rows("SELECT * FROM patch WHERE new = ? ORDER BY old, means", new, read: Self.patch)
    }

    package func patches(dueBy time: UnixTime) throws -> [PatchRecord] {
        try database.rows(
            "SELECT * FROM patch WHERE next_try <= ? ORDER BY wished, new, old, means", time, read: Self.patch)
    }

    package func nextPatch() throws -> UnixTime? {
        try database.first("SELECT next_try FROM patch WHERE next_try IS NOT NULL ORDER BY next_try LIMIT 1") { row in
            try row.time(0)
        }
    }

    private static func patch(_ row: borrowing Row) throws -> PatchRecord {
        var record = PatchRecord(
            key: PatchKey(old: try row.digest(1), new: try row.digest(0), means: try row.code(2)),
            oldPath: try row.named(4), newPath: try row.named(3), wished: try row.time(11))
        record.state = try row.code(5)
        record.sha256 = try row.isNull(6) ? nil : row.digest(6)
        record.length = try row.size(7).bytes
        record.problem = try row.textOrNil(8)
        record.failures = try row.int(9)
        record.nextTry = try row.timeOrNil(10)
        record.changed = try row.time(12)
        record.lastUsed = try row.time(13)
        return record
    }
}
