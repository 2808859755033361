import Content
import Model
import System
import Testing

@Suite("Patches")
struct PatchTests {
    let fixture: ContentFixture

    init() throws { fixture = try ContentFixture() }

    @Test("a patch turns the old content into exactly the new one")
    func roundTrips() throws {
        var generator = SystemRandomNumberGenerator()
        let pairs: [(Int, Int)] = [
            (0, 0), (0, 1), (1, 0), (1, 1), (100, 100), (70_000, 300_000), (3_000_000, 2_000_000),
        ]
        for (oldCount, newCount) in pairs {
            let seed = UInt64.random(in: 0...9, using: &generator)
            let old = ContentFixture.sample(oldCount, seed: seed)
            var new = ContentFixture.sample(newCount, seed: seed)
            for _ in 0..<min(20, newCount) {
                new[Int.random(in: 0..<newCount, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let patch = try fixture.patch(old, new)
            #expect(try fixture.apply(patch, old, wanted: new) == new, "\(oldCount) to \(newCount), seed \(seed)")
        }
    }

    @Test("a patch between like contents is small")
    func small() throws {
        let old = ContentFixture.sample(4_000_000, seed: 3)
        let new = Array(old[1_000_000...] + Array("between".utf8) + old[..<1_000_000])
        #expect(try fixture.patch(old, new).count < 2000)
    }

    @Test("each flipped bit of a patch gives an error or the exact result, never another one")
    func flips() throws {
        let old = ContentFixture.sample(3000, seed: 1)
        let new = Array(old[100...] + old[..<50])
        let patch = try fixture.patch(old, new)
        // Every byte of the header, then steps through the frame, whatever its length.
        let step = max(1, (patch.count - PatchHeader.length) / 60)
        let places = Array(0..<PatchHeader.length) + Array(stride(from: PatchHeader.length, to: patch.count, by: step))
        for place in places {
            var damaged = patch
            damaged[place] ^= 1 << UInt8(place % 8)
            do {
                let result = try fixture.apply(damaged, old, wanted: new)
                #expect((result == new) as Bool, "byte \(place)")
            } catch let error as ContentError {
                #expect(place >= PatchHeader.length || error.code != .childDied, "byte \(place): \(error)")
            }
        }
    }

    @Test("a patch that is cut off or goes on is refused")
    func lengths() throws {
        let old = ContentFixture.sample(2000, seed: 1)
        let new = Array(old.reversed())
        let patch = try fixture.patch(old, new)
        for length in [0, 1, 95, 96, 97, 100, patch.count / 2, patch.count - 1] {
            let code = try ContentFixture.refusal {
                _ = try fixture.apply(Array(patch.prefix(length)), old, wanted: new)
            }
            #expect(code == .truncated, "\(length) of \(patch.count)")
        }
        #expect(
            try ContentFixture.refusal { _ = try fixture.apply(patch + [0], old, wanted: new) } == .malformed)
    }

    @Test("a patch on another content of the same length gives other bytes than were signed, which their hash shows")
    func wrongReference() throws {
        let old = ContentFixture.sample(50_000, seed: 1)
        let new = Array(old[1...] + [7])
        let patch = try fixture.patch(old, new)
        var other = old
        other[25_000] ^= 1
        let output = try FileDescriptor.open(fixture.path("output"), [.readWrite, .create, .truncate])
        var made: [UInt8] = []
        try fixture.worker.makeByPatch(
            try fixture.file("patch", patch), old: try fixture.file("old", other),
            expecting: (try ContentFixture.identity(old), try ContentFixture.identity(new)), into: output
        ) { made += $0 }
        #expect(try ContentFixture.identity(made) != ContentFixture.identity(new))
        // Another length is seen before any work.
        let short = try ContentFixture.refusal {
            try fixture.worker.fillByPatch(
                try fixture.file("patch", patch), old: try fixture.file("old", Array(old.dropLast())),
                expecting: (try ContentFixture.identity(old), try ContentFixture.identity(new)), into: output)
        }
        #expect(short == .wrongReference)
    }

    @Test("a few bytes of a patch may stand for very many, and what is far behind is found again")
    func far() throws {
        let old = ContentFixture.sample(300_000, seed: 1)
        let rare = ContentFixture.sample(700_000, seed: 2)
        // Blocks of one byte each that take four, the new content's own beginning again 24 MB later, and an end within a page.
        let new = rare + [UInt8](repeating: 7, count: 24_000_000) + rare + old + [1, 2, 3]
        let patch = try fixture.patch(old, new)
        #expect(patch.count < 720_000)
        #expect(try fixture.apply(patch, old, wanted: new) == new)
        for isPacked in [false, true] {
            #expect(try fixture.apply(try fixture.chunks(old, new, isPacked: isPacked), old, wanted: new) == new)
        }
    }

    @Test("a patch between releases that nobody wants is refused by its header")
    func wanted() throws {
        let (old, new) = (ContentFixture.sample(900, seed: 1), ContentFixture.sample(900, seed: 2))
        let patch = try fixture.patch(old, new)
        #expect(
            try ContentFixture.refusal { _ = try fixture.apply(patch, new, wanted: old) } == .wrongReference)
    }

    @Test("a reference that shrinks while it is mapped ends the child, not this process")
    func shrinks() throws {
        let old = ContentFixture.sample(20_000_000, seed: 1)
        let new = ContentFixture.sample(20_000_000, seed: 2)
        let header = try PatchHeader(from: ContentFixture.identity(old), to: ContentFixture.identity(new))
        let shrinking = try fixture.file("old", old)
        let cutter = try shrinking.duplicate()
        var cut = false
        let code = try ContentFixture.refusal {
            try fixture.worker.makePatch(header, old: shrinking, new: try fixture.file("new", new)) { _ in
                // The header comes before the child maps, the second piece surely after.
                if cut { try cutter.truncate(to: 0) }
                cut = true
            }
        }
        #expect(code == nil || code == .childDied || code == .wrongReference)
    }

    @Test("a full disk is an error and not a trap")
    func full() throws {
        let (old, new) = (ContentFixture.sample(900, seed: 1), ContentFixture.sample(900, seed: 2))
        let patch = try fixture.patch(old, new)
        // Nothing can be allocated in a pipe or a device.
        let output = try FileDescriptor.open("/dev/full", .readWrite)
        let code = try ContentFixture.refusal {
            try fixture.worker.fillByPatch(
                try fixture.file("patch", patch), old: try fixture.file("old", old),
                expecting: (try ContentFixture.identity(old), try ContentFixture.identity(new)), into: output)
        }
        #expect(code == .failed || code == .full)
    }

    @Test("making a patch ends when it is cancelled")
    func cancelled() throws {
        let (old, new) = (ContentFixture.sample(4_000_000, seed: 1), ContentFixture.sample(4_000_000, seed: 2))
        let header = try PatchHeader(from: ContentFixture.identity(old), to: ContentFixture.identity(new))
        let cancellation = Cancellation()
        cancellation.cancel()
        let code = try ContentFixture.refusal {
            try fixture.worker.makePatch(
                header, old: try fixture.file("old", old), new: try fixture.file("new", new),
                cancellation: cancellation
            ) { _ in }
        }
        #expect(code == .cancelled)
    }

    @Test("what the taker throws ends the work and comes back")
    func taker() throws {
        struct Stop: Error {}
        let bytes = ContentFixture.sample(4_000_000, seed: 1)
        let header = try PatchHeader(from: ContentFixture.identity(bytes), to: ContentFixture.identity(bytes))
        #expect(throws: Stop.self) {
            try fixture.worker.makePatch(
                header, old: try fixture.file("old", bytes), new: try fixture.file("new", bytes)
            ) { _ in throw Stop() }
        }
    }

