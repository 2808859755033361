import Foundation
import SQLite
import Testing

@Suite struct DurabilityTests {
    @Test func whatWasCommittedSurvivesKill9AndWhatWasNotIsGone() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("d.db")
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let database = try Database(path: path)
            try database.script("CREATE TABLE item (id INTEGER PRIMARY KEY) STRICT")
            for id in 1...100 {
                try database.transaction { try database.run("INSERT INTO item VALUES (?)", id) }
            }
            try database.transaction {
                try database.run("INSERT INTO item VALUES (999)")
                kill(getpid(), SIGKILL)
            }
        }
        let database = try Database(path: path)
        let ids = try database.rows("SELECT id FROM item ORDER BY id") { row in try row.int(0) }
        #expect(ids == Array(1...100))
        #expect(try database.integrityProblems() == [])
    }
}
