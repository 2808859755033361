import Foundation
import Model
import TestSupport
import Testing

/// The order of versions in each scheme, from its specification and against its own tools.
struct VersionSchemeTests {
    private static let root = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()

    private static func compare(_ left: String, _ right: String, _ scheme: VersionScheme) throws -> Int {
        func version(_ text: String) throws -> Version {
            guard scheme != .date else { return try Version(text) }
            // An epoch behind a v is read by PEP 440 alone, and is in no release's name.
            let text = scheme == .pep440 && "vV".contains(text.prefix(1)) ? String(text.dropFirst()) : text
            return try Version(VersionText.withColon(text))
        }
        return try version(left).compare(try version(right), in: scheme)
    }

    /// Ascending, strictly.
    private static func expectAscending(_ texts: [String], _ scheme: VersionScheme) throws {
        for (index, left) in texts.enumerated() {
            #expect(scheme.isVersion(left), "\(left)")
            for (other, right) in texts.enumerated() {
                #expect(
                    try compare(left, right, scheme) == (index - other).signum(), "\(left) and \(right), \(scheme.name)"
                )
            }
        }
    }

    /// The chains of semver 2.0.0, section 11, and what follows from its rules.
    @Test(arguments: [
        ["1.0.0", "2.0.0", "2.1.0", "2.1.1"],
        [
            "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
            "1.0.0-rc.1", "1.0.0",
        ],
        ["1.0.0-0.3.7", "1.0.0-1", "1.0.0-99999999999999999999", "1.0.0-100000000000000000000", "1.0.0--a", "1.0.0-A"],
        ["1.0.0-rc.1", "1.0.0", "1.0.1-rc.1", "v1.0.1", "1.9.0", "1.10.0-rc.2", "1.10.0-rc.10", "v1.10.0"],
    ]) func semanticVersionsAscend(_ texts: [String]) throws { try Self.expectAscending(texts, .semver) }

    @Test func buildMetadataTakesNoPart() throws {
        #expect(try Self.compare("1.0.0+20130313144700", "1.0.0+21AF26D3---117B344092BD", .semver) == 0)
        #expect(try Self.compare("1.0.0-rc.1+5", "1.0.0+4", .semver) == -1)
    }

    @Test(arguments: [
        "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0-a..b", "1.0.0+", "1.0.0-a_b", "1.0.0rc1",
        "V1.0.0",
        "a.b.c", "", "1.0.0 ", "1.0.0-ü", "1.0.0+a+b", "1.-0.0", String(repeating: "1", count: 130) + ".0.0",
    ]) func isNoSemanticVersion(_ text: String) { #expect(!VersionScheme.semver.isVersion(text)) }

    /// The order that PEP 440 gives as an example ("Summary of permitted suffixes and relative ordering").
    @Test func pythonVersionsAscend() throws {
        try Self.expectAscending(
            [
                "1.dev0", "1.0.dev456", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456", "1.0b2",
                "1.0b2.post345.dev456", "1.0b2.post345", "1.0rc1.dev456", "1.0rc1", "1.0", "1.0+abc.5", "1.0+abc.7",
                "1.0+5", "1.0.post456.dev34", "1.0.post456", "1.0.15", "1.1.dev1", "1!0.1",
            ], .pep440)
        #expect(try Self.compare("1.0", "1.0.0", .pep440) == 0)
        #expect(try Self.compare("1_0.5", "1!0.5.0", .pep440) == 0)
    }

    /// Texts of a grammar that is wider than PEP 440's, the same in every run.
    private static func pythonTexts() -> [String] {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        func pick(_ choices: [String]) -> String {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return choices[Int(state >> 33) % choices.count]
        }
        let numbers = ["0", "1", "2", "10", "007", "20261001", "99999999999999999999999"]
        return (0..<600).map { _ in
            var text = pick(["", "", "", "v", "V"]) + pick(["", "", "", "", "1!", "0!"]) + pick(numbers)
            for _ in 0..<(Int(pick(["0", "1", "1", "2"])) ?? 0) { text += "." + pick(numbers) }
            let sign = ["", "", ".", "-", "_"]
            text += pick(["", "", pick(sign) + pick(["a", "ALPHA", "b", "beta", "c", "rc", "pre", "preview", "x"])])
            if text.last?.isLetter == true { text += pick(sign) + pick(["", "0", "1", "2", "10"]) }
            text += pick([
                "", "", "", pick(sign) + pick(["post", "rev", "r"]) + pick(sign) + pick(["", "1", "2"]), "-1",
            ])
            text += pick(["", "", "", pick(sign) + "dev" + pick(sign) + pick(["", "1", "2"])])
            return text + pick(["", "", "", "+abc", "+1.2", "+1-a", "+a_10", "+", "+a..b"])
        }
    }

    @Test func agreesWithPackagingOfPyPI() throws {
        let texts = Self.pythonTexts() + ["1.0-rc.1", "1.0.0-rc.1", "1.0..1", "1.0.", "1.0-", "1.0_", "1rc", "1.0-1-1"]
        let input = [UInt8](try JSONEncoder().encode(texts))
        let peer = try TestProcess.run(
            "\(Self.root)/.venv/bin/python3", ["\(Self.root)/Tests/Peers/version_peer.py"], input: input)
        try #require(peer.status == 0, "\(peer.errors)")
        let rows = try JSONDecoder().decode([[Int]?].self, from: Data(peer.output.utf8))
        #expect(rows.map { $0 != nil } == texts.map(VersionScheme.pep440.isVersion))
        let valid = zip(texts, rows).filter { $0.1 != nil }.enumerated()
            // PEP 440 has versions that end with -, and a `Version` does not.
            .filter { !$0.element.0.hasSuffix("-") }
        #expect(valid.count > 300)
        for (_, (left, row)) in valid {
            for (column, (right, _)) in valid {
                #expect(try Self.compare(left, right, .pep440) == row?[column], "\(left) and \(right)")
            }
        }
    }

    @Test(arguments: [
        ["20260901", "20260930", "20261001rc1", "20261001", "20261001.1", "20261001.2", "20261001.10", "20261002"],
        ["2026-09-30", "20261001", "2026-10-02", "2026.10.03", "2026_10_04"],
        ["202609", "202610", "20261001", "20261001T0930", "20261001093100", "20261001T12"],
        ["20261001", "20261001-1", "20261001-2"],
        ["2026.1.31", "2026.9.1", "2026.09.30", "2026.10.1", "2026.10.1.2", "2026.10.2", "2026.10.10"],
        ["2026-1-5rc1", "2026-1-5", "2026_1_6", "2026-01-07"],
    ]) func datesAscend(_ texts: [String]) throws { try Self.expectAscending(texts, .date) }

    @Test(arguments: [
        "20261301", "20260230", "2026-13-01", "17908128", "1790812800", "2026", "26-10-01", "1.0", "20261001x",
        "2026.13.1",
        "2026.2.30", "2026.10.001", "2026.010.1", "2026.10-1", "2026.0.1", "2026.1.0", "2026..1", "2026.1.",
    ])
    func isNoDate(_ text: String) { #expect(!VersionScheme.date.isVersion(text)) }

    @Test(arguments: [("2026.10.1", "2026.10.01"), ("2026-1-5", "20260105"), ("2026_10_1", "2026-10-01")])
    func partsOfADayAreNumbers(_ left: String, _ right: String) throws {
        #expect(try Self.compare(left, right, .date) == 0)
    }

    @Test func debianVersionsAscend() throws {
        try Self.expectAscending(
            ["1.0~rc1-1", "1.0~rc1-2", "1.0-1~bpo1", "1.0-1", "1.0-1+b1", "1.1-1", "1:0.9-1", "1_0.9-2", "2:0.1"],
            .debian)
    }

    @Test(arguments: ["v1.0", "1.0_2", "a", "1:", "1:v2", "1_"]) func isNoDebianVersion(_ text: String) {
        #expect(!VersionScheme.debian.isVersion(text))
    }

    /// deb-version(7) and policy 5.6.12, by Debian's own program; the name of a release is what its
    /// version is.
    @Test func agreesWithDpkgOnGeneratedVersions() throws {
        var state: UInt64 = 42
        func pick(_ choices: [String]) -> String {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return choices[Int(state >> 33) % choices.count]
        }
        let parts = ["0", "1", "9", "10", "00", "a", "Z", "~", "~~", "+", ".", "rc", "-1", ".0"]
        for _ in 0..<200 {
            let texts = (0..<2).map { _ in
                pick(["", "", "0:", "00:", "1:", "01:", "2:"]) + pick(["0", "1", "10"]) + pick(parts) + pick(parts)
                    + pick(["", "-1", "-1~x"])
            }
            let order = try Self.compare(texts[0], texts[1], .debian)
            try Dpkg.expect(texts[0], order, texts[1])
            // What has two dots in a row is the name of no release.
            guard !texts.contains(where: { $0.contains("..") }) else { continue }
            let releases = try texts.map { Version(try VersionText.release($0), in: .debian) }
            #expect(releases[0].compare(releases[1], in: .debian) == order, "as releases: \(texts)")
        }
    }

    /// Any name has a place, also beside versions of the scheme: hostile data must not make an order that is none.
    @Test(arguments: VersionScheme.allCases) func isATotalOrder(_ scheme: VersionScheme) throws {
        let texts = [
            "1.0.0", "1.0.0-rc.1", "1.0", "1.0rc1", "x", "20261001", "2026-10-01", "1.0~rc1", "v1", "1:2", "zz9",
        ]
        let all = try texts.map { try Version($0) }
        for a in all {
            for b in all {
                let order = a.compare(b, in: scheme)
                #expect(order == -b.compare(a, in: scheme))
                for c in all where order <= 0 && b.compare(c, in: scheme) <= 0 {
                    #expect(a.compare(c, in: scheme) <= 0)
                }
            }
        }
    }
}
