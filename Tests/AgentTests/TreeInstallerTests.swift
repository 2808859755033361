import Agent
import Content
import Model
import System
import TLS
import TestSupport
import Testing

@Suite("Tree installer")
struct TreeInstallerTests {
    let folder: TestFolder
    let installer: TreeInstaller
    let product: ProductName

    init() throws {
        folder = try TestFolder()
        installer = TreeInstaller(
            products: folder.file("products"), child: UnpackChild(command: [try agentProgram()]))
        product = try ProductName("tool")
    }

    private func install(_ version: String, counter: UInt64, action: UInt64) throws -> Package {
        let archive = Sample.archive(version: version)
        let package = try Sample.package(archive, release: version, counter: counter)
        let file = try folder.write("downloads/\(version)", archive)
        try installer.stage(package, action: Sample.action(action), archive: .published(file))
        try installer.place(package, action: Sample.action(action))
        try installer.switchTo(product, package.path.release)
        return package
    }

    @Test("a release is unpacked, made current, switched and put back")
    func wholeLife() throws {
        let one = try install("1.0", counter: 1, action: 1)
        #expect(try installer.current(product)?.text == "1.0")
        #expect(try installer.installed().map(\.sha256) == [one.sha256])
        let program = folder.file("products/tool/current/bin/alias")
        #expect(try ChildProcess(program).run().outputText == "tool 1.0\n")
        _ = try install("2.0", counter: 2, action: 2)
        #expect(try ChildProcess(program).run().outputText == "tool 2.0\n")
        try installer.prune(product, keeping: one.path.release)
        #expect(try Directory.list(folder.file("products/tool")) == ["1.0", "2.0", "current"])
        try installer.switchBack(product, to: one.path.release)
        #expect(try ChildProcess(program).run().outputText == "tool 1.0\n")
        try installer.discard(product, release: try ReleaseName("2.0"), action: Sample.action(2))
        #expect(try Directory.list(folder.file("products/tool")) == ["1.0", "current"])
        try installer.uninstall(product)
        #expect(try Directory.list(folder.file("products")).isEmpty)
    }

    @Test(
        "a packed archive is unpacked, and what is inside is the content that was signed",
        arguments: ContentCoding.allCases.filter { $0 != .deb })
    func packed(coding: ContentCoding) throws {
        let (package, file) = try packed(coding, Sample.archive(version: "3.0"), hash: nil)
        try installer.stage(package, action: Sample.action(1), archive: .published(file))
        try installer.place(package, action: Sample.action(1))
        let program = Directory.join(installer.folder(product, package.path.release), "bin/tool")
        #expect(try ChildProcess(program).run().outputText == "tool 3.0\n")
    }

