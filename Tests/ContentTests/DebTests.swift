import Content
import Model
import System
import TestSupport
import Testing

@Suite("Debian packages and what is inside")
struct DebTests {
    private let fixture: ContentFixture
    private var folder: TemporaryFolder { fixture.folder }
    private static let packers = ["gzip", "xz", "zstd"]

    init() throws { fixture = try ContentFixture() }

    private typealias Member = DebFixture.Member

    private func refusal(_ bytes: [UInt8], _ limits: ContentLimits = ContentLimits(length: 1 << 30)) throws
        -> ContentError.Code?
    {
        try ContentFixture.refusal { _ = try DebFixture.decode(bytes, in: folder, limits: limits) }
    }

    /// What dpkg-deb says of a package, and what it takes out of it.
    private func seen(_ package: [UInt8]) throws -> [[UInt8]] {
        let file = fixture.path("seen.deb")
        try AtomicFile.write(package, to: file)
        let tree = fixture.path("extracted")
        try Program.run("rm", ["-rf", tree])
        try Program.run("dpkg-deb", ["--extract", file, tree])
        // The first line of `-I` is the file's own length.
        let information = try Program.run("dpkg-deb", ["-I", file]).split(separator: 0x0A).dropFirst(2)
        return [
            Array(information.joined(separator: [0x0A])), try Program.run("dpkg-deb", ["-c", file]),
            try Program.run("dpkg-deb", ["--ctrl-tarfile", file]),
            try Program.run("dpkg-deb", ["--fsys-tarfile", file]),
            try Program.run(
                "sh", ["-c", "cd \"$0\" && find . -type f -exec sha256sum {} + && stat -c '%a %n' usr/bin/*", tree]),
        ]
    }

    @Test("the content is a package that dpkg takes for the same, and its own content", arguments: packers)
    func oracle(packer: String) throws {
        let published = try DebFixture.package(folder, packer: packer)
        #expect(ContentCoding(mark: Array(published.prefix(ContentCoding.markLength))) == .deb)
        let content = try fixture.decode(published, .deb, limits: ContentLimits(length: 1 << 20))
        #expect(content.count > published.count)
        let members = try Program.run("ar", ["t", try folder.write("content.deb", content)])
        #expect(String(decoding: members, as: UTF8.self) == "debian-binary\ncontrol.tar\ndata.tar\n")
        #expect(try seen(content) == seen(published))
        #expect(try fixture.decode(content, .deb, limits: ContentLimits(length: UInt64(content.count))) == content)
    }

    @Test("the content does not depend on how the members were packed")
    func samePackage() throws {
        let plain = try DebFixture.package(folder, packer: "none")
        #expect(try DebFixture.decode(plain, in: folder) == plain)
        for packer in Self.packers {
            #expect(try DebFixture.decode(try DebFixture.package(folder, packer: packer), in: folder) == plain)
        }
    }

    @Test("name and size of a packed member are written anew, and nothing else is changed")
    func headers() throws {
        let (control, data) = (Array("control!".utf8), ContentFixture.sample(300_001, seed: 1))
        let signature = Member("_gpgorigin", [1, 2, 3])
        let extra = Member("later", Array("whatever".utf8))
        for slash in ["", "/"] {
            let published = DebFixture.archive([
                Member("debian-binary" + slash, Array("2.0\n".utf8)), signature,
                Member("control.tar.gz" + slash, try fixture.packed(control, .gzip)),
                Member("data.tar.zst" + slash, try fixture.packed(data, .zstd)), extra,
            ])
            let content = DebFixture.archive([
                Member("debian-binary" + slash, Array("2.0\n".utf8)), signature,
                Member("control.tar" + slash, control), Member("data.tar" + slash, data), extra,
            ])
            #expect(try DebFixture.decode(published, in: folder) == content)
        }
        // What dpkg reads and no library here does stays packed.
        let kept = DebFixture.archive([DebFixture.version, Member("control.tar", control), Member("data.tar.bz2", [9])])
        #expect(try DebFixture.decode(kept, in: folder) == kept)
    }

