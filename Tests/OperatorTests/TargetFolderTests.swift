import Codec
import Model
import Operator
import System
import TLS
import TestSupport
import Testing
import Trust

@Suite("Downloaded targets")
struct TargetFolderTests {
    private static func file(
        _ path: JSONText, _ content: String, sha512: Bool = false, both: Bool = false
    ) throws -> TargetFile {
        let bytes = Array(content.utf8)
        let hashes = try #require(
            FileHashes(
                sha256: !sha512 || both ? SHA256.hash(bytes) : nil, sha512: sha512 || both ? SHA512.hash(bytes) : nil))
        return TargetFile(path: path, length: Int64(bytes.count), hashes: hashes)
    }

    private func give(_ content: String) -> ((UnsafeRawBufferPointer) throws -> Void) throws -> Void {
        { write in
            // In small pieces, as a slow server would.
            for byte in Array(content.utf8) { try [byte].withUnsafeBytes { try write($0) } }
        }
    }

    @Test("a target is kept when its length and every listed hash are right, and counts as held from then on")
    func storesAndHolds() throws {
        let temporary = try TemporaryFolder()
        let folder = try TargetFolder(temporary.path + "/targets")
        for (sha512, both) in [(false, false), (true, false), (false, true)] {
            let file = try Self.file("a/b", "content", sha512: sha512, both: both)
            try folder.store(file, download: give("content"))
            #expect(try folder.holds(file))
            #expect(try !folder.holds(Self.file("a/b", "Content", sha512: sha512, both: both)))
            #expect(try !folder.holds(Self.file("a/b", "longer content")))
            #expect(try !folder.holds(Self.file("a/c", "content")))
        }
        #expect(try Directory.list(temporary.path + "/targets") == ["a%2Fb"])
    }

    @Test("other bytes, fewer, more, or a cut leave what was there and nothing else")
    func refuses() throws {
        let temporary = try TemporaryFolder()
        let folder = try TargetFolder(temporary.path)
        let old = try Self.file("f", "old")
        try folder.store(old, download: give("old"))
        for both in [false, true] {
            let new = try Self.file("f", "newer", both: both)
            for content in ["Newer", "new", "newer and more", ""] {
                #expect(throws: MetadataError.self) { try folder.store(new, download: give(content)) }
            }
        }
        struct Cut: Error {}
        let new = try Self.file("f", "newer")
        #expect(throws: Cut.self) {
            try folder.store(new) { write in
                try give("new")(write)
                throw Cut()
            }
        }
        #expect(try Directory.list(temporary.path) == ["f"])
        #expect(try folder.holds(old))
    }

    @Test("every target has one safe file name, whatever it is called")
    func names() throws {
        let cases: [(JSONText, String)] = [
            ("a", "a"), ("a/b c", "a%2Fb%20c"), ("..", "%2E."), (".", "%2E"), (".hidden", "%2Ehidden"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"), ("/abs", "%2Fabs"), ("a\\b", "a%5Cb"),
            ("a\u{0}b", "a%00b"), ("é", "%C3%A9"),
        ]
        for (path, name) in cases { #expect(TargetFolder.fileName(path) == name) }
        for path in ["", String(repeating: "é", count: 100)] as [String] {
            let name = TargetFolder.fileName(JSONText(path))
            #expect(name.hasPrefix("sha256-") && name.utf8.count == 71)
        }
        #expect(Set(cases.map { TargetFolder.fileName($0.0) }).count == cases.count)
    }

    @Test("a link that someone put in place of a target is not followed")
    func links() throws {
        let temporary = try TemporaryFolder()
        let folder = try TargetFolder(temporary.path + "/targets")
        let outside = temporary.path + "/outside"
        try AtomicFile.write("content", to: outside)
        let file = try Self.file("f", "content")
        try File.swapLink(temporary.path + "/targets/f", to: outside)
        #expect(try !folder.holds(file))
        try folder.store(file, download: give("content"))
        #expect(try folder.holds(file))
        #expect(try File.status(temporary.path + "/targets/f", followLinks: false)?.kind == .file)
    }
}
