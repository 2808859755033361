import Model
import System
import TestSupport
import Testing

/// What no agent can unpack is not signed, and the error says what to do.
@Suite("axle publish add refuses what agents would")
struct PublishRefusalTests {
    private let folder: TemporaryFolder
    private var catalog: String { folder.path("catalog") }

    init() async throws {
        folder = try TemporaryFolder()
        let made = await axle(["publish", "init", catalog, "--keys", folder.path("keys")])
        try #require(made.status == 0)
    }

    private func add(_ bytes: [UInt8], name: String = "tool.tar", _ options: [String] = []) async throws -> Run {
        let file = try folder.write(name, bytes)
        var arguments = ["publish", "add", catalog, "--keys", folder.path("keys"), "--file", file]
        for (option, value) in [("--product", "tool"), ("--release", "1.0"), ("--platform", "linux-x86_64-glibc")]
        where !options.contains(option) { arguments += [option, value] }
        return await axle(arguments + options)
    }

    struct Useless: Sendable, CustomTestStringConvertible {
        var name: String
        var bytes: [UInt8]
        var options: [String] = []
        /// What the error says, and what to do.
        var words: [String]
        var testDescription: String { name }
    }

    private static func tar(_ build: (inout TarBuilder) -> Void = { _ in }) -> [UInt8] {
        TarBuilder.archive { tar in
            tar.file("bin/app", "#!/bin/sh\n", mode: 0o755)
            build(&tar)
        }
    }