    @Test("what is no Debian package is refused, whatever is wrong with it")
    func malformed() throws {
        let (control, data) = (Member("control.tar", [1, 2]), Member("data.tar", [3, 4]))
        let version = DebFixture.version
        func wrong(_ member: Member, _ change: (inout Member) -> Void) -> Member {
            var member = member
            change(&member)
            return member
        }
        let cases: [(String, [UInt8])] = [
            ("no archive", Array("!<thin>\n".utf8)),
            ("no first member", DebFixture.archive([control, data])),
            ("version 3", DebFixture.archive([Member("debian-binary", Array("3.0\n".utf8)), control, data])),
            (
                "version without an end",
                DebFixture.archive([Member("debian-binary", Array("2.0".utf8)), control, data])
            ),
            ("no version", DebFixture.archive([Member("debian-binary", []), control, data])),
            (
                "a long version",
                DebFixture.archive([
                    Member("debian-binary", Array("2.0\n".utf8) + [UInt8](repeating: 0x0A, count: 62)), control, data,
                ])
            ),
            ("data first", DebFixture.archive([version, data, control])),
            ("control twice", DebFixture.archive([version, control, control, data])),
            ("data twice", DebFixture.archive([version, control, data, data])),
            ("packed data behind data", DebFixture.archive([version, control, data, Member("data.tar.xz", [1, 2])])),
            ("a stranger between", DebFixture.archive([version, Member("stranger", []), control, data])),
            ("control packed strangely", DebFixture.archive([version, Member("control.tar.bz2", [1]), data])),
            ("data packed strangely", DebFixture.archive([version, control, Member("data.tar.lz4", [1])])),
            ("a name with a slash", DebFixture.archive([version, control, data, Member("../x", [])])),
            ("no name", DebFixture.archive([version, control, data, Member("", [])])),
            ("a name of BSD", DebFixture.archive([version, control, data, Member("#1/20", [])])),
            ("a NUL in a name", DebFixture.archive([version, control, data, Member("a\0b", [])])),
            (
                "a size that is no number",
                DebFixture.archive([version, Member("control.tar", [1, 2], size: "0x2"), data])
            ),
            ("a negative size", DebFixture.archive([version, Member("control.tar", [1, 2], size: "-2"), data])),
            ("a size behind a blank", DebFixture.archive([version, Member("control.tar", [1, 2], size: " 2"), data])),
            ("no size", DebFixture.archive([version, Member("control.tar", [1, 2], size: ""), data])),
            (
                "another padding",
                DebFixture.archive([version, wrong(Member("control.tar", [1])) { $0.padding = [0] }, data])
            ),
            (
                "rubbish in a packed member",
                DebFixture.archive([version, control, Member("data.tar.gz", [1, 2, 3, 4])])
            ),
            (
                "bytes behind a packed member's end",
                DebFixture.archive([
                    version, control, Member("data.tar.gz", try fixture.packed([1], .gzip) + Array("rubbish".utf8)),
                ])
            ),
            (
                "bytes behind the end",
                DebFixture.archive([version, control, data], tail: [UInt8](repeating: 0, count: 60))
            ),
            (
                "seventeen members",
                DebFixture.archive([version, control, data] + (0..<14).map { Member("m\($0)", []) })
            ),
        ]
        for (name, bytes) in cases { #expect(try refusal(bytes) == .malformed, "\(name)") }
        #expect(
            try refusal(DebFixture.archive([version, control, data] + (0..<13).map { Member("m\($0)", []) })) == nil)
        #expect(try refusal(DebFixture.archive([version, control])) == .truncated)
        #expect(try refusal(DebFixture.archive([version, control, data], tail: [0x0A])) == .truncated)
        for size in ["3", "9999999999"] {
            let long = DebFixture.archive([version, control, Member("data.tar", [1, 2], size: size)])
            #expect(try refusal(long) == .truncated, "\(size)")
        }
        let short = try fixture.packed(ContentFixture.sample(500, seed: 1), .xz).dropLast(20)
        #expect(try refusal(DebFixture.archive([version, control, Member("data.tar.xz", Array(short))])) == .truncated)
    }

    @Test("a package that is cut off is refused, wherever it is cut")
    func everyCut() throws {
        let whole = try DebFixture.package(folder, packer: "xz")
        for count in 0..<whole.count {
            let code = try refusal(Array(whole.prefix(count)))
            #expect(code == .truncated || code == .malformed, "\(count) of \(whole.count): \(String(describing: code))")
        }
    }

