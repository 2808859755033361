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

    /// Throws a `DatabaseLoss` unless the database has every table, column, index and trigger that its first `version` steps
    /// make. What it has beside them is of no interest.
    func requireWhole(_ database: Database, version: Int, advice: String) throws {
        let model = try Database(inMemory: ())
        for step in steps.prefix(version) { try model.script(step) }
        let (wanted, found) = (try Self.objects(model), try Self.objects(database))
        let missing = wanted.subtracting(found).sorted()
        guard !missing.isEmpty else { return }
        let tables = missing.filter { $0.hasPrefix("table ") }.map { $0.dropFirst("table ".count) }
        // Of a missing table its columns and indexes say nothing more.
        let lines = missing.filter { line in
            !tables.contains {
                line.hasPrefix("column \($0).") || line.hasPrefix("index ") && line.contains(" on \($0)(")
            }
        }
        throw DatabaseLoss(path: database.path, kind: .incomplete(lines), advice: advice)
    }

    /// A line for each object of the schema and each column, as SQLite reports them: texts of statements differ between
    /// its releases.
    private static func objects(_ database: Database) throws -> Set<String> {
        Set(
            try database.rows(
                """
                SELECT type || ' ' || name FROM sqlite_schema WHERE type <> 'index' AND name NOT LIKE 'sqlite%'
                UNION ALL
                SELECT 'column ' || t.name || '.' || c.name || ' ' || c.type || iif(c."notnull", ' NOT NULL', '')
                    || iif(c.pk > 0, ' PRIMARY KEY ' || c.pk, '')
                FROM sqlite_schema t, pragma_table_xinfo(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'
                UNION ALL
                SELECT 'index ' || i.name || ' on ' || t.name || '(' || (
                    SELECT group_concat(iif(x.cid < 0, '?', x.name)) FROM pragma_index_xinfo(i.name) x WHERE x.key
                ) || ')' || iif(i."unique", ' UNIQUE', '')
                FROM sqlite_schema t, pragma_index_list(t.name) i WHERE t.type = 'table'
                """
            ) { try $0.text(0) })
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