    static let useless: [Useless] = [
        Useless(
            name: "a virtual environment's absolute link",
            bytes: tar { $0.symbolicLink("bin/python", to: "/usr/bin/python3") },
            words: ["bin/python", "venv --copies"]),
        Useless(
            name: "a link that leaves the tree", bytes: tar { $0.symbolicLink("bin/x", to: "../../x") },
            words: ["--dereference"]),
        Useless(name: "a link to nothing", bytes: tar { $0.hardLink("bin/x", to: "bin/none") }, words: ["not there"]),
        Useless(name: "a fifo", bytes: tar { $0.header("f", type: "6") }, words: ["f is a fifo", "--exclude"]),
        Useless(name: "a device", bytes: tar { $0.header("null", type: "3") }, words: ["device node", "--exclude"]),
        Useless(name: "a sparse file", bytes: tar { $0.header("s", type: "S") }, words: ["sparse", "--sparse"]),
        Useless(name: "a volume label", bytes: tar { $0.header("v", type: "V") }, words: ["volume label"]),
        Useless(
            name: "one name twice",
            bytes: tar {
                $0.file("conf", "1"); $0.file("conf", "2")
            }, words: ["conf", "twice", "tar -r"]),
        Useless(name: "an absolute name", bytes: tar { $0.file("/etc/x", "1") }, words: ["absolute", "-C FOLDER"]),
        Useless(name: "a name that goes up", bytes: tar { $0.file("../x", "1") }, words: ["..", "-C FOLDER"]),
        Useless(name: "a name of Axle's own", bytes: tar { $0.file(".axle-receipt", "1") }, words: ["Axle's own"]),
        Useless(name: "no end mark", bytes: Array(tar().dropLast(1024)), words: ["end mark", "pack it again"]),
        Useless(name: "one zero block", bytes: Array(tar().dropLast(512)), words: ["end mark"]),
        Useless(name: "bytes behind the end", bytes: tar() + tar(), words: ["after the archive's end"]),
        Useless(name: "a cut file", bytes: Array(tar().prefix(700)), words: ["ends before"]),
        Useless(
            name: "a zip archive", bytes: Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 1, count: 3000),
            words: ["zip", "tar --format=posix"]),
        Useless(
            name: "a short zip archive", bytes: Array("PK\u{3}\u{4}wheel".utf8), words: ["zip", "tar --format=posix"]),
        Useless(
            name: "bzip2", bytes: Array("BZh91AY&SY".utf8) + [UInt8](repeating: 9, count: 600),
            words: ["bzip2", "gzip, zstd or xz"]),
        Useless(
            name: "a bare program", bytes: [0x7F, 0x45, 0x4C, 0x46] + [UInt8](repeating: 2, count: 900),
            words: ["bare program", "--kind script"]),
        Useless(
            name: "noise", bytes: (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 / 7) },
            words: ["not a ustar"]),
        Useless(
            name: "the V7 format",
            bytes: TarBuilder.archive { $0.header("bin/app", mode: 0o755, magic: "") }, words: ["V7", "--format=posix"]),
        Useless(
            name: "a program that is not there", bytes: tar(), options: ["--program", "bin/no"],
            words: ["no file bin/no", "tar -tf"]),
        Useless(
            name: "a program one folder deeper",
            bytes: TarBuilder.archive { $0.file("app-1.0/bin/app", "x", mode: 0o755) },
            options: ["--program", "bin/app"], words: ["Did you mean app-1.0/bin/app?"]),
        Useless(
            name: "a program without its mode", bytes: TarBuilder.archive { $0.file("app", "x") },
            options: ["--program", "app"], words: ["cannot be executed", "chmod 755"]),
        Useless(
            name: "a folder for a program", bytes: tar(), options: ["--program", "bin"],
            words: ["bin is a folder, not a program", "bin/app"]),
        Useless(
            name: "a loop of links for a program",
            bytes: tar {
                $0.symbolicLink("a", to: "b")
                $0.symbolicLink("b", to: "a")
            }, options: ["--program", "a"], words: ["a in tool.tar is a link that leads back to itself"]),
        Useless(
            name: "a program below a file", bytes: tar(), options: ["--program", "bin/app/x"],
            words: ["no file bin/app/x"]),
        Useless(
            name: "a program with an over-long name", bytes: tar(),
            options: ["--program", String(repeating: "n", count: 300)], words: ["no file nnn", "tar -tf"]),
        Useless(
            name: "a member with an over-long name",
            bytes: tar {
                $0.pax([("path", "lib/" + String(repeating: "n", count: 300))])
                $0.file("short", "1")
            }, words: ["nnn", "255"]),
        Useless(
            name: "a name that is a file first and a folder later",
            bytes: tar {
                $0.file("conf", "1")
                $0.file("conf/x", "2")
            }, words: ["conf/x lies in conf, which is a file or a link in the archive"]),
        Useless(
            name: "a name that is a folder first and a file later",
            bytes: tar {
                $0.file("conf/x", "2")
                $0.file("conf", "1")
            }, words: ["conf is in the archive twice, or has members as a folder"]),
        Useless(
            name: "a file that compress has packed", bytes: [0x1F, 0x9D, 0x90] + [UInt8](repeating: 7, count: 700),
            words: ["compress", "gzip, zstd or xz"]),
        Useless(
            name: "a zlib stream", bytes: [0x78, 0x9C] + [UInt8](repeating: 7, count: 700),
            words: ["zlib", "gzip, zstd or xz"]),
        Useless(
            name: "a health command that is not there", bytes: tar(), options: ["--health", "bin/check --all"],
            words: ["bin/check"]),
        Useless(
            name: "more than it is said to unpack to", bytes: tar(), options: ["--unpacked-size", "3B"],
            words: ["--unpacked-size"]),
        Useless(
            name: "no Debian package", bytes: tar(), options: ["--kind", "deb"],
            words: ["no Debian package", "dpkg-deb"]),
    ]

    @Test(arguments: useless) func whatNoAgentCanUnpackIsNotSigned(_ sample: Useless) async throws {
        let run = try await add(sample.bytes, sample.options)
        #expect(run.status == 1, "\(run.errors)")
        for word in sample.words { #expect(run.errors.contains(word), "\(word) is not in: \(run.errors)") }
        #expect(try Directory.list(Directory.join(catalog, "targets")).isEmpty)
        #expect(!File.exists(folder.path("keys/pending")))
    }

    @Test func whatAgentsUnpackIsTaken() async throws {
        let tar = Self.tar {
            $0.directory("lib")
            $0.directory("lib")
            $0.symbolicLink("lib64", to: "lib")
            $0.symbolicLink("bin/run", to: "app")
            $0.pax([("comment", "0123")], type: "g")
        }
        let run = try await add(tar, ["--program", "bin/run", "--health", "bin/app --version"])
        #expect(run.status == 0, "\(run.errors)")
        #expect(try Directory.list(Directory.join(catalog, "targets")) == ["tool"])
    }

    @Test func aFileThatIsOnlyShownIsNotUnpacked() async throws {
        #expect(try await add(Array("PK\u{3}\u{4}wheel".utf8), name: "tool.whl", ["--kind", "script"]).status == 0)
    }

    /// pzstd's output begins with a skippable frame, and gzip passes over zeros behind its data.
    @Test func skippableFramesAndZerosBehindGzipAreRead() async throws {
        let (zstd, gzip) = (
            try Program.run("zstd", ["-c"], input: Self.tar()), try Program.run("gzip", ["-c"], input: Self.tar())
        )
        let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]
        #expect(try await add(skippable + zstd, ["--program", "bin/app"]).status == 0)
        let padded = try await add(
            gzip + [UInt8](repeating: 0, count: 300_000), ["--release", "1.1", "--program", "bin/app"])
        #expect(padded.status == 0, "\(padded.errors)")
        let garbage = try await add(gzip + [0, 0, 1], ["--release", "1.2"])
        #expect(garbage.status == 1 && garbage.errors.contains("gzip"), "\(garbage.errors)")
    }

    // MARK: - Versions

    @Test(arguments: [
        (["1.0.0-rc.1", "1.0.0", "1.1.0-alpha", "1.1.0"], "semver"), (["1.0.0", "1.1.0-rc.1", "1.1.0"], "semver"),
        (["1.0rc1", "1.0", "1.0.post1", "1.1.dev1"], "pep440"), (["1.0~rc1", "1.0", "1.0-1"], "debian"),
        (["1:1.0~rc1", "1:1.0", "1:1.0-1"], "debian"), (["20260901", "20261001rc1", "20261001", "20261001.2"], "date"),
        (["2026-09-01", "2026-10-01"], "date"), (["1rc1", "1"], "pep440"),
    ]) func aSchemeIsFoundInTheNamesAndOrdersThem(_ releases: [String], _ scheme: String) async throws {
        for (index, release) in releases.enumerated() {
            let run = try await add(Self.tar { $0.file("v", release) }, ["--release", release])
            #expect(run.status == 0, "\(release): \(run.errors)")
            #expect(run.errors.contains("counter \(index + 1) of line "), "\(run.errors)")
            if index == releases.count - 1 { #expect(run.errors.contains("scheme \(scheme)."), "\(run.errors)") }
        }
        // It goes back no more, and the same again is no other package.
        let back = try await add(
            Self.tar { $0.file("v", "back") }, ["--release", releases[0], "--platform", "any-any-any"])
        #expect(back.status == 0, "another platform of a release is no new release: \(back.errors)")
        #expect(
            try await add(Self.tar { $0.file("v", releases[0]) }, ["--release", releases[0]]).errors.contains("already")
        )
    }

    @Test func anOlderVersionIsRefusedInTheOrderOfTheScheme() async throws {
        #expect(try await add(Self.tar(), ["--release", "1.0.0-rc.2"]).status == 0)
        let older = try await add(Self.tar { $0.file("v", "1") }, ["--release", "1.0.0-rc.1"])
        #expect(older.status == 1 && older.errors.contains("in the order of semver"), "\(older.errors)")
        let other = try await add(Self.tar { $0.file("v", "2") }, ["--release", "1.0.1", "--version-scheme", "pep440"])
        #expect(other.status == 1 && other.errors.contains("has semver since 1.0.0-rc.2"), "\(other.errors)")
        let none = try await add(Self.tar { $0.file("v", "3") }, ["--release", "1.1"])
        #expect(none.status == 1 && none.errors.contains("MAJOR.MINOR.PATCH"), "\(none.errors)")
    }

    @Test func aSchemeIsChosenWhereNamesLeaveItOpen() async throws {
        let open = try await add(Self.tar(), ["--release", "1.0.0-1"])
        #expect(open.errors.contains("by debian, as none is declared"), "\(open.errors)")
        let chosen = try await add(
            Self.tar(), ["--product", "other", "--release", "1.0.0-1", "--version-scheme", "semver"])
        #expect(chosen.errors.contains("scheme semver"), "\(chosen.errors)")
        #expect(
            try await add(Self.tar { $0.file("v", "2") }, ["--product", "other", "--release", "1.0.0"]).status == 0)
    }

    @Test func aNewLineSaysWhoStaysBehind() async throws {
        _ = try await add(Self.tar(), ["--release", "1.0"])
        let next = try await add(Self.tar { $0.file("v", "2") }, ["--release", "2.0"])
        for words in [
            "axle: warning: line 2 is new", "every machine on line 1 refuses 2.0", "--from-line 1", "publish remove",
        ] { #expect(next.errors.contains(words), "\(words) is not in: \(next.errors)") }
        #expect(next.status == 0)
        let edge = try await add(
            Self.tar { $0.file("v", "3") }, ["--release", "3.0", "--from-line", "1", "--from-line", "2"])
        #expect(edge.status == 0 && !edge.errors.contains("warning"), "\(edge.errors)")
    }

    /// A line whose first release updates the older one, and whose second forgets to.
    @Test func aLaterReleaseSaysWhoStaysBehindToo() async throws {
        _ = try await add(Self.tar(), ["--release", "1.0"])
        _ = try await add(Self.tar { $0.file("v", "2") }, ["--release", "2.0", "--from-line", "1"])
        let later = try await add(Self.tar { $0.file("v", "3") }, ["--release", "2.1"])
        #expect(later.errors.contains("every machine on line 1 refuses 2.1"), "\(later.errors)")
        #expect(!later.errors.contains("is new"), "\(later.errors)")
        // No machine is meant to go back from line 2.
        let fix = try await add(Self.tar { $0.file("v", "4") }, ["--release", "1.1"])
        #expect(fix.status == 0 && !fix.errors.contains("warning"), "\(fix.errors)")
    }

    @Test func aNewLineIsInTheReportToo() async throws {
        _ = try await add(Self.tar(), ["--release", "1.0"])
        let next = try await add(Self.tar { $0.file("v", "2") }, ["--release", "2.0", "--json"])
        #expect(next.status == 0)
        #expect(next.output.contains("\"warnings\""), "\(next.output)")
        #expect(next.output.contains("every machine on line 1 refuses 2.0"), "\(next.output)")
        #expect(next.errors.isEmpty, "\(next.errors)")
        let edge = try await add(
            Self.tar { $0.file("v", "3") }, ["--release", "3.0", "--from-line", "1", "--from-line", "2", "--json"])
        #expect(edge.status == 0 && !edge.output.contains("\"warnings\""), "\(edge.output)")
    }

    /// Lines that were begun as `v1` go on, and so does what was named after an epoch of zero.
    @Test func aLineGoesOnUnderTheNameThatItHas() async throws {
        _ = try await add(Self.tar(), ["--release", "v1.0.0", "--line", "v1"])
        let next = try await add(Self.tar { $0.file("v", "2") }, ["--release", "1.1.0"])
        #expect(next.errors.contains("counter 2 of line v1"), "\(next.errors)")
        _ = try await add(Self.tar(), ["--product", "other", "--release", "v1.9.0"])
        let other = try await add(Self.tar { $0.file("v", "2") }, ["--product", "other", "--release", "1.10.0"])
        #expect(other.status == 0 && other.errors.contains("counter 2 of line 1"), "\(other.errors)")
    }

    // MARK: - Trees that are not what they seem

    @Test(arguments: [
        TarBuilder.archive { _ in },
        TarBuilder.archive {
            $0.directory("bin")
            $0.directory("lib/x")
        },
    ]) func aTreeWithoutAFileIsRefused(_ bytes: [UInt8]) async throws {
        let run = try await add(bytes)
        #expect(run.status == 1 && run.errors.contains("installs nothing"), "\(run.errors)")
        #expect(try Directory.list(Directory.join(catalog, "targets")).isEmpty)
    }

    @Test(arguments: ["tool_1%3a2.0-1_all.tar", "tool_1%3A2.0-1_all.tar", "tool_1:2.0-1_all.tar"])
    func aptsOwnFileNamesAreTaken(_ name: String) async throws {
        let run = try await add(Self.tar(), name: name, ["--release", "1:2.0-1"])
        #expect(run.errors.contains("tool/1_2.0-1/linux-x86_64-glibc/tool_2.0-1_all.tar"), "\(run.errors)")
        #expect(run.status == 0)
    }
}
