import Foundation
import SQLite
import Testing

/// An error that only a test throws.
private struct Refused: Error {}

@Suite struct DatabaseTests {
    let folder: TemporaryFolder
    let database: Database

    init() throws {
        folder = try TemporaryFolder()
        database = try Database(path: folder.file("a.db"))
        try database.script(
            "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE, body BLOB, weight REAL) STRICT")
    }

    private func count(_ database: Database) throws -> Int? {
        try database.first("SELECT count(*) FROM item") { row in try row.int(0) }
    }

    @Test func everyTypeComesBackAsItWasBound() throws {
        let hostile = "'; DROP TABLE item; --\u{0}é\u{1F600}"
        try database.run("INSERT INTO item VALUES (?, ?, ?, ?)", Int64.min, hostile, [0, 255] as [UInt8], 1.5)
        try database.run("INSERT INTO item VALUES (?, ?, ?, ?)", 2, "", [] as [UInt8], Value.null)
        let rows = try database.rows("SELECT id, name, body, weight FROM item ORDER BY id") { row in
            (try row.int64(0), try row.text(1), try row.blobOrNil(2), try row.value(3))
        }
        #expect(rows.count == 2)
        #expect(rows[0].0 == .min && rows[0].1 == hostile && rows[0].2 == [0, 255] && rows[0].3 == .real(1.5))
        #expect(rows[1].0 == 2 && rows[1].1 == "" && rows[1].2 == [] && rows[1].3 == .null)
    }