    @Test("a packed archive with another content than was signed is refused", arguments: ["hash", "longer", "shorter"])
    func wrongContent(how: String) throws {
        let archive = Sample.archive(version: "3.0")
        let count = UInt64(archive.count)
        let (package, file) = try packed(
            .zstd, archive, length: how == "hash" ? count : how == "longer" ? count - 1 : count + 1,
            hash: how == "hash" ? [UInt8](repeating: 1, count: 32) : nil)
        #expect {
            try installer.stage(package, action: Sample.action(1), archive: .published(file))
        } throws: {
            ($0 as? AgentError)?.code == (how == "longer" ? .archiveTooLarge : .hashMismatch)
        }
    }

    @Test("a decompression bomb in a package is refused")
    func bomb() throws {
        let archive = TarBuilder.archive { $0.file("zeros", String(repeating: "0", count: 20 << 20)) }
        let (package, file) = try packed(.xz, archive, length: 1 << 20, hash: nil)
        #expect {
            try installer.stage(package, action: Sample.action(1), archive: .published(file))
        } throws: {
            ($0 as? AgentError)?.code == .archiveTooLarge
        }
    }

    /// A package whose file is the packed archive, and that file.
    private func packed(
        _ coding: ContentCoding, _ archive: [UInt8], length: UInt64? = nil, hash: [UInt8]?
    ) throws -> (Package, String) {
        let plain = try folder.write("plain.tar", archive)
        let program = ["none": "cat", "gzip": "gzip", "zstd": "zstd", "xz": "xz"][coding.name] ?? ""
        var pack = ChildProcess(program, (coding == .none ? [] : ["-c"]) + [plain])
        pack.outputLimit = 1 << 20
        let bytes = try pack.run().output
        var package = try Sample.package(bytes, release: "3.0", counter: 3)
        package.metadata.content = PackageContent(
            coding: coding, length: ByteCount(length ?? UInt64(archive.count)),
            sha256: try SHA256Digest(bytes: hash ?? SHA256.hash(archive)))
        package.metadata.unpackedSize = ByteCount(UInt64(archive.count))
        return (package, try folder.write("downloads/packed", bytes))
    }

    @Test("a first release that fails goes away without a trace")
    func firstGoesBack() throws {
        let one = try install("1.0", counter: 1, action: 1)
        try installer.switchBack(product, to: nil)
        #expect(try installer.current(product) == nil)
        try installer.discard(product, release: one.path.release, action: Sample.action(1))
        #expect(try Directory.list(folder.file("products/tool")).isEmpty)
    }

    @Test(
        "a file that is not the signed one is refused before it is unpacked",
        arguments: ["flipped", "longer", "shorter"])
    func wrongBytes(how: String) throws {
        let archive = Sample.archive(version: "1.0")
        let package = try Sample.package(archive)
        var bad = archive
        switch how {
        case "flipped": bad[700] ^= 1
        case "longer": bad += [0]
        default: bad.removeLast()
        }
        let file = try folder.write("bad", bad)
        #expect {
            try installer.stage(package, action: Sample.action(), archive: .published(file))
        } throws: { ($0 as? AgentError)?.code == .hashMismatch }
        #expect(try Directory.list(folder.file("products/tool/.staging-\(Sample.action())")).isEmpty)
    }

    @Test("a download that is a symbolic link is not followed")
    func linkedDownload() throws {
        let archive = Sample.archive(version: "1.0")
        let file = try folder.write("real", archive)
        try File.swapLink(folder.file("link"), to: file)
        #expect(throws: SystemError.self) {
            try installer.stage(
                try Sample.package(archive), action: Sample.action(), archive: .published(folder.file("link")))
        }
    }

    @Test("every step may be done again after a cut at any point of it")
    func repeatable() throws {
        _ = try install("1.0", counter: 1, action: 1)
        let archive = Sample.archive(version: "2.0")
        let package = try Sample.package(archive, release: "2.0", counter: 2)
        let action = Sample.action(2)
        let file = try folder.write("downloads/2.0", archive)
        // Cut while unpacking: half a tree is there.
        try folder.write("products/tool/.staging-\(action)/bin/half", "x")
        try installer.stage(package, action: action, archive: .published(file))
        try installer.stage(package, action: action, archive: .published(file))
        #expect(!File.exists(folder.file("products/tool/.staging-\(action)/bin/half")))
        // Cut between the two renames of a replacement.
        try folder.write("products/tool/.old-\(action)/x", "x")
        try folder.write("products/tool/2.0/leftover", "x")
        try installer.place(package, action: action)
        try installer.place(package, action: action)
        #expect(!File.exists(folder.file("products/tool/2.0/leftover")))
        #expect(!File.exists(folder.file("products/tool/.old-\(action)")))
        // Cut between making the new link and renaming it.
        try File.swapLink(folder.file("products/tool/current.swap"), to: "nowhere")
        try installer.switchTo(product, package.path.release)
        try installer.switchTo(product, package.path.release)
        #expect(try installer.current(product)?.text == "2.0")
        try installer.switchBack(product, to: try ReleaseName("1.0"))
        try installer.switchBack(product, to: try ReleaseName("1.0"))
        try installer.discard(product, release: package.path.release, action: action)
        try installer.discard(product, release: package.path.release, action: action)
        #expect(try installer.current(product)?.text == "1.0")
    }

    @Test("what is current is neither replaced nor removed")
    func currentIsSafe() throws {
        let one = try install("1.0", counter: 1, action: 1)
        let file = folder.file("downloads/1.0")
        try installer.stage(one, action: Sample.action(2), archive: .published(file))
        #expect(throws: AgentError.self) { try installer.place(one, action: Sample.action(2)) }
        #expect(throws: AgentError.self) {
            try installer.discard(product, release: one.path.release, action: Sample.action(2))
        }
        #expect(throws: AgentError.self) { try installer.switchTo(product, try ReleaseName("9.9")) }
        #expect(try installer.current(product)?.text == "1.0")
    }

    @Test("a hostile current link is refused, not followed")
    func hostileLink() throws {
        try Directory.create(folder.file("products/tool"))
        try File.swapLink(folder.file("products/tool/current"), to: "../../../etc")
        #expect(throws: AgentError.self) { try installer.current(product) }
    }
}

