import Model
import Testing

/// What the names of releases show: the scheme where it is clear, the line, the epoch.
struct VersionDetectionTests {
    @Test(
        arguments: [
            (["1.0.0-rc.1"], .semver), (["1.0.0", "1.1.0-beta.2"], .semver), (["v2.0.0-alpha"], .semver),
            (["1.0.0-rc9"], .pep440), (["1.0.0-rc9", "1.0.0-rc10", "1.0.0"], .pep440),
            (["1.0rc1"], .pep440), (["1.0", "1.1.dev3"], .pep440), (["1.0", "1.1.0-rc.1"], .pep440),
            (["1.0.0.rc1", "1.0.0-rc.1"], .pep440), (["1.0.post1"], .pep440), (["1!2.0"], .pep440),
            (["1.0~rc1"], .debian), (["1:2.0"], .debian), (["1.0", "1.1~beta"], .debian),
            // A leading v is no number of Debian's; both schemes that know it ignore it.
            (["v1.2.3"], .semver), (["v1.2.3", "1.10.0"], .semver), (["v1.2"], .pep440), (["v1.9.0", "v2.0"], .pep440),
            (["v1.2.3-1"], nil), (["v1.0.2a"], nil), (["v1.2.3", "1.0~rc1"], nil),
            (["20261001"], .date), (["2026-10-01", "20261002.1"], .date),
            // Every scheme orders these alike, or two order them differently: nothing is clear.
            (["1.0"], nil), (["1.0.0"], nil), (["1.0.0-1"], nil), (["1.0.2a"], nil), (["1.0-r1"], nil),
            (["2026.10.01"], nil),
            (["1.0.0+dfsg"], nil), (["1.0.0-rc.1", "1.0~rc1"], nil), (["1.0rc1", "foo"], nil),
            (["20261001", "1.0"], nil),
            ([], nil), (["r12"], nil),
        ] as [([String], VersionScheme?)]) func detects(_ names: [String], _ scheme: VersionScheme?)
    {
        #expect(VersionScheme.detect(names) == scheme)
    }

    @Test(arguments: [
        ("1.0", "1"), ("1.0.0-rc.1", "1"), ("1rc1", "1"), ("1~rc1", "1"), ("5-2", "5"),
        ("v1.2", "1"), ("v1.2.3", "1"), ("V2", "2"), ("v", "v"), ("version1", "version1"), ("v20261001", "main"),
        ("0_1.1", "1"), ("00_2.1", "2"), ("2026.10.1", "2026"),
        ("2024a", "2024"),
        ("20261001", "main"), ("2026-10-01", "main"), ("20261001rc1", "main"), ("1790812800", "main"), ("45", "45"),
        ("2026.10.01", "2026"), ("1_2.3", "1_2"), ("r12", "r12"),
    ]) func aLineIsWhatTheNameShows(_ release: String, _ line: String) throws {
        #expect(VersionScheme.line(of: try ReleaseName(release)) == line)
        #expect(try LineName(line).text == line)
    }

    @Test(arguments: [
        ("1:2.3-1", "1_2.3-1"), ("1!2.3", "1_2.3"), ("2.3", "2.3"), ("12:0", "12_0"), ("0:1.1", "1.1"),
        ("00:1.1-2", "1.1-2"), ("0!1.1", "1.1"), ("0_1.1", "0_1.1"), ("0:0", "0"),
    ])
    func anEpochIsInTheReleasesName(_ version: String, _ release: String) throws {
        #expect(try VersionText.release(version).text == release)
    }

    @Test(arguments: [":1", "1:", "a:1", "1:2:3", "1:~", "99999999999:1", "1!!2"]) func isNoRelease(_ text: String) {
        #expect(throws: ModelError.self) { try VersionText.release(text) }
    }

    @Test func aLeadingVChangesNeitherLineNorOrder() throws {
        let names = try ["v1.9.0", "1.10.0", "v1.11.0"].map { try ReleaseName($0) }
        #expect(Set(names.map { VersionScheme.line(of: $0) }) == ["1"])
        let order = ReleaseOrder(names)
        #expect(order.compare(names[0], names[1]) == -1)
        #expect(order.compare(names[1], names[2]) == -1)
        #expect(order.isNewest(names[2]))
    }

    @Test func aRangeIsReadInTheOrderOfAScheme() throws {
        let range = try VersionRange(">=1.0.0")
        let candidate = try Version("1.0.0-rc.1")
        #expect(range.contains(candidate))
        #expect(!range.contains(candidate, in: .semver))
        #expect(range.scheme(with: candidate) == .semver)
    }

    @Test func namesOfReleasesAloneAreOrderedByTheSchemeThatTheyShow() throws {
        let order = ReleaseOrder(try ["1.0.0", "1.0.0-rc.1", "0.9.0"].map { try ReleaseName($0) })
        #expect(order.isNewest(try ReleaseName("1.0.0")))
        #expect(!order.isNewest(try ReleaseName("1.0.0-rc.1")))
        #expect(order.compare(try ReleaseName("1.0.0-rc.1"), try ReleaseName("0.9.0")) == 1)
    }
}
