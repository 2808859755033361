import Foundation
import SQLite
import Testing

/// A database that a daemon had and that is not what it left.
@Suite struct DatabaseLossTests {
    private let folder: TemporaryFolder
    private let migrations = Migrations(
        applicationID: 0x4158_5454, steps: ["CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB) STRICT"])

    init() throws { folder = try TemporaryFolder() }

    private func make() throws -> String {
        let path = folder.file("a.db")
        let database = try Database(path: path)
        try migrations.apply(to: database, atMilliseconds: 0)
        for id in 1...300 {
            try database.run("INSERT INTO item VALUES (?, ?)", id, [UInt8](repeating: 7, count: 500))
        }
        try database.checkpoint()
        return path
    }

    private func kind(_ path: String) -> DatabaseLoss.Kind? {
        do {
            _ = try Database.existing(path, migrations, advice: "restore it")
            return nil
        } catch {
            return (error as? DatabaseLoss)?.kind
        }
    }

    private func spoil(_ path: String, at offset: UInt64, _ count: Int) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data(repeating: 0xEE, count: count))
        try file.close()
    }

    @Test func aWholeDatabaseIsOpenedAndWasRead() throws {
        let path = try make()
        let found = try Database.existing(path, migrations, advice: "")
        #expect(found.isChecked)
        #expect(try found.database.first("SELECT count(*) FROM item") { try $0.int(0) } == 300)
    }

    @Test func aMissingDatabaseIsNotMadeAnew() {
        let path = folder.file("gone.db")
        #expect(kind(path) == .missing)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func anEmptyFileAndADatabaseWithoutAnythingInItAreEmpty() throws {
        let path = folder.file("empty.db")
        try Data().write(to: URL(fileURLWithPath: path))
        #expect(kind(path) == .empty)
        let other = folder.file("bare.db")
        _ = try Database(path: other)
        #expect(kind(other) == .empty)
    }

    @Test(arguments: [(0, 4096), (5 * 4096, 8192), (40, 8)] as [(UInt64, Int)])
    func aDamagedDatabaseIsRefusedWithWhatWasFoundAndWhatToDo(offset: UInt64, count: Int) throws {
        let path = try make()
        try spoil(path, at: offset, count)
        let loss = #expect(throws: DatabaseLoss.self) {
            _ = try Database.existing(path, migrations, advice: "restore it")
        }
        let text = try #require(loss).description
        #expect(text.contains(path) && text.contains("is damaged") && text.hasSuffix("restore it"))
        #expect(!text.contains("\n"), "a log has a line for each event")
    }

    @Test func aTruncatedDatabaseIsDamaged() throws {
        let path = try make()
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.truncate(atOffset: 8 * 4096 + 100)
        try file.close()
        guard case .damaged = kind(path) else { return #expect(Bool(false), "\(String(describing: kind(path)))") }
    }

    @Test func aNewerProgramsDatabaseIsNoLoss() throws {
        let path = try make()
        try Database(path: path).script("PRAGMA user_version = 9")
        let error = #expect(throws: SQLiteError.self) { _ = try Database.existing(path, migrations, advice: "") }
        #expect(error?.kind == .wrongSchema)
    }

    @Test func aFullDiskAndALockAreNoLoss() throws {
        let path = try make()
        let database = try Database(path: path, busyTimeout: .zero)
        try database.limitPages(to: 1)
        do {
            try database.transaction {
                for id in 1000...2000 {
                    try database.run("INSERT INTO item VALUES (?, ?)", id, [UInt8](repeating: 1, count: 3000))
                }
            }
            #expect(Bool(false), "the disk was not full")
        } catch {
            #expect((error as? SQLiteError)?.kind == .diskFull)
            #expect(DatabaseLoss(error, path: path, advice: "") == nil)
        }
        let other = try Database(path: path, busyTimeout: .zero)
        try database.run("BEGIN IMMEDIATE")
        let busy = #expect(throws: SQLiteError.self) { try other.run("BEGIN IMMEDIATE") }
        #expect(busy?.kind == .busy)
        #expect(try DatabaseLoss(#require(busy), path: path, advice: "") == nil)
    }

    @Test func damageThatAQueryMeetsIsALoss() throws {
        let path = try make()
        try spoil(path, at: 4 * 4096, 60 * 4096)
        let database = try Database(path: path, mode: .readOnly)
        let error = #expect(throws: (any Error).self) {
            _ = try database.rows("SELECT body FROM item") { try $0.blob(0) }
        }
        let loss = try DatabaseLoss(#require(error), path: path, advice: "restore it")
        guard case .damaged? = loss?.kind else { return #expect(Bool(false), "\(String(describing: error))") }
    }

    @Test func aReaderTellsTheSameLosses() throws {
        let gone = #expect(throws: DatabaseLoss.self) {
            _ = try Database.reader(folder.file("gone.db"), migrations, advice: "")
        }
        #expect(gone?.kind == .missing)
        #expect(throws: Never.self) { _ = try Database.reader(try make(), migrations, advice: "") }
    }
}
