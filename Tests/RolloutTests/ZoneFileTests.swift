import Model
import Rollout
import Testing

/// TZif files made byte by byte; what real ones say is compared with Python's in the hub's tests.
struct ZoneFileTests {
    /// The parts of a file; a test spoils one of them.
    struct Parts {
        var version: UInt8 = 0x32
        var times: [Int64] = [0, 1_000_000_000]
        var indices: [UInt8] = [1, 0]
        /// Offset, daylight saving, designation.
        var types: [(Int32, UInt8, UInt8)] = [(3600, 0, 0), (7200, 1, 4)]
        var characters = Array("CET\0CEST\0".utf8)
        var leaps: [(Int64, Int32)] = []
        var standardMarks: [UInt8] = []
        var footer = "\nCET-1CEST,M3.5.0,M10.5.0/3\n"
        /// Counts that the header says in the place of the real ones: UT marks, standard marks, leaps, times, types, characters.
        var counts: [Int: UInt32] = [:]

        var bytes: [UInt8] {
            version == 0 ? block(4) : block(4) + block(8) + Array(footer.utf8)
        }

        private func block(_ width: Int) -> [UInt8] {
            let real = [0, standardMarks.count, leaps.count, times.count, types.count, characters.count]
            var bytes = Array("TZif".utf8) + [version] + [UInt8](repeating: 0, count: 15)
            for (index, count) in real.enumerated() { bytes += big(Int64(counts[index] ?? UInt32(count)), 4) }
            for time in times { bytes += big(time, width) }
            bytes += indices
            for (offset, isDaylight, name) in types { bytes += big(Int64(offset), 4) + [isDaylight, name] }
            bytes += characters
            for (time, correction) in leaps { bytes += big(time, width) + big(Int64(correction), 4) }
            return bytes + standardMarks
        }

