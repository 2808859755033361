import Foundation
import SQLite
import Testing

/// A database whose file is older than what was acknowledged, or that lacks a part of its schema.
@Suite struct DatabaseMarkTests {
    private let folder: TemporaryFolder
    private let migrations = Migrations(
        applicationID: 0x4158_5454,
        steps: [
            """
            CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB, kind INTEGER NOT NULL UNIQUE) STRICT;
            CREATE INDEX item_kind ON item (kind, id);
            """,
            "ALTER TABLE item ADD COLUMN note TEXT; CREATE TABLE other (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
        ])

    init() throws { folder = try TemporaryFolder() }

    private func made(_ name: String = "a.db") throws -> (path: String, database: Database) {
        let path = folder.file(name)
        let database = try Database(path: path)
        try migrations.apply(to: database, atMilliseconds: 0)
        try database.keepMark()
        return (path, database)
    }

    private func insert(_ ids: ClosedRange<Int>, _ database: Database, size: Int = 100) throws {
        for id in ids {
            try database.transaction {
                try database.run("INSERT INTO item VALUES (?, ?, ?, NULL)", id, [UInt8](repeating: 7, count: size), id)
            }
        }
    }

    private func open(_ path: String) throws -> Database {
        let database = try Database.existing(path, migrations, advice: "restore it").database
        try database.keepMark()
        return database
    }

    private func kind(_ path: String) -> DatabaseLoss.Kind? {
        do {
            _ = try open(path)
            return nil
        } catch {
            return (error as? DatabaseLoss)?.kind
        }
    }

    private func copy(_ path: String, _ name: String, _ endings: String...) throws -> String {
        let copy = folder.file(name)
        for ending in endings where FileManager.default.fileExists(atPath: path + ending) {
            try FileManager.default.copyItem(atPath: path + ending, toPath: copy + ending)
        }
        return copy
    }

    @Test func anOlderFileBesideANewerLogIsRefusedAlsoWhereTheTwoFit() throws {
        let (path, database) = try made()
        try insert(1...20, database)
        try database.raiseMark()
        let backup = try copy(path, "backup.db", "")
        try insert(21...40, database)
        try database.raiseMark()
        try insert(41...60, database)
        // As a restore of one file leaves it, in a folder whose name needs escapes.
        let folder = self.folder.file("a b?%#")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let restored = folder + "/a.db"
        for ending in ["-wal", "-mark"] {
            try FileManager.default.copyItem(atPath: path + ending, toPath: restored + ending)
        }
        try FileManager.default.copyItem(atPath: path, toPath: restored)
        #expect(kind(restored) == nil)
        for ending in ["", "-wal", "-shm", "-mark"] where FileManager.default.fileExists(atPath: restored + ending) {
            try FileManager.default.removeItem(atPath: restored + ending)
        }
        for ending in ["-wal", "-mark"] {
            try FileManager.default.copyItem(atPath: path + ending, toPath: restored + ending)
        }
        try FileManager.default.copyItem(atPath: backup, toPath: restored)
        #expect(kind(restored) == .older)
    }

    @Test func aDatabaseWithoutItsLogIsRefusedHoweverYoungOrOldItIs() throws {
        let (path, database) = try made()
        let young = try copy(path, "young.db", "", "-mark")
        #expect(kind(young) == .older)
        try insert(1...1, database)
        let one = try copy(path, "one.db", "", "-mark")
        #expect(kind(one) == .older)
        // Past the length at which the log is copied by itself.
        try insert(2...600, database, size: 9000)
        let many = try copy(path, "many.db", "", "-mark")
        #expect(kind(many) == .older)
        let whole = try copy(path, "whole.db", "", "-wal", "-mark")
        #expect(try open(whole).first("SELECT count(*) FROM item") { try $0.int(0) } == 600)
        withExtendedLifetime(database) {}
    }

    @Test func aLogThatIsEmptyOrOfAnotherTimeIsNoticed() throws {
        let (path, database) = try made()
        try insert(1...10, database)
        let emptied = try copy(path, "emptied.db", "", "-mark")
        try Data().write(to: URL(fileURLWithPath: emptied + "-wal"))
        #expect(kind(emptied) == .older)
        let early = try copy(path, "mixed.db", "-wal")
        try database.raiseMark()
        try insert(11...20, database)
        try FileManager.default.copyItem(atPath: path, toPath: early)
        try FileManager.default.copyItem(atPath: path + "-mark", toPath: early + "-mark")
        #expect(kind(early) != nil)
        withExtendedLifetime(database) {}
    }

