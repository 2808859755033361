import Model
import Testing

/// Debian's order of versions, as deb-version(7) writes it and dpkg does it.
struct VersionTests {
    /// Left, order, right.
    static let vectors: [(String, Int, String)] = [
        ("1.0", 0, "1.0"), ("1.0", 0, "1.00"), ("1.0", -1, "1.1"), ("1.9", -1, "1.10"), ("1.0~rc1", -1, "1.0"),
        ("1.0~~", -1, "1.0~"), ("1.0~~a", -1, "1.0~"), ("1.0~", -1, "1.0"), ("1.0", -1, "1.0a"), ("1.0a", -1, "1.0b"),
        ("1.0a", -1, "1.0+"), ("1.0+", 1, "1.0-1+b1"), ("1:0.1", 1, "9.9"), ("0:1.0", 0, "1.0"),
        ("1.0-1", -1, "1.0-2"),
        ("1.0-1", 1, "1.0"), ("1.0-0", 0, "1.0"), ("1.0-1~bpo1", -1, "1.0-1"), ("1.0-1-1", 1, "1.0-1"),
        ("0.12.1", -1, "0.12.10"), ("2.0.0", 1, "2.0.0~beta2"), ("1.2.3+dfsg", 1, "1.2.3"), ("1.0A", -1, "1.0a"),
        ("8.1.0.0", -1, "8.1.10.0"), ("007", 0, "7"), ("1.a", -1, "1.a0.1"), ("1.a", 0, "1.a0"),
        ("99999999999999999999", -1, "100000000000000000000"),
        ("0:1.0:2", 1, "1.0"), ("0:1.18.36:5.4", -1, "0:1.18.36:5.5"), ("3.2.1-1.~exp1", -1, "3.2.1-1.1"),
    ]

    @Test(arguments: vectors) func ordersAsTheTableSays(_ left: String, _ order: Int, _ right: String) throws {
        let a = try Version(left)
        let b = try Version(right)
        #expect(a.compare(b) == order)
        #expect(b.compare(a) == -order)
        #expect((a == b) == (order == 0))
        if order == 0 { #expect(a.hashValue == b.hashValue) }
    }

    @Test func agreesWithDpkg() throws {
        for (left, order, right) in Self.vectors { try Dpkg.expect(left, order, right) }
    }

    @Test func isATotalOrder() throws {
        let all = try Self.vectors.filter { !$0.0.contains(":") }.flatMap { [try Version($0.0), try Version($0.2)] }
        for a in all {
            for b in all {
                #expect(a.compare(b) == -b.compare(a))
                for c in all where a <= b && b <= c { #expect(a <= c) }
            }
        }
    }

    @Test(arguments: [
        "", ":1", "a:1", "4294967296:1", "1.0-", "-1", "1 0", "1\u{0}", "1/2", "ü", ".1",
        String(repeating: "1", count: 129),
    ])
    func refuses(_ text: String) { #expect(throws: ModelError.self) { try Version(text) } }

    @Test(arguments: ["1", "v1.0", "2024-01-01", "1.0_2", "1-"]) func everyReleaseNameIsAVersion(_ text: String) throws
    {
        let version = Version(try ReleaseName(text))
        #expect(version.description == text)
        #expect(version.compare(version) == 0)
    }

    @Test(arguments: [
        ("*", "1.0", true), (">=1.0", "1.0", true), (">=1.0 <2.0", "2.0", false), (">=1.0, <2.0", "1.9.9", true),
        ("= 1.0", "1.00", true), ("<<2.0", "2.0~rc1", true), (">> 2.0", "2.0", false), ("<=1.0", "1.0", true),
    ]) func rangesContain(_ range: String, _ version: String, _ expected: Bool) throws {
        let parsed = try VersionRange(range)
        #expect(parsed.contains(try Version(version)) == expected)
        #expect(try VersionRange(parsed.description) == parsed)
    }

    @Test(arguments: ["", "1.0", "~1.0", ">", ">=", "=> 1", ">=1 * <2", "> = 1", "* ", ">=1>=1>=1>=1>=1>=1>=1>=1>=1"])
    func refusesRange(_ text: String) { #expect(throws: ModelError.self) { try VersionRange(text) } }
}