        private func big(_ value: Int64, _ width: Int) -> [UInt8] {
            (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * Int64(width - 1 - $0))) }
        }
    }

    private func offset(_ parts: Parts, _ seconds: Int64) throws -> Int {
        try ZoneFile(parts.bytes).utcOffset(at: UnixTime(seconds: seconds))
    }

    @Test(arguments: [0x32, 0x33, 0x34, 0x35] as [UInt8])
    func eachLaterVersionIsReadWithItsFooter(version: UInt8) throws {
        var parts = Parts()
        parts.version = version
        #expect(try offset(parts, -1) == 3600, "the first type holds before the first transition")
        #expect(try offset(parts, 0) == 7200)
        #expect(try offset(parts, 999_999_999) == 7200)
        // 2001-09-09 is summer by the footer, whatever the last transition says.
        #expect(try offset(parts, 1_000_000_000) == 7200)
        #expect(try ZoneFile(parts.bytes).utcOffset(at: UnixTime("2999-01-15T00:00:00Z")) == 3600)
        #expect(try ZoneFile(parts.bytes).utcOffset(at: UnixTime("2999-07-15T00:00:00Z")) == 7200)
        parts.footer = "\n\n"
        #expect(try offset(parts, 5_000_000_000) == 3600, "an empty footer leaves the last offset")
    }

    @Test func versionOneHasNoFooterAndTimesOfFourBytes() throws {
        var parts = Parts()
        parts.version = 0
        parts.times = [-1000, 1000]
        #expect(
            try [-1001, -1000, 999, 1000, 9_000_000_000].map { try offset(parts, $0) } == [
                3600, 7200, 7200, 3600, 3600,
            ])
    }

    @Test func aFileWithoutTransitionsHasItsFooterOrItsOnlyOffset() throws {
        var parts = Parts()
        (parts.times, parts.indices) = ([], [])
        #expect(try ZoneFile(parts.bytes).utcOffset(at: UnixTime("1900-07-01T00:00:00Z")) == 7200)
        parts.footer = "\n\n"
        #expect(try offset(parts, 0) == 3600)
    }

    @Test func leapSecondsAreTakenOutOfTheTimes() throws {
        var parts = Parts()
        parts.leaps = [(500, 1), (2000, 2)]
        parts.times = [100, 1000, 3000]
        parts.indices = [1, 0, 1]
        parts.footer = "\n\n"
        #expect(
            try [99, 100, 998, 999, 2997, 2998].map { try offset(parts, $0) } == [3600, 7200, 7200, 3600, 3600, 7200])
    }

    @Test func everyPrefixIsRefusedAndNoneTraps() throws {
        let bytes = Parts().bytes
        for count in 0..<bytes.count {
            #expect(throws: ZoneFileError.self, "\(count) bytes") { try ZoneFile(Array(bytes[..<count])) }
        }
        #expect(throws: ZoneFileError.self) { try ZoneFile(bytes + [0]) }
        #expect(throws: ZoneFileError.self) { try ZoneFile([UInt8](repeating: 0, count: ZoneFile.lengthLimit + 1)) }
    }

    static let spoiled: [(String, @Sendable (inout Parts) -> Void)] = [
        ("a version that does not exist", { $0.version = 1 }),
        ("times that do not ascend", { $0.times = [5, 5] }),
        ("times that go back", { $0.times = [5, 4] }),
        ("a type that does not exist", { $0.indices = [1, 2] }),
        ("an offset of more than a day and a bit", { $0.types[0].0 = 93_600 }),
        ("the least offset of 32 bits", { $0.types[0].0 = .min }),
        ("daylight saving that is neither", { $0.types[0].1 = 2 }),
        ("a designation behind the end", { $0.types[0].2 = 9 }),
        ("no type", { ($0.types, $0.times, $0.indices) = ([], [], []) }),
        ("no designation", { $0.characters = [] }),
        ("marks for some types", { $0.standardMarks = [1] }),
        ("a count of all 32 bits", { $0.counts[3] = .max }),
        ("another count of all 32 bits", { $0.counts[5] = .max }),
        ("leap seconds that go back", { $0.leaps = [(9, 1), (8, 2)] }),
        ("a time that the leap seconds move out of range", { ($0.times, $0.leaps) = ([.min, 0], [(.min, 1)]) }),
        ("no newline before the footer", { $0.footer = "CET-1\n" }),
        ("no newline after the footer", { $0.footer = "\nCET-1" }),
        ("no footer", { $0.footer = "" }),
        ("a footer that is no rule", { $0.footer = "\nEurope/Berlin\n" }),
        ("a byte behind the footer", { $0.footer = "\nCET-1\nx" }),
    ]

    @Test(arguments: spoiled.indices) func whatBreaksARuleIsRefused(index: Int) throws {
        var parts = Parts()
        #expect(throws: Never.self) { try ZoneFile(parts.bytes) }
        let (name, spoil) = Self.spoiled[index]
        spoil(&parts)
        #expect(throws: ZoneFileError.self, "\(name)") { try ZoneFile(parts.bytes) }
    }

    @Test func anyByteMayBeAnything() {
        // Deterministic noise: no input may trap, and what is read answers at any time.
        var state: UInt64 = 1
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        let good = Parts().bytes
        for _ in 0..<5000 {
            var bytes = good
            for _ in 0..<Int(1 + next() % 4) { bytes[Int(next() % UInt64(bytes.count))] = UInt8(next() & 0xFF) }
            // Refusing is as good as reading.
            guard let zone = try? ZoneFile(bytes) else { continue }
            for time in [UnixTime.distantPast, .zero, .distantFuture] {
                #expect(abs(zone.utcOffset(at: time)) <= 167 * 3600 + 3600)
            }
        }
    }

    // MARK: Rules

    /// A zone that has nothing but this rule.
    private func rule(_ text: String) throws -> ZoneFile {
        var parts = Parts()
        (parts.times, parts.indices) = ([], [])
        parts.footer = "\n\(text)\n"
        return try ZoneFile(parts.bytes)
    }

    @Test(arguments: [
        ("UTC0", "2020-06-01T00:00:00Z", 0), ("<+0330>-3:30", "2020-06-01T00:00:00Z", 12_600),
        ("<-03>3", "1800-06-01T00:00:00Z", -10_800), ("LMT0:00:30", "2020-06-01T00:00:00Z", -30),
        ("EST5EDT,M3.2.0,M11.1.0", "2024-03-10T06:59:59Z", -18_000),
        ("EST5EDT,M3.2.0,M11.1.0", "2024-03-10T07:00:00Z", -14_400),
        ("EST5EDT,M3.2.0,M11.1.0", "2024-11-03T05:59:59Z", -14_400),
        ("EST5EDT,M3.2.0,M11.1.0", "2024-11-03T06:00:00Z", -18_000),
        // South of the equator it is summer over New Year.
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2024-01-01T00:00:00Z", 39_600),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2024-07-01T00:00:00Z", 36_000),
        // Dublin's winter time is the one that is called daylight saving.
        ("IST-1GMT0,M10.5.0,M3.5.0/1", "2024-01-01T00:00:00Z", 0),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", "2024-07-01T00:00:00Z", 3600),
        // Hours before midnight and beyond the day (RFC 8536, 3.3.1).
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2024-03-31T00:59:59Z", -7200),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2024-03-31T01:00:00Z", -3600),
        ("XXX0YYY,J60/24,J300", "2024-03-01T23:59:59Z", 0), ("XXX0YYY,J60/24,J300", "2024-03-02T00:00:00Z", 3600),
        ("XXX0YYY,59,300", "2024-02-29T02:00:00Z", 3600), ("XXX0YYY,59,300", "2023-03-01T01:59:59Z", 0),
        // Daylight saving all year.
        ("XXX3EDT4,0/0,J365/23", "2024-01-01T04:00:00Z", -14_400),
        ("XXX3EDT4,0/0,J365/23", "2024-12-31T23:59:59Z", -14_400),
        ("XXX3EDT4,0/0,J365/23", "2025-01-01T03:00:00Z", -14_400),
    ])
    func aRuleOfTheFooterHolds(text: String, time: String, offset: Int) throws {
        #expect(try rule(text).utcOffset(at: UnixTime(time)) == offset)
    }

    @Test(
        arguments: [
            "", "CE-1", "CET", "CET-25", "CET-1:60", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,M10.5.0/168",
            "<CET-1",
            "<C>-1", "CET-1CEST,M13.1.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
            "CET-1CEST,J0,J9",
            "CET-1CEST,J366,J9", "CET-1CEST,366,9", "CET-1CEST,M3.5.0,M10.5.0,", "CET-1 ", "CET1000",
            "CET-1CEST,M3.5.0,M10.5.0/",
            "\u{e9}\u{e9}\u{e9}-1",
        ].dropFirst())
    func aFooterThatIsNoRuleIsRefused(text: String) {
        #expect(throws: ZoneFileError.self) { try rule(text) }
    }
}
