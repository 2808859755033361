package import Model
import SQLite

extension SQLiteHubStore {
    package func putPatch(_ patch: PatchRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO patch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", patch.key.new, patch.key.old,
            patch.newPath, patch.oldPath, Int(patch.state.rawValue), patch.sha256, ByteCount(patch.length),
            patch.problem, patch.failures, patch.nextTry, patch.wished, patch.changed, patch.lastUsed)
    }

    package func patch(_ key: PatchKey) throws -> PatchRecord? {
        try database.first("SELECT * FROM patch WHERE new = ? AND old = ?", key.new, key.old, read: Self.patch)
    }

    package func patch(sha256: SHA256Digest) throws -> PatchRecord? {
        try database.first("SELECT * FROM patch WHERE sha256 = ?", sha256, read: Self.patch)
    }

    package func removePatch(_ key: PatchKey) throws {
        try database.run("DELETE FROM patch WHERE new = ? AND old = ?", key.new, key.old)
    }

    package func patches() throws -> [PatchRecord] {
        try database.rows("SELECT * FROM patch ORDER BY new, old", read: Self.patch)
    }

    package func patches(to new: SHA256Digest) throws -> [PatchRecord] {
        try database.rows("SELECT * FROM patch WHERE new = ? ORDER BY old", new, read: Self.patch)
    }

    package func patches(dueBy time: UnixTime) throws -> [PatchRecord] {
        try database.rows(
            "SELECT * FROM patch WHERE next_try <= ? ORDER BY wished, new, old", time, read: Self.patch)
    }

    package func nextPatch() throws -> UnixTime? {
        try database.first("SELECT next_try FROM patch WHERE next_try IS NOT NULL ORDER BY next_try LIMIT 1") { row in
            try row.time(0)
        }
    }

    private static func patch(_ row: borrowing Row) throws -> PatchRecord {
        var record = PatchRecord(
            key: PatchKey(old: try row.digest(1), new: try row.digest(0)), oldPath: try row.named(3),
            newPath: try row.named(2), wished: try row.time(10))
        record.state = try row.code(4)
        record.sha256 = try row.isNull(5) ? nil : row.digest(5)
        record.length = try row.size(6).bytes
        record.problem = try row.textOrNil(7)
        record.failures = try row.int(8)
        record.nextTry = try row.timeOrNil(9)
        record.changed = try row.time(11)
        record.lastUsed = try row.time(12)
        return record
    }
}