    @Test func readingAColumnAsAnotherTypeIsAnErrorAndNoTrap() throws {
        try database.run("INSERT INTO item VALUES (1, NULL, NULL, NULL)")
        for read: (borrowing Row) throws -> Void in [
            { row in _ = try row.text(0) }, { row in _ = try row.int64(1) }, { row in _ = try row.blob(1) },
            { row in _ = try row.int64(9) }, { row in _ = try row.int64(-1) }, { row in _ = try row.double(0) },
        ] {
            let error = #expect(throws: SQLiteError.self) {
                try database.first("SELECT id, name FROM item") { row in try read(row) }
            }
            #expect(error?.kind == .type)
        }
    }

    @Test func aWrongNumberOfValuesIsRefused() {
        #expect(throws: SQLiteError.self) { try database.run("INSERT INTO item (id) VALUES (?)") }
        #expect(throws: SQLiteError.self) { try database.run("INSERT INTO item (id) VALUES (?)", 1, 2) }
    }

    @Test func aSecondStatementBehindASemicolonIsRefused() {
        #expect(throws: SQLiteError.self) { try database.run("SELECT 1; DROP TABLE item") }
        #expect(throws: SQLiteError.self) { try database.run("") }
        #expect(throws: Never.self) { try database.run("SELECT 1;\n") }
    }

    @Test func theSameStatementMayBeNested() throws {
        for id in 1...3 { try database.run("INSERT INTO item (id) VALUES (?)", id) }
        let sql = "SELECT id FROM item ORDER BY id"
        let pairs = try database.rows(sql) { row in
            (try row.int(0), try database.rows(sql) { inner in try inner.int(0) })
        }
        #expect(pairs.map(\.0) == [1, 2, 3])
        #expect(pairs.allSatisfy { $0.1 == [1, 2, 3] })
    }

    @Test func aTransactionIsKeptWholeOrNotAtAll() throws {
        #expect(throws: Refused.self) {
            try database.transaction {
                try database.run("INSERT INTO item (id) VALUES (1)")
                throw Refused()
            }
        }
        #expect(try count(database) == 0)
        #expect(!database.isInTransaction)
        try database.transaction { try database.run("INSERT INTO item (id) VALUES (1)") }
        #expect(try count(database) == 1)
    }

    @Test func aThrowInsideAnInnerTransactionUndoesTheInnerPartOnly() throws {
        try database.transaction {
            try database.run("INSERT INTO item (id) VALUES (1)")
            #expect(throws: Refused.self) {
                try database.transaction {
                    try database.run("INSERT INTO item (id) VALUES (2)")
                    throw Refused()
                }
            }
            try database.run("INSERT INTO item (id) VALUES (3)")
        }
        #expect(try database.rows("SELECT id FROM item ORDER BY id") { row in try row.int(0) } == [1, 3])
    }

    @Test func aBrokenRuleNamesItselfAndTheStatement() throws {
        try database.run("INSERT INTO item (id, name) VALUES (1, 'a')")
        let error = #expect(throws: SQLiteError.self) {
            try database.run("INSERT INTO item (id, name) VALUES (2, ?)", "a")
        }
        #expect(error?.kind == .constraint)
        #expect(error?.isDuplicate == true)
        #expect(error?.code == 19 && error?.extendedCode == 2067)
        #expect(error?.sql == "INSERT INTO item (id, name) VALUES (2, ?)")
    }

    @Test func aReaderSeesTheStateBeforeAnOpenWriteAndCannotWrite() throws {
        let reader = try Database(path: folder.file("a.db"), mode: .readOnly)
        try database.transaction {
            try database.run("INSERT INTO item (id) VALUES (1)")
            #expect(try count(reader) == 0)
        }
        #expect(try count(reader) == 1)
        let error = #expect(throws: SQLiteError.self) { try reader.run("DELETE FROM item") }
        #expect(error?.kind == .readOnly)
    }

    @Test func aSecondWriterWaitsAndThenSaysBusy() throws {
        let other = try Database(path: folder.file("a.db"), busyTimeout: .milliseconds(20))
        try database.transaction {
            let error = #expect(throws: SQLiteError.self) {
                try other.transaction { try other.run("DELETE FROM item") }
            }
            #expect(error?.kind == .busy)
        }
        try other.transaction { try other.run("DELETE FROM item") }
    }

    @Test func aFullDiskIsToldApartAndUndoneAndReadsGoOn() throws {
        try database.run("INSERT INTO item (id) VALUES (1)")
        try database.limitPages(to: 8)
        let error = #expect(throws: SQLiteError.self) {
            try database.transaction {
                for id in 2...100 {
                    try database.run(
                        "INSERT INTO item (id, body) VALUES (?, ?)", id, [UInt8](repeating: 1, count: 2000))
                }
            }
        }
        #expect(error?.kind == .diskFull)
        #expect(try count(database) == 1)
        try database.limitPages(to: 1000)
        try database.transaction { try database.run("INSERT INTO item (id) VALUES (2)") }
        #expect(try count(database) == 2)
        #expect(try database.integrityProblems() == [])
    }

    @Test func whatIsNoDatabaseIsRefused() throws {
        let noise = folder.file("noise.db")
        try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: noise))
        let error = #expect(throws: SQLiteError.self) { _ = try Database(path: noise) }
        #expect(error?.kind == .corrupt)
        for path in ["", ":memory:", "file:x", folder.path, folder.file("no/such.db")] {
            #expect(throws: SQLiteError.self, "\(path)") { _ = try Database(path: path) }
        }
        let missing = #expect(throws: SQLiteError.self) {
            _ = try Database(path: folder.file("missing.db"), mode: .readOnly)
        }
        #expect(missing?.kind == .cannotOpen)
    }

    @Test func aDamagedFileIsFound() throws {
        for id in 1...200 {
            try database.run("INSERT INTO item (id, body) VALUES (?, ?)", id, [UInt8](repeating: 7, count: 500))
        }
        try database.checkpoint()
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: database.path))
        try file.seek(toOffset: 3 * 4096)
        try file.write(contentsOf: Data(repeating: 0xEE, count: 2048))
        try file.close()
        let fresh = try Database(path: database.path)
        let problems = (try? fresh.integrityProblems()) ?? ["unreadable"]
        #expect(problems != [])
    }

    @Test func theFileIsReadableByItsOwnerOnly() throws {
        for name in ["a.db", "a.db-wal", "a.db-shm"] {
            let mode = try FileManager.default.attributesOfItem(atPath: folder.file(name))[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(name)")
        }
    }

    @Test func foreignKeysAreEnforced() throws {
        try database.script("CREATE TABLE part (item INTEGER NOT NULL REFERENCES item) STRICT")
        let error = #expect(throws: SQLiteError.self) { try database.run("INSERT INTO part VALUES (7)") }
        #expect(error?.kind == .constraint)
    }
}
