import System
import Testing

@Suite("Files and folders")
struct FileTests {
    @Test func atomicWriteReplacesContentsAndMode() throws {
        try withFolder { folder in
            let path = folder + "/key"
            try AtomicFile.write("old", to: path, mode: 0o644)
            try AtomicFile.write("new", to: path, mode: 0o600)
            #expect(try File.read(path, limit: 3) == Array("new".utf8))
            #expect(try File.status(path)?.mode == 0o600)
            #expect(try Directory.list(folder) == ["key"])
        }
    }

    @Test func atomicWriteThatFailsLeavesTheOldFileAndNoOther() throws {
        try withFolder { folder in
            let path = folder + "/target"
            try Directory.create(path + "/inside")
            let error = systemError { try AtomicFile.write("x", to: path) }
            #expect(error?.errno == .isFolder || error?.errno == .notEmpty || error?.errno == .exists)
            #expect(try Directory.list(folder) == ["target"])
        }
    }

    @Test func relativePathsStartFromTheCurrentFolder() throws {
        let current = try Directory.current()
        #expect(current.hasPrefix("/"))
        #expect(try File.status(current) == File.status("."))
        #expect(try Directory.absolute("a/b") == Directory.join(current, "a/b"))
        #expect(try Directory.absolute("/a") == "/a")
    }

    @Test func leftoversOfCutOffWritesAreSwept() throws {
        try withFolder { folder in
            try AtomicFile.write("x", to: folder + "/.new-0123")
            try AtomicFile.write("x", to: folder + "/kept")
            #expect(try AtomicFile.removeLeftovers(in: folder) == 1)
            #expect(try Directory.list(folder) == ["kept"])
        }
    }

    @Test func readRefusesWhatIsLongerThanTheLimit() throws {
        try withFolder { folder in
            let path = folder + "/f"
            try AtomicFile.write([UInt8](repeating: 7, count: 100), to: path)
            #expect(try File.read(path, limit: 100).count == 100)
            #expect(systemError { _ = try File.read(path, limit: 99) }?.errno == .tooLarge)
            #expect(systemError { _ = try File.read(folder, limit: 99) }?.errno == .isFolder)
            #expect(systemError { _ = try File.read(path + "x", limit: 99) }?.errno == .notFound)
            #expect(systemError { _ = try File.read("/tmp/a\0b", limit: 99) }?.errno == .invalid)
        }
    }

    @Test func readOfAFileWithoutALengthReadsToItsEnd() throws {
        #expect(try File.read("/proc/self/status", limit: 65536).count > 100)
        #expect(systemError { _ = try File.read("/dev/zero", limit: 65536) }?.errno == .tooLarge)
    }

    @Test func treeIsRemovedWithoutFollowingLinks() throws {
        try withFolder { folder in
            try Directory.create(folder + "/tree/a/b")
            try AtomicFile.write("x", to: folder + "/kept")
            try AtomicFile.write("x", to: folder + "/tree/a/b/f")
            try File.swapLink(folder + "/tree/link", to: folder)
            #expect(try Directory.removeTree(folder + "/tree"))
            #expect(try Directory.list(folder) == ["kept"])
            #expect(try Directory.removeTree(folder + "/tree") == false)
        }
    }

    @Test func aTreeTooDeepIsRefusedInsteadOfEatingDescriptors() throws {
        try withFolder { folder in
            let deep = folder + "/" + Array(repeating: "d", count: Directory.depthLimit + 2).joined(separator: "/")
            try Directory.create(deep)
            #expect(systemError { try Directory.removeTree(folder + "/d") }?.errno == .tooManyLinks)
            _ = try ChildProcess("rm", ["-r", folder + "/d"]).run()
        }
    }

    @Test func linkIsSwappedInPlaceAndOverALeftover() throws {
        try withFolder { folder in
            let link = folder + "/current"
            try File.swapLink(link, to: "1.0")
            try File.swapLink(link + ".swap", to: "leftover")
            try File.swapLink(link, to: "2.0")
            #expect(try File.linkTarget(link) == "2.0")
            #expect(try File.linkTarget(folder) == nil)
        }
    }

    @Test func descriptorReadsAndWritesAtOffsets() throws {
        try withFolder { folder in
            let file = try FileDescriptor.open(folder + "/f", [.readWrite, .create, .exclusive])
            try file.write(Array("0123456789".utf8))
            try file.write(Array("ab".utf8), at: 4)
            try file.synchronizeData()
            #expect(try file.read(count: 100, at: 2) == Array("23ab6789".utf8))
            #expect(try file.read(count: 10, at: 100) == [])
            try file.truncate(to: 3)
            #expect(try file.status().size == 3)
            try file.close()
            #expect(
                systemError { _ = try FileDescriptor.open(folder + "/f", [.create, .exclusive]) }?.errno == .exists)
        }
    }

    @Test func fullDiskIsSaidAsFull() throws {
        let full = try FileDescriptor.open("/dev/full", [.write])
        var caught: SystemError?
        do throws(SystemError) { try full.write([1, 2, 3]) } catch { caught = error }
        #expect(caught?.isFull == true)
        #expect(caught?.description == "write: No space left on device")
    }

    @Test func mappedFileShowsTheBytesAndAnEmptyOneNone() throws {
        try withFolder { folder in
            try AtomicFile.write("mapped", to: folder + "/f")
            #expect(try MappedFile(path: folder + "/f").withBytes { Array($0) } == Array("mapped".utf8))
            try AtomicFile.write("", to: folder + "/e")
            #expect(try MappedFile(path: folder + "/e").count == 0)
        }
    }

    @Test func spaceAndPathsAreSound() throws {
        let space = try Directory.space("/tmp")
        #expect(space.total >= space.available && space.total > 0)
        #expect(Directory.parent(of: "/a") == "/")
        #expect(Directory.parent(of: "a") == ".")
        #expect(Directory.parent(of: "/a/b/") == "/a")
        #expect(Directory.join("/a/", "b") == "/a/b")
    }
}
