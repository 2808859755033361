import Content
import Model
import System
import TestSupport
import Testing

@Suite("Published bytes made again from their content")
struct RecompressionTests {
    let fixture: ContentFixture

    init() throws { fixture = try ContentFixture() }

    @Test(
        "what the usual programs pack is found and made again, byte for byte",
        arguments: [
            (ContentCoding.zstd, []), (.zstd, ["-19"]), (.zstd, ["-1", "--no-check"]), (.zstd, ["-7"]),
            (.xz, []), (.xz, ["-0"]), (.xz, ["-T2"]), (.xz, ["-9e", "--check=crc32"]), (.gzip, []),
            (.gzip, ["-n", "-9"]),
            (.gzip, ["-1"]),
        ] as [(ContentCoding, [String])])
    func found(coding: ContentCoding, options: [String]) throws {
        let bytes = ContentFixture.sample(700_000, seed: 4)
        let published = try fixture.packed(bytes, coding, options)
        let file = try fixture.file("published", published)
        let content = try fixture.file("content", bytes)
        let recipe = try #require(
            try Recompression(fixture.worker, budget: .seconds(60)).find(published: file, content: content, coding))
        #expect(try Recipe(recipe.encoded()) == recipe)
        var made: [UInt8] = []
        try fixture.worker.encode(
            content, by: recipe, expected: ContentFixture.identity(published), deadline: .seconds(60)
        ) { made += $0 }
        #expect(made == published)
    }

    @Test("what Python packs is found as well", arguments: ["gzip", "lzma"])
    func python(module: String) throws {
        let bytes = ContentFixture.sample(300_000, seed: 4)
        try AtomicFile.write(bytes, to: fixture.path("plain"))
        let published = try Program.run(
            "python3",
            [
                "-c",
                "import \(module),sys;sys.stdout.buffer.write(\(module).compress(open(sys.argv[1],'rb').read()))",
                fixture.path("plain"),
            ])
        let file = try fixture.file("published", published)
        let content = try fixture.file("content", bytes)
        let coding: ContentCoding = module == "gzip" ? .gzip : .xz
        #expect(
            try Recompression(fixture.worker, budget: .seconds(60)).find(published: file, content: content, coding)
                != nil
        )
    }

    @Test("what nothing makes again is told so", arguments: [ContentCoding.zstd, .gzip, .xz])
    func none(coding: ContentCoding) throws {
        let bytes = ContentFixture.sample(100_000, seed: 4)
        var published = try fixture.packed(bytes, coding)
        published[published.count / 2] ^= 1
        let file = try fixture.file("published", published)
        let content = try fixture.file("content", bytes)
        #expect(
            try Recompression(fixture.worker, budget: .seconds(60)).find(published: file, content: content, coding)
                == nil
        )
    }

    @Test("a recipe that gives other bytes is an error, not other bytes")
    func checked() throws {
        let bytes = ContentFixture.sample(100_000, seed: 4)
        let published = try fixture.packed(bytes, .zstd)
        let file = try fixture.file("published", published)
        let content = try fixture.file("content", bytes)
        let recipe = try #require(
            try Recompression(fixture.worker, budget: .seconds(60)).find(published: file, content: content, .zstd))
        let other = try fixture.file("content", Array(bytes.reversed()))
        let code = try ContentFixture.refusal {
            try fixture.worker.encode(
                other, by: recipe, expected: ContentFixture.identity(published), deadline: .seconds(60)
            ) { _ in }
        }
        #expect(code == .hashMismatch)
    }

    @Test("a recipe that is none is refused")
    func malformed() throws {
        for bytes in [[], [0xA0], [0xA1, 0, 1], [0xFF], Array("recipe".utf8)] as [[UInt8]] {
            #expect(throws: ContentError.self) { try Recipe(bytes) }
        }
    }
}
