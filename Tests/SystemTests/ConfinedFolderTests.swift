import Glibc
import System
import Testing

/// Both ways of resolving a path below a folder: openat2, and the walk where that is refused.
@Suite("Confined folders", .serialized)
struct ConfinedFolderTests {
    private static let ways = [false, true]

    @Test(arguments: ways) func filesFoldersAndLinksAreMadeBelow(walking: Bool) throws {
        try withFolder { path in
            let folder = try ConfinedFolder(path, walking: walking)
            try folder.makeFolder(["a", "b", "c"])
            try folder.makeFolder(["a", "b", "c"])
            try folder.makeFile(["a", "b", "file"], mode: 0o640).write(Array("x".utf8))
            try folder.makeFile(["made", "on", "the", "way"], mode: 0o600).close()
            try folder.makeSymbolicLink(["a", "link"], to: "b/file")
            try folder.makeHardLink(["a", "second"], to: ["a", "b", "file"])
            #expect(try File.read(path + "/a/second", limit: 9) == Array("x".utf8))
            #expect(try File.status(path + "/a/b/file")?.mode == 0o640)
            #expect(try folder.openFile(["a", "b", "file"]).read(count: 9, at: 0) == Array("x".utf8))
            #expect(try File.linkTarget(path + "/a/link") == "b/file")
        }
    }

    @Test(arguments: ways) func nothingLeadsOutOverALink(walking: Bool) throws {
        try withFolder { path in
            try Directory.create(path + "/inside/real")
            try Directory.create(path + "/outside")
            try AtomicFile.write("secret", to: path + "/outside/file")
            for (name, target) in [
                ("up", ".."), ("out", "../outside"), ("absolute", path + "/outside"), ("inside", "real"),
                ("loop", "loop"),
            ] { #expect(symlink(target, path + "/inside/" + name) == 0) }
            #expect(symlink("../outside/file", path + "/inside/file") == 0)
            let folder = try ConfinedFolder(path + "/inside", walking: walking)
            let culprits: [Errno] = [.tooManyLinks, .notFolder]
            for name in ["up", "out", "absolute", "inside", "loop"] {
                for refusal in [
                    systemError { _ = try folder.makeFile([name, "new"], mode: 0o600) },
                    systemError { _ = try folder.openFile([name, "file"]) },
                    systemError { try folder.makeFolder([name, "new"]) },
                    systemError { try folder.makeSymbolicLink([name, "new"], to: "x") },
                    systemError { try folder.makeHardLink(["new"], to: [name, "file"]) },
                ] {
                    #expect(
                        refusal.map { culprits.contains($0.errno) } == true, "\(name): \(String(describing: refusal))")
                }
            }
            #expect(systemError { _ = try folder.openFile(["file"]) }.map { culprits.contains($0.errno) } == true)
            #expect(try Directory.list(path + "/outside") == ["file"])
            #expect(try Directory.list(path + "/inside/real").isEmpty)
        }
    }

    @Test(arguments: ways) func pathsThatAreNoneAreRefused(walking: Bool) throws {
        try withFolder { path in
            let folder = try ConfinedFolder(path, walking: walking)
            try folder.makeFile(["file"], mode: 0o600).close()
            for parts in [["..", "x"], ["a", "..", "..", "x"], ["", "x"], ["a/../../x"], ["a\0b"], [""]] {
                #expect(systemError { _ = try folder.makeFile(parts, mode: 0o600) } != nil, "\(parts)")
            }
            for parts in [[".."], ["."], ["a", ".."], [""], []] {
                #expect(systemError { _ = try folder.openFile(parts) } != nil, "\(parts)")
            }
            #expect(systemError { _ = try folder.makeFile(["file"], mode: 0o600) }?.errno == .exists)
            #expect(systemError { _ = try folder.makeFile(["file", "below"], mode: 0o600) }?.errno == .notFolder)
            #expect(systemError { _ = try folder.openFile(["missing"]) }?.errno == .notFound)
            let long = String(repeating: "n", count: 300)
            #expect(systemError { _ = try folder.makeFile([long], mode: 0o600) } != nil)
        }
    }

    @Test(arguments: ways) func onlyPlainFilesAreOpenedAndLinkedToAndTheErrorSaysSo(walking: Bool) throws {
        try withFolder { path in
            try Directory.create(path + "/folder")
            #expect(mkfifo(path + "/pipe", 0o600) == 0 && symlink("folder", path + "/link") == 0)
            let folder = try ConfinedFolder(path, walking: walking)
            // A refusal of this kind is never EPERM or EACCES, which are the machine's.
            #expect(systemError { _ = try folder.openFile(["folder"]) }?.errno == .isFolder)
            #expect(systemError { _ = try folder.openFile(["pipe"]) }?.errno == .isFolder)
            #expect(systemError { try folder.makeHardLink(["x"], to: ["folder"]) }?.errno == .isFolder)
            #expect(systemError { try folder.makeHardLink(["x"], to: ["link"]) }?.errno == .tooManyLinks)
            #expect(systemError { try folder.makeHardLink(["x"], to: ["pipe"]) }?.errno == .tooManyLinks)
        }
    }

    @Test(arguments: ways) func anotherFileSystemIsOutside(walking: Bool) throws {
        let root = try ConfinedFolder("/", walking: walking)
        #expect(systemError { _ = try root.openFile(["proc", "version"]) }?.errno == .otherDevice)
    }
}
