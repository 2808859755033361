import SQLite
import Testing

@Suite struct MigrationsTests {
    let folder: TemporaryFolder
    let first = Migrations(applicationID: 0x4158_5454, steps: ["CREATE TABLE a (x INTEGER) STRICT"])
    let second = Migrations(
        applicationID: 0x4158_5454,
        steps: ["CREATE TABLE a (x INTEGER) STRICT", "ALTER TABLE a ADD COLUMN y TEXT; INSERT INTO a VALUES (1, 'n')"])

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func aFileIsBroughtFromAnyStepToTheLastAndOnlyOnce() throws {
        let database = try Database(path: folder.file("m.db"))
        #expect(try first.check(database) == 0)
        try first.apply(to: database, atMilliseconds: 10)
        try database.run("INSERT INTO a VALUES (5)")
        try second.apply(to: database, atMilliseconds: 20)
        try second.apply(to: database, atMilliseconds: 30)
        #expect(try second.check(database) == 2)
        #expect(try database.rows("SELECT x FROM a ORDER BY x") { row in try row.int(0) } == [1, 5])
        #expect(try database.rows("SELECT at FROM migrations ORDER BY number") { row in try row.int(0) } == [10, 20])
    }

    @Test func aNewerFileIsRefusedAndNotTouched() throws {
        let database = try Database(path: folder.file("m.db"))
        try second.apply(to: database, atMilliseconds: 1)
        let error = #expect(throws: SQLiteError.self) { try first.apply(to: database, atMilliseconds: 2) }
        #expect(error?.kind == .wrongSchema)
        #expect(error?.message.contains("newer") == true)
        #expect(try second.check(database) == 2)
    }

    @Test func aFileOfAnotherProgramIsRefused() throws {
        let database = try Database(path: folder.file("m.db"))
        try database.script("CREATE TABLE theirs (x)")
        #expect(throws: SQLiteError.self) { try first.apply(to: database, atMilliseconds: 1) }
        let other = try Database(path: folder.file("o.db"))
        try Migrations(applicationID: 1, steps: ["CREATE TABLE b (x)"]).apply(to: other, atMilliseconds: 1)
        #expect(throws: SQLiteError.self) { try first.apply(to: other, atMilliseconds: 1) }
    }

    @Test func aFailingStepLeavesTheStepBefore() throws {
        let broken = Migrations(
            applicationID: 0x4158_5454, steps: first.steps + ["CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)"])
        let database = try Database(path: folder.file("m.db"))
        #expect(throws: SQLiteError.self) { try broken.apply(to: database, atMilliseconds: 1) }
        #expect(try first.check(database) == 1)
        #expect(
            try database.first("SELECT count(*) FROM sqlite_schema WHERE name = 'b'") { row in try row.int(0) } == 0)
    }
}