    @Test func oneFileHoldsEverythingAfterAnEnd() throws {
        var (path, database): (String, Database?) = try made()
        try insert(1...10, #require(database))
        let open = try copy(path, "open.db", "", "-mark")
        #expect(kind(open) == .older)
        try #require(database).checkpoint()
        let ended = try copy(path, "ended.db", "", "-mark")
        #expect(kind(ended) == nil)
        database = nil
        #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
        #expect(kind(path) == nil)
        // Several times, so that the count goes on.
        for _ in 1...3 { #expect(kind(path) == nil) }
    }

    @Test func whatWasCopiedIntoTheFileIsThereWithoutTheLog() throws {
        let (path, database) = try made()
        try insert(1...10, database)
        try database.raiseMark()
        let file = try copy(path, "file.db", "")
        // Without the mark its owner says that it is good.
        #expect(try open(file).first("SELECT count(*) FROM item") { try $0.int(0) } == 10)
        withExtendedLifetime(database) {}
    }

    @Test func anEarlierCopyAndAnotherFoldersDatabaseAreRefused() throws {
        let (path, database) = try made()
        try insert(1...10, database)
        try database.checkpoint()
        let earlier = try copy(path, "earlier.db", "")
        try database.raiseMark()
        try database.checkpoint()
        try FileManager.default.copyItem(atPath: path + "-mark", toPath: earlier + "-mark")
        #expect(kind(earlier) == .older)
        let (_, other) = try made("other.db")
        try other.checkpoint()
        let foreign = try copy(folder.file("other.db"), "exchanged.db", "")
        try FileManager.default.copyItem(atPath: path + "-mark", toPath: foreign + "-mark")
        #expect(kind(foreign) == .exchanged)
        withExtendedLifetime(database) {}
    }

    @Test func aDatabaseOfBeforeTheMarkIsTakenUpOnceAndRefusedBesideAMark() throws {
        let path = folder.file("old.db")
        try migrations.apply(to: Database(path: path), atMilliseconds: 0)
        let old = try copy(path, "again.db", "")
        #expect(kind(path) == nil)
        #expect(FileManager.default.fileExists(atPath: path + "-mark"))
        try FileManager.default.copyItem(atPath: path + "-mark", toPath: old + "-mark")
        #expect(kind(old) == .older)
    }

    @Test(arguments: [
        "", "axle database", "axle database 00 1 0", "noise\u{0}",
        "axle database \(String(repeating: "0", count: 32)) 3 4",
        "axle database \(String(repeating: "0", count: 32)) 3",
        "axle database \(String(repeating: "0", count: 32)) -1 0",
    ])
    func aDamagedMarkIsNotPassedOver(text: String) throws {
        let (path, database) = try made()
        try database.checkpoint()
        try text.write(toFile: path + "-mark", atomically: false, encoding: .utf8)
        #expect(kind(path) == .unreadableMark)
        let error = #expect(throws: DatabaseLoss.self) { try open(path) }
        #expect(error?.description.contains(path + "-mark") == true)
    }

    @Test func theMessageSaysWhatHappenedAndWhatToDo() throws {
        let (path, database) = try made()
        try insert(1...2, database)
        let copy = try copy(path, "b.db", "", "-mark")
        let error = #expect(throws: DatabaseLoss.self) { try open(copy) }
        let text = try #require(error).description
        #expect(text.contains("older") && text.contains(copy + "-wal") && text.contains("restore it"))
        #expect(text.contains("remove \(copy)-mark") && !text.contains("\n"))
        withExtendedLifetime(database) {}
    }

    @Test func aMarkThatCannotBeWrittenHoldsNothingUp() throws {
        let (path, database) = try made()
        try FileManager.default.removeItem(atPath: path + "-mark")
        try FileManager.default.createDirectory(atPath: path + "-mark/x", withIntermediateDirectories: true)
        #expect(throws: (any Error).self) { try database.raiseMark() }
        try insert(1...600, database, size: 9000)
        #expect(try database.first("SELECT count(*) FROM item") { try $0.int(0) } == 600)
    }

    @Test(arguments: [
        ("DROP TABLE other", "table other"), ("DROP INDEX item_kind", "index item_kind on item(kind,id)"),
        ("ALTER TABLE item DROP COLUMN note", "column item.note TEXT"),
        ("ALTER TABLE item RENAME COLUMN body TO corpus", "column item.body BLOB"),
    ])
    func aPartOfTheSchemaThatIsMissingIsNamed(change: String, missing: String) throws {
        let (path, database) = try made()
        try database.script(change)
        try database.checkpoint()
        #expect(kind(path) == .incomplete([missing]))
        let reader = #expect(throws: DatabaseLoss.self) {
            _ = try Database.reader(path, migrations, advice: "restore it")
        }
        #expect(reader?.description.contains(missing) == true)
    }

    @Test func whatIsThereBesideTheSchemaIsOfNoInterest() throws {
        let (path, database) = try made()
        try database.script("CREATE TABLE mine (x); CREATE INDEX fast ON item (note); ANALYZE")
        try database.checkpoint()
        #expect(kind(path) == nil)
    }

    @Test func aDatabaseOfAnEarlierSchemaIsComparedWithThatSchema() throws {
        let path = folder.file("first.db")
        let first = Migrations(applicationID: migrations.applicationID, steps: [migrations.steps[0]])
        try first.apply(to: Database(path: path), atMilliseconds: 0)
        #expect(kind(path) == nil)
        try Database(path: path).script("DROP INDEX item_kind")
        #expect(kind(path) == .incomplete(["index item_kind on item(kind,id)"]))
    }

    @Test func aFolderAndAnotherProgramsDatabaseInItsPlaceAreCalledThat() throws {
        let path = folder.file("folder.db")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(kind(path) == .notAFile)
        let foreign = folder.file("foreign.db")
        try Migrations(applicationID: 7, steps: ["CREATE TABLE x (y)"])
            .apply(to: Database(path: foreign), atMilliseconds: 0)
        #expect(kind(foreign) == .foreign)
        let text = folder.file("text.db")
        try "not a database at all".write(toFile: text, atomically: false, encoding: .utf8)
        guard case .damaged = kind(text) else { return #expect(Bool(false), "\(String(describing: kind(text)))") }
    }
}
