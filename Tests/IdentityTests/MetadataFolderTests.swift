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

    @Test func aFileOverTheLimitIsNotRead() throws {
        let temporary = try TemporaryFolder()
        let folder = try MetadataFolder(temporary.path)
        try folder.persist(.snapshot, Array(repeating: 0x20, count: 100))
        #expect(try folder.load(.snapshot, limit: 99) == nil)
        #expect(try folder.load(.snapshot, limit: 100)?.count == 100)
    }
}
