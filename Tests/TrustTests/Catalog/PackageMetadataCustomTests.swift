import Codec
import Model
import TestSupport
import Testing
import Trust

@Suite("Custom data of targets")
struct PackageMetadataCustomTests {
    /// Metadata in which nothing has its default.
    static func full() throws -> PackageMetadata {
        PackageMetadata(
            product: try ProductName("ruff"), release: try ReleaseName("0.12.0"), line: try LineName("0"),
            versionScheme: .semver, counter: 12,
            platform: try Platform(os: "linux", arch: "x86_64", libc: "glibc"), kind: .tree, severity: .hotfix,
            content: PackageContent(
                coding: .zstd, length: ByteCount(1000),
                sha256: try SHA256Digest(bytes: Array(repeating: 7, count: 32))),
            unpackedSize: ByteCount(30_000_000),
            requires: PackageRequirements(
                versions: try VersionRange(">=0.11 <0.13"), fromLines: [try LineName("00")], freshInstall: false,
                dependencies: [ProductRange(product: try ProductName("python"), versions: try VersionRange(">=3.8"))],
                conflicts: [ProductRange(product: try ProductName("flake8"))], scheduler: true, root: true,
                freeSpace: ByteCount(1 << 30)),
            floor: Floor(release: try ReleaseName("0.11.0"), counter: 11),
            install: InstallSteps(
                services: ["ruff-server.service"], restart: .service,
                health: HealthCheck(argv: ["bin/ruff", "--version"], timeoutSeconds: 10), program: "bin/ruff",
                migration: ["keepCache": "yes", "a": "é"]),
            detection: [
                DetectionRule(source: .dpkg, value: "ruff"), DetectionRule(source: .file, value: "/usr/bin/ruff"),
            ],
            notes: "Fixes \"everything\".\nReally.")
    }

    static func minimal() throws -> PackageMetadata {
        PackageMetadata(
            product: try ProductName("ruff"), release: try ReleaseName("0.12.0"), line: try LineName("0"), counter: 0,
            platform: .any, kind: .deb)
    }

