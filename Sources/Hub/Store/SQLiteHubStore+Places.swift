package import Model
import SQLite

extension SQLiteHubStore {
    package func putPlace(_ place: PlaceRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO place VALUES (?, ?, ?, ?)", place.node, place.path, place.pool, place.reason)
    }

    package func removePlace(node: NodeID, path: TargetPath) throws {
        try database.run("DELETE FROM place WHERE node = ? AND path = ?", node, path)
    }

    package func place(node: NodeID, path: TargetPath) throws -> PlaceRecord? {
        try database.first("SELECT * FROM place WHERE node = ? AND path = ?", node, path, read: Self.place)
    }

    package func places(at node: NodeID) throws -> [PlaceRecord] {
        try database.rows("SELECT * FROM place WHERE node = ? ORDER BY path", node, read: Self.place)
    }

    private static func place(_ row: borrowing Row) throws -> PlaceRecord {
        PlaceRecord(
            node: try row.id(0), path: try row.named(1), pool: try row.named(2), reason: try row.textOrNil(3))
    }
}
