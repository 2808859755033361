package import Model
import SQLite

extension SQLiteHubStore {
    package func putRevocation(_ revocation: RevocationRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO revocation VALUES (?, ?, ?)", revocation.node, Int(revocation.role.rawValue),
            revocation.ends)
    }

    package func revocations() throws -> [RevocationRecord] {
        try database.rows("SELECT node, role, ends FROM revocation ORDER BY node") { row in
            RevocationRecord(node: try row.id(0), role: try row.code(1), ends: try row.time(2))
        }
    }

    package func removeRevocation(of node: NodeID) throws {
        try database.run("DELETE FROM revocation WHERE node = ?", node)
    }

    package func insertSegment(_ segment: SegmentRecord, bytes: [UInt8]) throws {
        try inserting("segment \(segment.sha256)") { () throws(SQLiteError) in
            try database.run(
                "INSERT INTO segment (sha256, role, count, ends, ids) VALUES (?, ?, ?, ?, ?)", segment.sha256.bytes,
                Int(segment.role.rawValue), segment.count, segment.ends, bytes)
        }
    }

    package func segments() throws -> [SegmentRecord] {
        try database.rows("SELECT sha256, role, count, ends FROM segment ORDER BY ends, role, sha256") { row in
            SegmentRecord(
                sha256: try SHA256Digest(bytes: try row.blob(0)), role: try row.code(1), count: try row.int(2),
                ends: try row.time(3))
        }
    }

    package func segment(_ sha256: SHA256Digest) throws -> [UInt8]? {
        try database.first("SELECT ids FROM segment WHERE sha256 = ?", sha256.bytes) { row in try row.blob(0) }
    }

    package func removeSegment(_ sha256: SHA256Digest) throws {
        try database.run("DELETE FROM segment WHERE sha256 = ?", sha256.bytes)
    }

    package func removeRevocations(endingBy time: UnixTime) throws {
        try database.run("DELETE FROM revocation WHERE ends <= ?", time)
        try database.run("DELETE FROM segment WHERE ends <= ?", time)
    }
}