    @Test("a flipped bit gives an error or another content, and never more than was signed", arguments: packers)
    func flips(packer: String) throws {
        let whole = try DebFixture.package(folder, packer: packer)
        let limits = ContentLimits(length: UInt64(try DebFixture.decode(whole, in: folder).count))
        for place in whole.indices {
            var damaged = whole
            damaged[place] ^= 1 << UInt8(place % 8)
            do {
                #expect(try DebFixture.decode(damaged, in: folder, limits: limits).count <= Int(limits.length))
            } catch let error as ContentError {
                #expect([.malformed, .truncated, .tooLarge].contains(error.code), "byte \(place): \(error)")
            }
        }
    }

    @Test("a content longer than was signed is refused before a byte of that member is given")
    func tooLong() throws {
        let whole = try DebFixture.package(folder, packer: "zstd")
        let length = UInt64(try DebFixture.decode(whole, in: folder).count)
        #expect(try refusal(whole, ContentLimits(length: length)) == nil)
        for limit in [length - 1, 100_00, 140, 70, 7, 0] {
            var given: UInt64 = 0
            let file = try fixture.file("long", whole)
            let code = try ContentFixture.refusal {
                try ContentDecoder(.deb, limits: ContentLimits(length: limit)).run(file) { given += UInt64($0.count) }
            }
            #expect(code == .tooLarge && given <= limit, "\(limit)")
        }
    }

    @Test("a decompression bomb in a member is refused by its ratio and by its length", arguments: ["data", "control"])
    func bomb(place: String) throws {
        let zeros = try FileDescriptor.open(fixture.path("zeros"), [.write, .create, .truncate])
        try zeros.truncate(to: 300 << 20)
        let packed = try Program.run("zstd", ["-q", "-c", fixture.path("zeros")])
        let (control, data) = (Member("control.tar", [1, 2]), Member("data.tar", [3, 4]))
        let bomb = DebFixture.archive(
            place == "data"
                ? [DebFixture.version, control, Member("data.tar.zst", packed)]
                : [DebFixture.version, Member("control.tar.zst", packed), data])
        var limits = ContentLimits(length: 1 << 40)
        limits.ratio = 100
        #expect(try refusal(bomb, limits) == .tooLarge)
        #expect(try refusal(bomb, ContentLimits(length: 1 << 20)) == .tooLarge)
    }

    @Test("a member that wants a window of 2 GiB is refused before the memory is taken")
    func window() throws {
        let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0, 21 << 3, 1, 0, 0]
        let deb = DebFixture.archive([DebFixture.version, Member("control.tar", []), Member("data.tar.zst", frame)])
        #expect(try refusal(deb) == .tooLarge)
    }

    @Test("without the library of a member it is said which to install, and other packages are no matter")
    func missingLibrary() throws {
        let library = try folder.write("libzstd.so.1", Array("no library".utf8))
        let program = fixture.path("program")
        let script =
            "#!/bin/sh\nLD_LIBRARY_PATH='\(Directory.parent(of: library))' exec '\(try ContentFixture.program())' \"$@\"\n"
        try AtomicFile.write(Array(script.utf8), to: program, mode: 0o755)
        let lame = ContentWorker(program: program)
        func decode(_ packer: String) throws -> ContentIdentity {
            let package = try DebFixture.package(folder, packer: packer)
            return try lame.decode(try fixture.file("p", package), .deb, limits: ContentLimits(length: 1 << 20))
        }
        #expect { try decode("zstd") } throws: {
            ($0 as? ContentError)?.code == .unavailable && "\($0)".contains("libzstd.so.1")
        }
        #expect(try decode("xz").length > 60_000)
    }

    @Test("a patch between the contents of two packages gives a package that dpkg takes")
    func patched() throws {
        let contents = try ["1.0", "2.0"].map {
            try DebFixture.decode(try DebFixture.package(folder, packer: "xz", version: $0), in: folder)
        }
        let patch = try fixture.patch(contents[0], contents[1])
        #expect(patch.count < contents[1].count / 20)
        let made = try fixture.apply(patch, contents[0], wanted: contents[1])
        #expect(try seen(made) == seen(contents[1]))
    }

    @Test("the golden package still has the content that was signed")
    func golden() throws {
        let folder = Directory.join(Directory.parent(of: #filePath), "../Golden/contents")
        let published = try File.read(folder + "/tool.deb", limit: 1 << 20)
        let content = try File.read(folder + "/tool.deb.content", limit: 1 << 20)
        #expect(try DebFixture.decode(published, in: self.folder) == content)
    }
}
