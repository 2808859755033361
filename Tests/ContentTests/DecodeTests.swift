import Compression
import Content
import Model
import System
import TestSupport
import Testing

@Suite("Published files and what is inside")
struct DecodeTests {
    let fixture: ContentFixture
    static let codings: [ContentCoding] = [.none, .gzip, .zstd, .xz]
    static let packing: [ContentCoding] = [.gzip, .zstd, .xz]

    init() throws { fixture = try ContentFixture() }

    private func refusal(_ bytes: [UInt8], _ coding: ContentCoding, _ limits: ContentLimits) throws -> ContentError
        .Code?
    {
        try ContentFixture.refusal { _ = try fixture.decode(bytes, coding, limits: limits) }
    }

    @Test("what the usual programs pack is what comes out", arguments: codings)
    func roundTrip(coding: ContentCoding) throws {
        for count in [0, 1, 262_144, 3_000_001] {
            let bytes = ContentFixture.sample(count, seed: 1)
            let packed = try fixture.packed(bytes, coding)
            #expect(try fixture.decode(packed, coding, limits: ContentLimits(length: UInt64(count))) == bytes)
        }
    }

    @Test("zeros behind gzip data are passed over, other bytes are refused")
    func padding() throws {
        let bytes = ContentFixture.sample(5000, seed: 1)
        let packed = try fixture.packed(bytes, .gzip)
        let limits = ContentLimits(length: 20_000)
        for count in [1, 511, 400_000] {
            #expect(try fixture.decode(packed + [UInt8](repeating: 0, count: count), .gzip, limits: limits) == bytes)
        }
        #expect(try fixture.decode(packed + packed + [0], .gzip, limits: limits) == bytes + bytes)
        for tail: [UInt8] in [[0, 1], [1], [0] + packed, [UInt8](repeating: 0, count: 300_000) + [7]] {
            let code = try refusal(packed + tail, .gzip, limits)
            #expect(code == .malformed || code == .truncated)
        }
    }

    @Test("a zstd file that begins with a skippable frame is known and read")
    func skippable() throws {
        let bytes = ContentFixture.sample(5000, seed: 1)
        for last in UInt8(0x50)...0x5F {
            let packed = [last, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 9, 9, 9, 9] + (try fixture.packed(bytes, .zstd))
            #expect(ContentCoding(mark: packed) == .zstd)
            #expect(try fixture.decode(packed, .zstd, limits: ContentLimits(length: 5000)) == bytes)
        }
    }

    @Test("a packed tree of which nothing is said is unpacked by its mark", arguments: codings)
    func treeByMark(coding: ContentCoding) throws {
        let tar = TarBuilder.archive { $0.file("bin/app", "hello") }
        let folder = fixture.path("tree-\(coding.name)")
        try Directory.create(folder)
        try fixture.worker.unpackTree(
            try fixture.file("packed", try fixture.packed(tar, coding)), into: folder, limits: TarLimits())
        #expect(try File.read(Directory.join(folder, "bin/app"), limit: 10) == Array("hello".utf8))
    }

    @Test("a tree is unpacked whatever its signed data says that it may hold")
    func largestTree() throws {
        let tar = TarBuilder.archive { $0.file("bin/app", "hello") }
        for (number, bytes) in [Int64.max, Int64.max - 1, 1 << 62, 5].enumerated() {
            let folder = fixture.path("tree-\(number)")
            try Directory.create(folder)
            try fixture.worker.unpackTree(
                try fixture.file("packed", tar), into: folder, limits: TarLimits(bytes: bytes))
            #expect(try File.read(Directory.join(folder, "bin/app"), limit: 10) == Array("hello".utf8))
        }
    }

    @Test("small packed documents are unpacked within their limit")
    func document() throws {
        let text = Array(String(repeating: "{}", count: 1000).utf8)
        let scratch = fixture.path(".")
        for coding in Self.packing {
            let packed = try fixture.packed(text, coding)
            #expect(try fixture.worker.unpacked(packed, limit: 2000, scratch: scratch) == text)
            let code = try ContentFixture.refusal {
                _ = try fixture.worker.unpacked(packed, limit: 1999, scratch: scratch)
            }
            #expect(code == .tooLarge)
        }
        #expect(try fixture.worker.unpacked(text, limit: 10, scratch: scratch) == nil)
        #expect(try fixture.worker.unpacked([], limit: 10, scratch: scratch) == nil)
    }

