import System
import Testing

@Suite("State folders")
struct StateFolderTests {
    private func failure(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test func isMadeThenOpened() throws {
        try withFolder { folder in
            let path = folder + "/new/hub"
            do {
                let made = try StateFolder.create(path, kind: "hub", version: 3) {
                    try AtomicFile.write("x", to: $0 + "/f")
                }
                #expect(made.file("f") == path + "/f")
            }
            #expect(try File.status(path)?.mode == 0o700)
            let opened = try StateFolder.open(path, kind: "hub", version: 4)
            #expect(opened.version == 3)
            try opened.setVersion(4)
            #expect(try File.read(path + "/format", limit: 64) == Array("axle hub 4\n".utf8))
        }
    }

    @Test func refusesEachWrongFolderAndSaysWhatToDo() throws {
        try withFolder { folder in
            let path = folder + "/hub"
            #expect(failure { _ = try StateFolder.open(path, kind: "hub", version: 1) }.contains("axle-hub init"))
            do { _ = try StateFolder.create(path, kind: "hub", version: 2) }
            #expect(failure { _ = try StateFolder.open(path, kind: "spoke", version: 2) }.contains("holds hub state"))
            #expect(failure { _ = try StateFolder.open(path, kind: "hub", version: 1) }.contains("newer release"))
            #expect(failure { _ = try StateFolder.create(path, kind: "hub", version: 2) }.contains("already holds hub"))
            #expect(failure { _ = try StateFolder.create(path, kind: "agent", version: 2) }.contains("not agent state"))
            try AtomicFile.write("nonsense", to: path + "/format")
            #expect(failure { _ = try StateFolder.open(path, kind: "hub", version: 2) }.contains("damaged"))
            try AtomicFile.write("x", to: folder + "/notes.txt")
            #expect(failure { _ = try StateFolder.create(folder, kind: "hub", version: 1) }.contains("not empty"))
            #expect(failure { _ = try StateFolder.open(folder, kind: "hub", version: 1) }.contains("not empty"))
        }
    }

    /// A file system of its own has the folder of fsck at its root.
    @Test func aMountPointIsEmptyAndItsRescuedFilesStay() throws {
        try withFolder { folder in
            try Directory.create(folder + "/lost+found")
            try AtomicFile.write("rescued", to: folder + "/lost+found/#12")
            #expect(failure { _ = try StateFolder.open(folder, kind: "hub", version: 1) }.contains("axle-hub init"))
            struct Cut: Error {}
            #expect(throws: Cut.self) {
                _ = try StateFolder.create(folder, kind: "hub", version: 1) { _ in throw Cut() }
            }
            do { _ = try StateFolder.create(folder, kind: "hub", version: 1) }
            _ = try StateFolder.open(folder, kind: "hub", version: 1)
            #expect(try File.read(folder + "/lost+found/#12", limit: 64) == Array("rescued".utf8))
        }
    }

    @Test func isHeldByOneProcessAtATime() throws {
        try withFolder { folder in
            let held = try StateFolder.create(folder + "/s", kind: "spoke", version: 1)
            let text = failure { _ = try StateFolder.open(folder + "/s", kind: "spoke", version: 1) }
            #expect(text.contains("in use by process \(CurrentProcess.identifier)"))
            withExtendedLifetime(held) {}
        }
    }

    @Test func aDaemonWaitsForACommandThatEndsByItself() async throws {
        let path = "/tmp/axle-system-\(UInt64.random(in: .min ... .max))"
        defer { _ = try? Directory.removeTree(path) }  // A leftover in /tmp fails no test.
        do { _ = try StateFolder.create(path, kind: "spoke", version: 1) }
        let told = NativeLock([String]())
        func daemon() async throws -> StateFolder {
            try await StateFolder.openWhenFree(path, kind: "spoke", version: 1) { text in
                told.withLock { $0.append(text) }
            }
        }
        var command: StateFolder? = try StateFolder.open(path, kind: "spoke", version: 1, task: "import")
        try await confirmation { opened in
            async let waiting = daemon()
            while told.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(10)) }
            withExtendedLifetime(command) {}
            command = nil
            let held = try await waiting
            opened()
            // Another daemon never ends by itself.
            await #expect(throws: StateFolder.Failure.self) { _ = try await daemon() }
            withExtendedLifetime(held) {}
        }
        let who = "process \(CurrentProcess.identifier) (import)"
        #expect(told.withLock { $0 } == ["\(path) is in use by \(who); waiting until it is done"])
    }

    @Test func aCutOffCreationIsMissingAndMayBeRepeated() throws {
        struct Cut: Error {}
        try withFolder { folder in
            let path = folder + "/s"
            #expect(throws: Cut.self) {
                _ = try StateFolder.create(path, kind: "spoke", version: 1) { path in
                    try AtomicFile.write("half", to: path + "/half")
                    throw Cut()
                }
            }
            #expect(failure { _ = try StateFolder.open(path, kind: "spoke", version: 1) }.contains("axle-spoke join"))
            do { _ = try StateFolder.create(path, kind: "spoke", version: 1) }
            #expect(try Directory.list(path) == ["format", "lock"])
        }
    }

    /// Found by a kill between a rename and an unlink: a whole folder kept the mark of an unfinished one.
    @Test func noCutLeavesBothMarks() throws {
        try withFolder { folder in
            let isDone = NativeLock(false)
            let seen = NativeLock<[String]>([])
            let paths = (0..<50).map { "\(folder)/\($0)" }
            let watcher = try NativeThread("watcher") {
                var next = 0
                while next < paths.count, !isDone.withLock({ $0 }) {
                    guard File.exists(paths[next] + "/format") else { continue }
                    if File.exists(paths[next] + "/incomplete") { seen.withLock { $0.append(paths[next]) } }
                    next += 1
                }
            }
            defer {
                isDone.withLock { $0 = true }
                watcher.join()
                #expect(seen.withLock { $0 } == [])
            }
            for path in paths { do { _ = try StateFolder.create(path, kind: "spoke", version: 1) } }
        }
    }
}