@Suite("Unpacking in a child")
struct UnpackChildTests {
    let folder: TestFolder
    let child: UnpackChild

    init() throws {
        folder = try TestFolder()
        child = UnpackChild(command: [try agentProgram()], deadline: .seconds(30))
        try Directory.create(folder.file("into"))
    }

    private func refusal(_ archive: [UInt8], limits: TarLimits = TarLimits()) throws -> AgentError.Code? {
        let file = try FileDescriptor.open(try folder.write("archive", archive))
        do {
            try child.unpack(file, into: folder.file("into"), limits: limits)
            return nil
        } catch let error as AgentError {
            return error.code
        }
    }

    @Test("what the child refuses is an error here, with its code")
    func refusals() throws {
        #expect(try refusal(TarBuilder.archive { $0.file("../x", "x") }) == .archivePath)
        #expect(
            try refusal(TarBuilder.archive { $0.file("a", "xyz") }, limits: TarLimits(bytes: 2)) == .archiveTooLarge)
        #expect(
            try refusal(
                TarBuilder.archive {
                    $0.file("b", "x"); $0.file("b", "y")
                }) == .archiveDuplicate)
        #expect(try refusal(TarBuilder.archive { $0.file(".axle-receipt", "x") }) == .archivePath)
        #expect(
            try refusal(
                TarBuilder.archive {
                    $0.symbolicLink("l", to: "d"); $0.file("l/x", "x")
                }) == .archiveLink)
        #expect(try refusal(TarBuilder.archive { $0.hardLink("h", to: "missing") }) == .archiveLink)
        #expect(
            try refusal(
                TarBuilder.archive {
                    $0.symbolicLink("s/l", to: "../s"); $0.hardLink("m", to: "s/l")
                })
                == .archiveLink)
        #expect(try refusal([1, 2, 3]) == .archiveTruncated)
    }

    @Test("a directory made a link by an earlier member does not lead out")
    func linkedDirectory() throws {
        let archive = TarBuilder.archive {
            $0.directory("d/")
            $0.symbolicLink("d/up", to: "../d")
            $0.file("d/up/x", "x")
        }
        #expect(try refusal(archive) == .archiveLink)
        #expect(!File.exists(folder.file("into/d/x")))
    }

    @Test(
        "a child that dies is an error here",
        arguments: ["kill -9 $$", "kill -11 $$", "exit 3", "echo oops >&2; exit 1"])
    func crash(script: String) throws {
        let program = try folder.write("program", "#!/bin/sh\n\(script)\n", mode: 0o755)
        let file = try FileDescriptor.open(try folder.write("archive", [1]))
        #expect {
            try UnpackChild(command: [program]).unpack(file, into: folder.file("into"), limits: TarLimits())
        } throws: { ($0 as? AgentError)?.code == .unpackFailed }
    }

    @Test("a child that hangs is ended")
    func hang() throws {
        let program = try folder.write("program", "#!/bin/sh\nsleep 60\n", mode: 0o755)
        let file = try FileDescriptor.open(try folder.write("archive", [1]))
        #expect {
            try UnpackChild(command: [program], deadline: .milliseconds(200))
                .unpack(file, into: folder.file("into"), limits: TarLimits())
        } throws: { ($0 as? AgentError)?.code == .unpackFailed }
    }

    @Test("what GNU tar makes unpacks to the same tree", arguments: ["ustar", "pax", "gnu"])
    func gnuTar(format: String) throws {
        let long =
            "a-folder-with-a-rather-long-name-that-is-more-than-half-of-a-hundred-bytes/and-another-one-inside-it-to-go-over"
        try folder.write("tree/bin/tool", "#!/bin/sh\n", mode: 0o755)
        try folder.write("tree/\(long.prefix(format == "ustar" ? 90 : 200))/f", "long")
        try File.swapLink(folder.file("tree/link"), to: "bin/tool")
        let tar = ChildProcess(
            "tar", ["-C", folder.file("tree"), "--format", format, "-cf", folder.file("made.tar"), "."])
        try #require(try tar.run().isSuccess)
        let file = try FileDescriptor.open(folder.file("made.tar"))
        try child.unpack(file, into: folder.file("into"), limits: TarLimits())
        let difference = try ChildProcess(
            "diff", ["-r", "--no-dereference", folder.file("tree"), folder.file("into")]
        ).run()
        #expect(difference.isSuccess, "\(difference.outputText)")
    }
}