    @Test("a content longer than was signed is refused, however little longer", arguments: codings)
    func tooLong(coding: ContentCoding) throws {
        let packed = try fixture.packed(ContentFixture.sample(500_000, seed: 1), coding)
        #expect(try refusal(packed, coding, ContentLimits(length: 499_999)) == .tooLarge)
    }

    @Test("another content than was signed is refused")
    func expected() throws {
        let bytes = ContentFixture.sample(5000, seed: 1)
        let file = try fixture.file("packed", try fixture.packed(bytes, .zstd))
        let other = try ContentFixture.identity(ContentFixture.sample(5000, seed: 2))
        let code = try ContentFixture.refusal {
            try fixture.worker.decode(file, .zstd, limits: ContentLimits(length: 5000), expected: other)
        }
        #expect(code == .hashMismatch)
        let right = try ContentFixture.identity(bytes)
        #expect(try fixture.worker.decode(file, .zstd, limits: ContentLimits(length: 5000), expected: right) == right)
    }

    @Test("a decompression bomb is refused by its ratio", arguments: packing)
    func bomb(coding: ContentCoding) throws {
        // 400 MB of zeros in some hundred kB or less.
        let zeros = try FileDescriptor.open(fixture.path("plain"), [.write, .create, .truncate])
        try zeros.truncate(to: 400 << 20)
        let program = ["gzip": ["gzip", "-9"], "zstd": ["zstd", "-q"], "xz": ["xz", "-1"]][coding.name] ?? []
        let packed = try Program.run(program[0], Array(program.dropFirst()) + ["-c", fixture.path("plain")])
        #expect(packed.count < 500_000)
        var limits = ContentLimits(length: 1 << 40)
        limits.ratio = 100
        #expect(try refusal(packed, coding, limits) == .tooLarge)
        #expect(try refusal(packed, coding, ContentLimits(length: 1 << 20)) == .tooLarge)
    }

    @Test("a bomb in a bomb opens one layer and no more")
    func nested() throws {
        let inner = try fixture.packed([UInt8](repeating: 0, count: 30 << 20), .gzip)
        let packed = try fixture.packed(inner, .gzip)
        #expect(try fixture.decode(packed, .gzip, limits: ContentLimits(length: UInt64(inner.count))) == inner)
    }

