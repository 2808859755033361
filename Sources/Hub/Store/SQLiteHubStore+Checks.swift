internal import Codec
package import Model
internal import Protocol
import SQLite

extension SQLiteHubStore {
    package func putCheck(_ check: CheckRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO pool_check VALUES (?, ?, ?, ?, ?, ?)", check.node, check.said.pool, check.readsData,
            check.began, check.ended, CBOREncoder.encode(.map(check.said.cbor)))
    }

    package func check(node: NodeID, pool: NodeName) throws -> CheckRecord? {
        try database.first("SELECT * FROM pool_check WHERE node = ? AND pool = ?", node, pool, read: Self.check) ?? nil
    }

    package func checks(at node: NodeID) throws -> [CheckRecord] {
        try database.rows("SELECT * FROM pool_check WHERE node = ? ORDER BY pool", node, read: Self.check)
            .compactMap { $0 }
    }

    package func removeCheck(node: NodeID, pool: NodeName) throws {
        try database.run("DELETE FROM pool_check WHERE node = ? AND pool = ?", node, pool)
    }

    /// Nil for one that another release has written and this one cannot read: it is as good as none, and the next check takes its place.
    private static func check(_ row: borrowing Row) throws -> CheckRecord? {
        let bytes = try row.blob(5)
        // See above.
        guard let said = try? PoolChecked(MessageFields(frame: bytes.span, of: PoolChecked.name)) else { return nil }
        return CheckRecord(
            node: try row.id(0), readsData: try row.bool(2), began: try row.time(3), ended: try row.timeOrNil(4),
            said: said)
    }
}
