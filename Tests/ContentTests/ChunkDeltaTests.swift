import Content
import Foundation
import Model
import System
import Testing

@Suite("Chunk deltas")
struct ChunkDeltaTests {
    let fixture: ContentFixture

    init() throws { fixture = try ContentFixture() }

    @Test("a chunk delta turns the old content into exactly the new one, packed or not", arguments: [true, false])
    func roundTrips(isPacked: Bool) throws {
        var generator = SystemRandomNumberGenerator()
        let pairs: [(Int, Int)] = [
            (0, 0), (0, 1), (1, 0), (1, 1), (100, 100), (70_000, 300_000), (600_000, 400_000),
        ]
        for (oldCount, newCount) in pairs {
            let seed = UInt64.random(in: 0...9, using: &generator)
            let old = ContentFixture.sample(oldCount, seed: seed)
            var new = ContentFixture.sample(newCount, seed: seed)
            for _ in 0..<min(20, newCount) {
                new[Int.random(in: 0..<newCount, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let delta = try fixture.chunks(old, new, isPacked: isPacked)
            #expect(try fixture.apply(delta, old, wanted: new) == new, "\(oldCount) to \(newCount), seed \(seed)")
        }
    }

    @Test("changes, insertions, removals and moves cost about their own bytes, without any packing")
    func small() throws {
        let old = Self.noise(400_000, seed: 3)
        var changed = old
        for place in stride(from: 1000, to: changed.count, by: 20_000) { changed[place] ^= 0xFF }
        let moved = Array(old[100_000...] + Array("between".utf8) + old[..<100_000])
        let shorter = Array(old[..<50_000] + old[50_700...])
        for (new, limit) in [(changed, 96 + 4 + 20 * 12), (moved, 96 + 4 + 7 + 40), (shorter, 96 + 4 + 30)] {
            #expect(try fixture.chunks(old, new, isPacked: false).count <= limit)
        }
    }

    @Test(
        "each flipped bit of a chunk delta gives an error or other bytes than were signed, never a crash",
        arguments: [true, false])
    func flips(isPacked: Bool) throws {
        let old = ContentFixture.sample(3000, seed: 1)
        let new = Array(old[100...] + Array("new".utf8) + old[..<50])
        let delta = try fixture.chunks(old, new, isPacked: isPacked)
        let step = max(1, (delta.count - ChunkDeltaHeader.length) / 40)
        let body = Array(stride(from: ChunkDeltaHeader.length, to: delta.count, by: step))
        for place in Array(stride(from: 0, to: ChunkDeltaHeader.length, by: 5)) + body {
            var damaged = delta
            damaged[place] ^= 1 << UInt8(place % 8)
            do {
                let result = try fixture.apply(damaged, old, wanted: new)
                #expect((result == new) as Bool, "byte \(place)")
            } catch let error as ContentError {
                #expect(error.code != .childDied, "byte \(place): \(error)")
            }
        }
    }

    @Test("a chunk delta that is cut off or goes on is refused", arguments: [true, false])
    func lengths(isPacked: Bool) throws {
        let old = Self.noise(2000, seed: 1)
        let new = Array(old.reversed())
        let delta = try fixture.chunks(old, new, isPacked: isPacked)
        for length in [0, 1, 95, 96, 97, 99, 100, delta.count / 2, delta.count - 1] {
            let code = try ContentFixture.refusal {
                _ = try fixture.apply(Array(delta.prefix(length)), old, wanted: new)
            }
            #expect(code == .truncated, "\(length) of \(delta.count)")
        }
        #expect(try ContentFixture.refusal { _ = try fixture.apply(delta + [0], old, wanted: new) } == .malformed)
    }

    @Test(
        "a chunk delta on another content of the same length gives other bytes than were signed, which their hash shows"
    )
    func wrongBase() throws {
        let old = ContentFixture.sample(50_000, seed: 1)
        let new = Array(old[1...] + [7])
        let delta = try fixture.chunks(old, new, isPacked: false)
        var other = old
        other[25_000] ^= 1
        let output = try FileDescriptor.open(fixture.path("output"), [.readWrite, .create, .truncate])
        var made: [UInt8] = []
        try fixture.worker.makeByPatch(
            try fixture.file("patch", delta), old: try fixture.file("old", other),
            expecting: (try ContentFixture.identity(old), try ContentFixture.identity(new)), into: output
        ) { made += $0 }
        #expect(try ContentFixture.identity(made) != ContentFixture.identity(new))
        // One between others than were signed is refused by its header.
        #expect(try ContentFixture.refusal { _ = try fixture.apply(delta, new, wanted: old) } == .wrongReference)
    }

    @Test("a frame that wants a larger window than its header says is refused before the window is taken")
    func window() throws {
        let old = ContentFixture.sample(2000, seed: 1)
        let new = Self.noise(2000, seed: 2)
        var delta = try fixture.chunks(old, new, isPacked: true)
        #expect(delta[9] == 26)
        delta[9] = 10
        #expect(try ContentFixture.refusal { _ = try fixture.apply(delta, old, wanted: new) } == .tooLarge)
    }

    // MARK: Hostile bodies

    /// Bodies that no writer of ours makes, against an old content of 1000 bytes and a new one of 2000.
    static let hostile: [(String, [UInt8], ContentError.Code)] = [
        ("a table of no bytes", [0, 0, 0, 0], .malformed),
        ("a table that is too long", [0x00, 0x10, 0x00, 0x01], .malformed),
        ("a table of four GiB", [0xFF, 0xFF, 0xFF, 0xFF], .malformed),
        ("a table that ends inside an instruction", section([1]), .malformed),
        ("a table that ends inside a number", section([0x80, 0x80]), .malformed),
        ("a number of eight bytes", section([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0]), .malformed),
        ("a number that is written longer than it needs", section([0x81, 0, 0]), .malformed),
        ("an instruction that makes nothing", section([0, 0]), .malformed),
        ("more bytes written out than the content has", section(number(2001) + [0]), .malformed),
        ("more bytes copied than the content has", section([0] + number(2001) + [0]), .malformed),
        ("both together more than the content has", section(number(1001) + number(1000) + [0]), .malformed),
        ("2^40 bytes written out", section(number(1 << 40) + [0]), .malformed),
        ("2^48 bytes copied", section([0] + number(1 << 48) + [0]), .malformed),
        ("a copy from behind the old content", section([0] + number(10) + number(2 * 995)), .malformed),
        ("a copy of more than the old content", section([0] + number(1001) + [0]), .malformed),
        ("a copy from before the old content", section([0, 10, 1]), .malformed),
        ("a copy from 2^47 bytes before", section([0, 10] + number((1 << 48) + 1)), .malformed),
        ("a second copy that goes on behind the end", section([0] + number(1000) + [0, 0, 1, 0]), .malformed),
        ("lengths that do not make up the content", section([0] + number(1000) + [0]), .truncated),
        (
            "bytes behind the content", section([0] + number(1000) + [0, 0] + number(1000) + number(1999)) + [7],
            .malformed
        ),
        (
            "an instruction behind the content",
            section([0] + number(1000) + [0, 0] + number(1000) + number(1999) + [1, 0]), .malformed
        ),
        ("bytes to write out that do not come", section(number(2000) + [0]) + [1, 2, 3], .truncated),
    ]

    @Test("a hostile body is an error by name and nothing else", arguments: hostile)
    func hostileBody(name: String, body: [UInt8], code: ContentError.Code) throws {
        let old = Self.noise(1000, seed: 1)
        let new = Self.noise(2000, seed: 2)
        let header = try ChunkDeltaHeader(
            from: ContentFixture.identity(old), to: ContentFixture.identity(new), isPacked: false)
        let found = try ContentFixture.refusal {
            _ = try fixture.apply(header.encoded() + body, old, wanted: new)
        }
        #expect(found == code, "\(name)")
    }

    @Test("a well-formed body of another writer is taken")
    func foreign() throws {
        let old = Self.noise(1000, seed: 1)
        let new = Array(old[500...] + [1, 2, 3] + old[..<400])
        let header = try ChunkDeltaHeader(
            from: ContentFixture.identity(old), to: ContentFixture.identity(new), isPacked: false)
        // Two sections: a copy from 500 on; three bytes written out and a copy from 0 on, 1003 before the place that is expected.
        let body =
            Self.section([0] + Self.number(500) + Self.number(1000))
            + Self.section([3] + Self.number(400) + Self.number(2 * 1003 - 1)) + [1, 2, 3]
        #expect(try fixture.apply(header.encoded() + body, old, wanted: new) == new)
    }

    @Test("the header is written as docs/formats/chunk-delta.md says, and nothing else is read")
    func header() throws {
        let old = ContentIdentity(length: 258, sha256: try SHA256Digest(bytes: [UInt8](repeating: 0xAA, count: 32)))
        let new = ContentIdentity(length: 1 << 40, sha256: try SHA256Digest(bytes: [UInt8](repeating: 0xBB, count: 32)))
        for isPacked in [true, false] {
            let bytes = try ChunkDeltaHeader(from: old, to: new, isPacked: isPacked).encoded()
            #expect(
                bytes == Array("axlechd1".utf8) + (isPacked ? [1, 26] : [0, 0]) + [0, 0, 0, 0, 0, 0]
                    + [0, 0, 0, 0, 0, 0, 1, 2] + [UInt8](repeating: 0xAA, count: 32) + [0, 0, 1, 0, 0, 0, 0, 0]
                    + [UInt8](repeating: 0xBB, count: 32))
            #expect(try ChunkDeltaHeader(bytes) == ChunkDeltaHeader(from: old, to: new, isPacked: isPacked))
            let wrongs: [(Int, UInt8)] = [
                (0, 0), (7, 2), (8, 2), (9, isPacked ? 9 : 1), (9, isPacked ? 27 : 26), (10, 1), (15, 1), (17, 1),
                (58, 2),
            ]
            for (place, value) in wrongs {
                var wrong = bytes
                wrong[place] = value
                #expect(throws: ContentError.self, "byte \(place)") { try ChunkDeltaHeader(wrong) }
            }
            #expect(throws: ContentError.self) { try ChunkDeltaHeader(Array(bytes.dropLast())) }
        }
        let long = ContentIdentity(length: 1 << 40 + 1, sha256: old.sha256)
        #expect(throws: ContentError.self) { try ChunkDeltaHeader(from: old, to: long, isPacked: false) }
    }

    @Test("chunk deltas of the first release still give what they gave", arguments: ["plain", "packed"])
    func golden(name: String) throws {
        let old = Self.noise(5000, seed: 11)
        let new = Array(Array("golden".utf8) + old[..<2000] + Self.noise(300, seed: 12) + old[1700...])
        let path = Directory.join(Directory.parent(of: #filePath), "../Golden/content/\(name).chunks")
        if ProcessInfo.processInfo.environment["AXLE_NEW_GOLDEN"] == "1", !File.exists(path) {
            try AtomicFile.write(try fixture.chunks(old, new, isPacked: name == "packed"), to: path)
            Issue.record("\(path) is new: look at it")
        }
        #expect(try fixture.apply(try File.read(path, limit: 10_000), old, wanted: new) == new)
    }

    @Test("equal contents meet equal cuts in every release, and none is shorter or longer than allowed")
    func cuts() throws {
        let bytes = Self.noise(30_000, seed: 5)
        let chunker = Chunker(ChunkLimits(minimum: 256, average: 1024, maximum: 4096))
        var lengths: [Int] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            lengths.append(rest.withUnsafeBytes { chunker.cut($0) })
            rest = rest.dropFirst(lengths.last ?? rest.count)
        }
        #expect(lengths.dropLast().allSatisfy { 256...4096 ~= $0 })
        #expect(lengths.prefix(8) == [1070, 614, 1104, 1415, 1182, 1402, 1804, 1005])
    }

    // MARK: Samples

    /// Bytes that do not repeat.
    static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    private static func section(_ table: [UInt8]) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: table.count >> $0) } + table
    }

    private static func number(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}