    @Test("a frame that wants a window of 2 GiB is refused before the memory is taken")
    func window() throws {
        let bytes = ContentFixture.sample(100_000, seed: 1)
        let packed = try fixture.packed(bytes, .zstd, ["--ultra", "--long=31", "--no-content-size"])
        #expect(
            try refusal([0x28, 0xB5, 0x2F, 0xFD, 0, 21 << 3, 1, 0, 0], .zstd, ContentLimits(length: 9)) == .tooLarge)
        // The program may have made the window as small as the content; either way nothing goes wrong.
        let frame = try #require(ZstdFrame(packed))
        let code = try refusal(packed, .zstd, ContentLimits(length: 100_000))
        #expect(code == (frame.windowLength > 1 << 27 ? .tooLarge : nil))
    }

    @Test("a file that is cut off is refused, wherever it is cut", arguments: packing)
    func truncated(coding: ContentCoding) throws {
        let packed = try fixture.packed(ContentFixture.sample(20_000, seed: 1), coding)
        for part in 0..<8 {
            let code = try refusal(Array(packed.prefix(packed.count * part / 8)), coding, ContentLimits(length: 20_000))
            #expect(code == .truncated || (part == 0 && code == .malformed), "\(part)/8")
        }
    }

    @Test("bytes behind the end are refused", arguments: packing)
    func trailing(coding: ContentCoding) throws {
        let packed = try fixture.packed(ContentFixture.sample(2000, seed: 1), coding)
        // Zeros alone are padding behind gzip data.
        for garbage in [Array("garbage that is no header".utf8), [0], [0, 0, 0, 0, 1]]
        where coding != .gzip || garbage != [0] {
            let code = try refusal(packed + garbage, coding, ContentLimits(length: 9000))
            #expect(code == .malformed || code == .truncated, "\(garbage)")
        }
    }

    @Test("two packed files in one are one content", arguments: packing)
    func concatenated(coding: ContentCoding) throws {
        let bytes = ContentFixture.sample(2000, seed: 1)
        let packed = try fixture.packed(bytes, coding)
        #expect(try fixture.decode(packed + packed, coding, limits: ContentLimits(length: 4000)) == bytes + bytes)
    }

    @Test("flipped bits give an error or another content, never a crash", arguments: packing)
    func flips(coding: ContentCoding) throws {
        let bytes = ContentFixture.sample(600, seed: 1)
        let packed = try fixture.packed(bytes, coding)
        for place in stride(from: 0, to: packed.count, by: max(1, packed.count / 40)) {
            var damaged = packed
            damaged[place] ^= 1 << UInt8(place % 8)
            let code = try refusal(damaged, coding, ContentLimits(length: 10_000))
            #expect(code != .childDied && code != .failed, "byte \(place): \(String(describing: code))")
        }
    }

    @Test("the file's position does not matter, and is not moved")
    func position() throws {
        let bytes = ContentFixture.sample(2000, seed: 1)
        let file = try fixture.file("packed", try fixture.packed(bytes, .xz))
        for _ in 0..<2 {
            #expect(
                try fixture.worker.decode(file, .xz, limits: ContentLimits(length: 2000))
                    == ContentFixture.identity(bytes))
        }
    }

    @Test(
        "a child that dies, hangs or says nonsense is an error here",
        arguments: ["kill -9 $$", "kill -11 $$", "exit 3", "echo oops >&2; exit 1"])
    func crash(script: String) throws {
        let program = fixture.path("program")
        try AtomicFile.write(Array("#!/bin/sh\n\(script)\n".utf8), to: program, mode: 0o755)
        let file = try fixture.file("packed", [1])
        let code = try ContentFixture.refusal {
            try ContentWorker(program: program).decode(file, .none, limits: ContentLimits(length: 9))
        }
        #expect(code == .childDied)
    }

    @Test("a child that hangs is ended in time")
    func hang() throws {
        let program = fixture.path("program")
        try AtomicFile.write(Array("#!/bin/sh\nsleep 60\n".utf8), to: program, mode: 0o755)
        let file = try fixture.file("packed", [1])
        let code = try ContentFixture.refusal {
            try ContentWorker(program: program).decode(
                file, .none, limits: ContentLimits(length: 9, deadline: .milliseconds(200)))
        }
        #expect(code == .timedOut)
    }

    @Test("a child says what the kernel takes on, and this one takes on all of it")
    func confinementOfThisMachine() throws {
        let hold = try ContentWorker(program: try ContentFixture.program()).confinement()
        #expect(hold == Confinement.Hold(filtersCalls: true, confinesFiles: true) && hold.lack == nil)
        #expect(Confinement.Hold(filtersCalls: false, confinesFiles: false).lack == "seccomp and Landlock")
        // A program that says nothing has proved nothing.
        #expect(throws: ContentError.self) { try ContentWorker(program: "/bin/true").confinement() }
    }

    @Test(
        "a child cannot reach the network, other files, programs, or processes, nor make code",
        arguments: [false, true]
    )
    func confined(unpacks: Bool) throws {
        let folder = fixture.path("folder")
        try Directory.create(folder)
        let child = ConfinedChild(
            command: [try ContentFixture.program(), ContentWorker.argument, "self-check"] + (unpacks ? [folder] : []),
            deadline: .seconds(20))
        var said: [UInt8] = []
        let end = try child.run { said += $0 }
        #expect(end.isSuccess)
        let lines = String(decoding: said, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 13)
        for line in lines { #expect(line.hasSuffix(" refused"), "\(line)") }
    }
}
