import Model
import Testing
import Trust

@Suite("Catalog rules")
struct CatalogRulesTests {
    private static func package(
        _ release: String, counter: UInt64, line: String = "1", platform: String = "linux-x86_64-glibc",
        floor: (String, UInt64)? = nil, requires: String? = nil
    ) throws -> Package {
        var package = try RepositoryTests.package("tool/\(release)/\(platform)/tool.tar", counter: counter)
        package.metadata.line = try LineName(line)
        if let (release, counter) = floor {
            package.metadata.floor = Floor(release: try ReleaseName(release), counter: counter)
        }
        if let requires { package.metadata.requires.versions = try VersionRange(requires) }
        return package
    }

    private static func refusal(_ package: Package, among others: [Package]) -> String? {
        do throws(PublishingError) {
            try CatalogRules(packages: others).check(package)
            return nil
        } catch {
            guard case .againstRule(_, let why, let next) = error, !next.isEmpty else {
                return "no next step: \(error)"
            }
            return why
        }
    }

    private let catalog: [Package]

    init() throws {
        catalog = [
            try Self.package("1.0", counter: 1), try Self.package("1.1", counter: 4),
            try Self.package("2.0", counter: 1, line: "2"),
        ]
    }

    @Test("what fits is let in")
    func fits() throws {
        for package in [
            try Self.package("1.2", counter: 5), try Self.package("1.1", counter: 4, platform: "any-any-any"),
            try Self.package("3.0", counter: 1, line: "3"),
            try Self.package("1.2", counter: 5, floor: ("1.1", 4), requires: ">=1, <2"),
        ] { #expect(Self.refusal(package, among: catalog) == nil) }
    }

    @Test("a counter twice in a line")
    func duplicateCounter() throws {
        #expect(try Self.refusal(Self.package("1.2", counter: 4), among: catalog)?.contains("1.1") == true)
    }

    @Test("a counter that falls")
    func fallingCounter() throws {
        #expect(try Self.refusal(Self.package("1.2", counter: 3), among: catalog)?.contains("step back") == true)
    }

    @Test("a final release follows its candidate in the scheme that it declares")
    func candidate() throws {
        var candidate = try Self.package("3.0.0-rc.1", counter: 1, line: "3")
        candidate.metadata.versionScheme = .semver
        var final = try Self.package("3.0.0", counter: 2, line: "3")
        #expect(Self.refusal(final, among: catalog + [candidate])?.contains("debian") == true)
        final.metadata.versionScheme = .semver
        #expect(Self.refusal(final, among: catalog + [candidate]) == nil)
        final.metadata.versionScheme = .pep440
        #expect(Self.refusal(final, among: catalog + [candidate])?.contains("has semver since 3.0.0-rc.1") == true)
        var range = try Self.package("3.0.0-rc.2", counter: 2, line: "3", requires: ">=3.0.0 <=3.0.0-rc.1")
        range.metadata.versionScheme = .semver
        #expect(Self.refusal(range, among: [])?.contains("no version can be") == true)
    }

    @Test("an older version with a higher counter")
    func olderVersion() throws {
        #expect(try Self.refusal(Self.package("1.0.5", counter: 5), among: catalog)?.contains("older version") == true)
    }

    @Test("one release, two counters or lines")
    func splitRelease() throws {
        let counter = try Self.package("1.1", counter: 5, platform: "any-any-any")
        #expect(Self.refusal(counter, among: catalog)?.contains("counter 4") == true)
        let line = try Self.package("1.1", counter: 4, line: "2", platform: "any-any-any")
        #expect(Self.refusal(line, among: catalog)?.contains("line 1") == true)
    }

    @Test("two files for one platform, and a deb for what is no Linux")
    func platformMismatch() throws {
        var other = try Self.package("1.1", counter: 4)
        other.path = try TargetPath("tool/1.1/linux-x86_64-glibc/other.tar")
        #expect(Self.refusal(other, among: catalog)?.contains("platform") == true)
        var deb = try Self.package("1.2", counter: 5, platform: "freebsd-x86_64-libc")
        deb.metadata.kind = .deb
        #expect(Self.refusal(deb, among: catalog)?.contains("freebsd") == true)
    }

    @Test("a floor that nobody can reach")
    func floors() throws {
        let absent = try Self.package("1.2", counter: 5, floor: ("0.9", 1))
        #expect(Self.refusal(absent, among: catalog)?.contains("no release") == true)
        let elsewhere = try Self.package("1.2", counter: 5, platform: "linux-aarch64-glibc", floor: ("1.1", 4))
        #expect(Self.refusal(elsewhere, among: catalog)?.contains("nobody could reach") == true)
        let floored = try Self.package("1.2", counter: 5, floor: ("1.1", 4))
        #expect(throws: PublishingError.self) {
            try CatalogRules(packages: catalog + [floored]).checkRemoval(of: catalog[1].path)
        }
        try CatalogRules(packages: catalog + [floored]).checkRemoval(of: catalog[0].path)
    }

    @Test("a range that no version is in", arguments: [">=2, <1", ">1, <1", "=1, =2"])
    func emptyRange(range: String) throws {
        let package = try Self.package("1.2", counter: 5, requires: range)
        #expect(Self.refusal(package, among: catalog)?.contains("no version") == true)
    }
}