    @Test("reads back what it wrote, full and minimal")
    func roundTrip() throws {
        for metadata in [try Self.full(), try Self.minimal()] {
            let bytes = JSONValue.object(metadata.custom).text()
            let parsed = try #require(try JSONParser.parse(bytes, limits: JSONLimits(bytes: 10_000)).asObject)
            #expect(try PackageMetadata(custom: parsed, path: "p") == metadata)
            #expect(JSONValue.object(parsed).canonicalForm == JSONValue.object(metadata.custom).canonicalForm)
        }
        #expect(
            try Self.minimal().custom.members.map(\.name.string) == [
                "counter", "format", "kind", "line", "platform", "product", "release",
            ])
    }

    /// A later release may know more schemes; its packages are ordered as Debian orders, and not refused.
    @Test("a version scheme that is unknown counts for none")
    func unknownScheme() throws {
        var custom = try Self.full().custom
        custom.set("versionScheme", "calver")
        #expect(try PackageMetadata(custom: custom, path: "p").versionScheme == nil)
    }

    static let refused: [(String, JSONValue?)] = [
        ("versionScheme", 1),
        ("format", nil), ("format", 2), ("format", "1"), ("product", nil), ("product", "../x"), ("product", 1),
        ("release", ""), ("line", nil), ("counter", nil), ("counter", -1), ("counter", "1"), ("counter", true),
        ("platform", nil), ("platform", "linux"), ("kind", nil), ("kind", "rpm"), ("kind", 1), ("severity", "low"),
        ("content", []), ("unpackedSize", -1), ("unpackedSize", "10GB"), ("requires", []), ("floor", 1),
        ("install", []), ("detection", .object(JSONObject())), ("detection", ["x"]), ("notes", 1),
        ("notes", .string(JSONText(String(repeating: "x", count: 4097)))),
        ("floor", RepositorySimulator.object([("release", "9"), ("counter", 13)])),
        ("floor", RepositorySimulator.object([("release", "9")])),
        ("requires", RepositorySimulator.object([("gpu", true)])),
        ("requires", RepositorySimulator.object([("versions", "~1")])),
        ("requires", RepositorySimulator.object([("freshInstall", 1)])),
        ("requires", RepositorySimulator.object([("fromLines", ["a/b"])])),
        ("requires", RepositorySimulator.object([("dependencies", [RepositorySimulator.object([])])])),
        (
            "requires",
            RepositorySimulator.object([
                ("conflicts", [RepositorySimulator.object([("product", "a"), ("unless", "b")])])
            ])
        ),
        ("install", RepositorySimulator.object([("script", "rm")])),
        ("install", RepositorySimulator.object([("program", "/bin/sh")])),
        ("install", RepositorySimulator.object([("program", "bin/../../sh")])),
        ("install", RepositorySimulator.object([("services", ["a b"])])),
        ("install", RepositorySimulator.object([("restart", "always")])),
        ("install", RepositorySimulator.object([("health", RepositorySimulator.object([("argv", [])]))])),
        (
            "install",
            RepositorySimulator.object([
                ("health", RepositorySimulator.object([("argv", []), ("timeoutSeconds", 1)]))
            ])
        ),
        (
            "install",
            RepositorySimulator.object([
                ("health", RepositorySimulator.object([("argv", ["x"]), ("timeoutSeconds", 3601)]))
            ])
        ),
        ("install", RepositorySimulator.object([("migration", RepositorySimulator.object([("a", 1)]))])),
        (
            "install",
            RepositorySimulator.object([
                ("migration", RepositorySimulator.object([("e\u{301}", "1"), ("\u{e9}", "2")]))
            ])
        ),
        ("platform", RepositorySimulator.object([("os", "linux"), ("arch", "x"), ("libc", "g"), ("bits", 16)])),
        ("detection", [RepositorySimulator.object([("source", "registry"), ("value", "x")])]),
    ]

    @Test("refuses members that are missing, of the wrong kind or out of range", arguments: refused)
    func refuses(name: String, value: JSONValue?) throws {
        var custom = try Self.full().custom
        if let value { custom.set(JSONText(name), value) } else { custom.remove(JSONText(name)) }
        #expect(throws: MetadataError.self) { try PackageMetadata(custom: custom, path: "p") }
    }

    @Test("passes over members that newer catalogs may have, where they cannot forbid anything")
    func unknownMembers() throws {
        var custom = try Self.full().custom
        custom.set("homepage", "https://example.org")
        #expect(try PackageMetadata(custom: custom, path: "p") == Self.full())
    }

    @Test("a package whose path and data disagree is refused")
    func packagePath() throws {
        let bytes = Array("x".utf8)
        func target(_ path: String) throws -> TargetFile {
            TargetFile(
                path: JSONText(path), length: 1, hashes: FileHashes(sha256: TestDigester().sha256(bytes)),
                custom: try Self.full().custom)
        }
        #expect(try Package(target("ruff/0.12.0/linux-x86_64-glibc/f")).metadata == Self.full())
        for path in [
            "uv/0.12.0/linux-x86_64-glibc/f", "ruff/0.13.0/linux-x86_64-glibc/f", "ruff/0.12.0/linux-arm64-glibc/f",
            "ruff/0.12.0/linux-x86_64-glibc", "ruff/0.12.0/linux-x86_64-glibc/f/g", "../0.12.0/linux-x86_64-glibc/f",
        ] {
            #expect(throws: MetadataError.self) { try Package(try target(path)) }
        }
    }
}

extension PackageMetadataCustomTests {
    @Test("the JSON Schema accepts what is written, and refuses what the reader refuses by form")
    func schema() throws {
        let file = try Program.run("/bin/cat", ["\(PythonPeerTests.root)/docs/formats/target-custom.schema.json"])
        let schema = try JSONParser.parse(file, limits: JSONLimits(bytes: 100_000))
        var values: [JSONValue] = [.object(try Self.full().custom), .object(try Self.minimal().custom)]
        // What only code can judge: relations between members, the grammar of ranges, safe paths, normalised names.
        let beyondForm: Set<String> = ["floor", "versions", "program", "migration", "argv"]
        for (name, value) in Self.refused {
            if name == "floor", value?.asObject?["counter"] != nil { continue }
            if let members = value?.asObject?.members, members.contains(where: { beyondForm.contains($0.name.string) })
            {
                continue
            }
            var custom = try Self.full().custom
            if let value { custom.set(JSONText(name), value) } else { custom.remove(JSONText(name)) }
            values.append(.object(custom))
        }
        let answers = try PythonPeerTests.peer(
            "schema", RepositorySimulator.object([("schema", schema), ("values", .array(values))]))
        let accepted = try #require(answers.asArray)
        #expect(accepted.count == values.count)
        for (index, answer) in accepted.enumerated() {
            #expect(answer == .bool(index < 2), "\(String(decoding: values[index].text(), as: UTF8.self))")
        }
    }
}
