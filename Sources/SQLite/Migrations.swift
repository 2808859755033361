/// The numbered steps by which a database file becomes what this program needs.
///
/// Step 1 makes the first schema; a released step is never changed, a new one is appended. The number reached is `user_version`, the kind of file is
/// `application_id`, and the table `migrations` keeps when each step ran. A file of another kind, or one written by a newer program, is refused and not touched.
package struct Migrations: Sendable {
    /// Four bytes that name the kind of file, e.g. 0x41584855 ("AXHU").
    package let applicationID: Int32
    /// The steps' SQL in order; the first is number 1.
    package let steps: [String]

    /// Makes the list of steps of one kind of file.
    package init(applicationID: Int32, steps: [String]) {
        self.applicationID = applicationID
        self.steps = steps
    }

    /// Brings `database` up to the last step, each step in a transaction of its own; `milliseconds` is the time that is written down with it.
    package func apply(to database: Database, atMilliseconds milliseconds: Int64) throws {
        let version = try check(database)
        var number = version
        for step in steps.dropFirst(version) {
            number += 1
            try database.transaction {
                if number == 1 {
                    try database.script(
                        "CREATE TABLE migrations (number INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT")
                    try database.script("PRAGMA application_id = \(applicationID)")
                }
                try database.script(step)
                try database.run("INSERT INTO migrations (number, at) VALUES (?, ?)", number, milliseconds)
                try database.script("PRAGMA user_version = \(number)")
            }
        }
    }

    /// Refuses a file that is not of this kind or newer than this program; gives the last step that it has. For readers, which cannot migrate.
    @discardableResult
    package func check(_ database: Database) throws -> Int {
        let version = try database.first("PRAGMA user_version") { row in try row.int(0) } ?? 0
        let kind = try database.first("PRAGMA application_id") { row in try row.int64(0) } ?? 0
        let tables = try database.first("SELECT count(*) FROM sqlite_schema") { row in try row.int(0) } ?? 0
        guard kind == Int64(applicationID) || (kind == 0 && version == 0 && tables == 0) else {
            throw SQLiteError(kind: .wrongSchema, message: "\(database.path) belongs to another program (kind \(kind))")
        }
        guard version >= 0, version <= steps.count else {
            throw SQLiteError(
                kind: .wrongSchema,
                message:
                    "\(database.path) has schema \(version), this program knows up to \(steps.count): use a newer one")
        }
        return version
    }
}
