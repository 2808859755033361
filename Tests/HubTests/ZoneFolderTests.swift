import Glibc
import Hub
import Model
import Rollout
import System
import TestSupport
import Testing

/// The machine's time zones, with Python's zoneinfo as the judge.
@Suite struct ZoneFolderTests {
    /// Random times for each zone; all 10,000 take a minute: AXLE_ZONE_INSTANTS=10000.
    private static let instants = CurrentProcess.environment("AXLE_ZONE_INSTANTS").flatMap { Int($0) } ?? 100
    private static let system = "/usr/share/zoneinfo"

    /// Where a folder's zones say something else than Python's zoneinfo does, a line each; and how many zones were compared.
    private func compare(_ zones: ZoneFolder, in folder: String) throws -> (zones: Int, differences: [String]) {
        let scratch = try TemporaryFolder()
        let out = scratch.path("answers")
        let script = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        try Program.run(
            "/usr/bin/env", ["python3", "/\(script)/zone_oracle.py", "answers", folder, "\(Self.instants)", out])
        let bytes = try scratch.read("answers")
        var (place, count, state): (Int, Int, UInt64) = (0, 0, 1)
        var differences: [String] = []
        while place < bytes.count {
            let length = Int(bytes[place])
            let name = String(decoding: bytes[place + 1..<place + 1 + length], as: UTF8.self)
            place += 1 + length
            count += 1
            let zone = try zones.find(name)
            for _ in 0..<Self.instants {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let time = Int64(state >> 20) % 20_512_051_200 - 3_786_825_600
                let wanted = bytes[place..<place + 4].reversed().reduce(Int32(0)) { $0 << 8 | Int32($1) }
                place += 4
                // UTC itself is asked of no file, whatever the test has put there.
                let offset = name == "UTC" ? Int(wanted) : zone.utcOffset(at: UnixTime(seconds: time))
                if offset != Int(wanted) { differences.append("\(name) at \(time): \(offset), not \(wanted)") }
            }
        }
        return (count, differences)
    }

    @Test func everyZoneOfTheMachineSaysWhatPythonSays() throws {
        let (count, differences) = try compare(ZoneFolder(Self.system), in: Self.system)
        #expect(count > 400, "tzdata has about 600 names")
        #expect(differences.prefix(5) == [])
    }

    @Test func changedRulesCountAtOnce() throws {
        let folder = try TemporaryFolder()
        try Program.run("/bin/cp", ["-a", "\(Self.system)/.", folder.path])
        let zones = ZoneFolder(folder.path)
        #expect(try compare(zones, in: folder.path).differences.prefix(5) == [])
        let script = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        try Program.run("/usr/bin/env", ["python3", "/\(script)/zone_oracle.py", "exchange", folder.path])
        let (count, differences) = try compare(zones, in: folder.path)
        #expect(count > 400)
        #expect(differences.prefix(5) == [])
    }

    @Test func filesWithLeapSecondsSayTheSameAsThoseWithout() throws {
        let zones = ZoneFolder(Self.system)
        for name in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"] {
            let plain = try zones.find(name)
            let right = try zones.find("right/\(name)")
            // They end with the table of leap seconds that they were made with, some time after 2025.
            for step in 0..<17_356 {
                let time = UnixTime(seconds: Int64(step) * 100_003)
                #expect(right.utcOffset(at: time) == plain.utcOffset(at: time), "\(name) at \(time)")
            }
        }
    }

    @Test func theOldNamesAreZonesToo() throws {
        let zones = ZoneFolder(Self.system)
        for name in [
            "Asia/Kolkata", "Etc/UTC", "Etc/GMT+10", "UCT", "America/Argentina/Buenos_Aires", "posix/Europe/Berlin",
        ] {
            #expect(throws: Never.self, "\(name)") { try zones.find(name) }
        }
    }

    @Test(arguments: [
        "", ".", "..", "/etc/passwd", "../../../etc/passwd", "Europe/../Europe/Berlin", "Europe//Berlin", "Europe/",
        "/",
        "./UTC", "Europe/.Berlin", "a\0b", "a b", "a\nb", "Zürich", String(repeating: "a", count: 65), "~root", "%00",
        "C:UTC",
    ])
    func whatIsNoNameNeverReachesTheDisk(name: String) throws {
        // The folder is not there: a look at it would say so.
        #expect(throws: ZoneError.badName) { try ZoneFolder("/no/such/folder").find(name) }
    }

    @Test func aMachineWithoutTzdataSaysWhichPackageIsMissingAndStillKnowsUTC() throws {
        let zones = ZoneFolder("/no/such/folder")
        #expect(throws: ZoneError.noDatabase(folder: "/no/such/folder")) { try zones.find("Europe/Berlin") }
        #expect("\(ZoneError.noDatabase(folder: "/x"))".contains("install the package tzdata"))
        #expect(try zones.find("UTC").utcOffset(at: .zero) == 0)
    }

    @Test func whatIsNoZoneFileIsRefusedAndNothingWaits() throws {
        let folder = try TemporaryFolder()
        try folder.write("zone.tab", Array("# a list\n".utf8))
        try folder.write("Cut", Array("TZif2".utf8))
        try folder.write("Long", Array("TZif2".utf8) + [UInt8](repeating: 0, count: ZoneFile.lengthLimit))
        try folder.write("Empty", [])
        try Directory.create(folder.path("Folder"))
        #expect(mkfifo(folder.path("Pipe"), 0o600) == 0)
        #expect(symlink("/dev/zero", folder.path("Device")) == 0)
        #expect(symlink("Loop", folder.path("Loop")) == 0)
        #expect(symlink("nowhere", folder.path("Dangling")) == 0)
        let zones = ZoneFolder(folder.path)
        for name in ["zone.tab", "Empty", "Folder", "Pipe", "Device", "Dangling", "Missing", "zone.tab/UTC"] {
            #expect(throws: ZoneError.unknown(folder: folder.path), "\(name)") { try zones.find(name) }
        }
        for name in ["Cut", "Long"] {
            #expect(throws: ZoneError.self, "\(name)") { try zones.find(name) }
        }
        #expect(throws: ZoneError.self) { try zones.find("Loop") }
    }
}
