import Codec
import Identity
import System
import TestSupport
import Testing
import Trust

@Suite struct MetadataFolderTests {
    @Test func whatWasPersistedComesBackByteForByteAndWhatWasDeletedIsGone() throws {
        let temporary = try TemporaryFolder()
        let folder = try MetadataFolder(temporary.path + "/trust")
        #expect(try folder.load(.timestamp) == nil)
        try folder.persist(.timestamp, Array("{ \"odd\":  1 }\n".utf8))
        #expect(try MetadataFolder(temporary.path + "/trust").load(.timestamp) == Array("{ \"odd\":  1 }\n".utf8))
        try folder.delete(.timestamp)
        try folder.delete(.timestamp)
        #expect(try folder.load(.timestamp) == nil)
    }

    @Test func aFolderThatIsRemovedWhileItIsInUseIsMadeAnewAndKeepsItsFloors() throws {
        let temporary = try TemporaryFolder()
        let folder = try MetadataFolder(temporary.path + "/trust")
        try folder.persist(.floors, [1])
        try folder.persist(.root, [2])
        try Directory.removeTree(folder.path)
        try folder.synchronize()
        #expect(try folder.load(.root) == nil && folder.load(.floors) == [1])
        try folder.delete(.timestamp)
        try folder.persist(.root, [3])
        #expect(try folder.load(.root) == [3])
        #expect(try File.status(folder.path)?.mode == 0o700)
    }

    @Test func aFileOverTheLimitIsNotRead() throws {
        let temporary = try TemporaryFolder()
        let folder = try MetadataFolder(temporary.path)
        try folder.persist(.snapshot, Array(repeating: 0x20, count: 100))
        #expect(try folder.load(.snapshot, limit: 99) == nil)
        #expect(try folder.load(.snapshot, limit: 100)?.count == 100)
    }
}

@Suite struct MetadataFolderContentsTests {
    @Test func theFloorsLieBesideTheFolderAndAreForgottenOnPurposeOnly() throws {
        let temporary = try TemporaryFolder()
        let folder = try MetadataFolder(temporary.path + "/trust")
        try folder.persist(.floors, [1])
        try folder.persist(.root, [2])
        #expect(try Directory.list(folder.path) == ["root.json"])
        #expect(try folder.load(.floors) == [1])
        try folder.forget()
        #expect(try folder.load(.floors) == nil)
        #expect(try Directory.list(folder.path).isEmpty)
    }

    @Test func aFolderOfCurrentFilesHasNothingElse() throws {
        let temporary = try TemporaryFolder()
        let folder = try MetadataFolder(temporary.path + "/trust", keeping: .currentFiles)
        try folder.persist(.floors, [1])
        try folder.persist(.rootVersion(1), [2])
        try folder.persist(.targets("a/b"), [3])
        try folder.delete(.floors)
        #expect(try folder.load(.floors) == nil)
        #expect(try folder.load(.rootVersion(1)) == nil)
        #expect(try Directory.list(folder.path) == ["a%2Fb.json"])
        #expect(try Directory.list(temporary.path) == ["trust"])
    }
}