    @Test("the header is written as docs/formats/patch.md says, and nothing else is read")
    func header() throws {
        let old = ContentIdentity(length: 258, sha256: try SHA256Digest(bytes: [UInt8](repeating: 0xAA, count: 32)))
        let new = ContentIdentity(length: 1 << 32, sha256: try SHA256Digest(bytes: [UInt8](repeating: 0xBB, count: 32)))
        let bytes = try PatchHeader(from: old, to: new).encoded()
        #expect(bytes.count == PatchHeader.length)
        #expect(
            bytes == Array("axlepat1".utf8) + [1, 31] + [0, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 1, 2]
                + [UInt8](repeating: 0xAA, count: 32) + [0, 0, 0, 1, 0, 0, 0, 0] + [UInt8](repeating: 0xBB, count: 32))
        #expect(try PatchHeader(bytes) == PatchHeader(from: old, to: new))
        for (place, value) in [(0, UInt8(0)), (8, 2), (9, 9), (9, 32), (10, 1), (15, 1), (17, 1), (56, 1)] {
            var wrong = bytes
            wrong[place] = value
            #expect(throws: ContentError.self) { try PatchHeader(wrong) }
        }
        #expect(throws: ContentError.self) { try PatchHeader(Array(bytes.dropLast())) }
    }
}
