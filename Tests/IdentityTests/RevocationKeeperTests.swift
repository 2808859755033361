import Identity
import Model
import System
import TLS
import TestSupport
import Testing
import Trust

@Suite("Revocations on a member's disk")
struct RevocationKeeperTests {
    static func segment(_ range: ClosedRange<UInt64>) throws -> (RevocationSegment, RevocationSegment.Reference) {
        let segment = RevocationSegment(range.map { NodeID(high: 7, low: $0) })
        let sha256 = try SHA256Digest(bytes: SHA256.hash(segment.bytes))
        return (segment, RevocationSegment.Reference(role: 3, count: segment.ids.count, sha256: sha256))
    }

    static func list(
        _ number: UInt64, _ nodes: ClosedRange<UInt64>, _ segments: [RevocationSegment.Reference]
    ) throws -> RevocationList {
        try RevocationList(
            fleet: FleetName("north"), number: number, issued: .zero,
            nodes: Set(nodes.map { NodeID(high: 7, low: $0) }),
            segments: segments)
    }

    private func refused(_ keeper: RevocationKeeper) -> [UInt64] {
        [5, 15, 25, 103, 200].filter { keeper.revokes(NodeID(high: 7, low: $0)) }
    }

    @Test func aKillBetweenSegmentsLetsNobodyIn() throws {
        let folder = try TemporaryFolder()
        let (a, ra) = try Self.segment(1...10)
        let (b, rb) = try Self.segment(11...20)
        let (c, rc) = try Self.segment(21...30)
        let first = try Self.list(1, 100...105, [ra])
        var keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: nil)
        try keeper.take(first)
        try keeper.take(segment: a.bytes, as: ra)
        #expect(refused(keeper) == [5, 103])

        // What was loose is in a segment now, and the process ends before the list is kept, and after.
        let second = try Self.list(2, 200...200, [rb, rc])
        try keeper.take(second)
        for list in [first, second] {
            keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: list)
            #expect(keeper.revokes(NodeID(high: 7, low: 5)) && keeper.revokes(NodeID(high: 7, low: 103)))
            if list == first { try keeper.take(second) }
        }
        try keeper.take(segment: b.bytes, as: rb)
        keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: second)
        #expect(refused(keeper) == [5, 15, 103, 200] && keeper.missing == [rc])
        try keeper.take(segment: c.bytes, as: rc)
        #expect(refused(keeper) == [15, 25, 200])
        keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: second)
        #expect(refused(keeper) == [15, 25, 200] && keeper.missing.isEmpty)
        // What nothing names any more is gone.
        #expect(try Directory.list(folder.path("r")) == [rb.sha256.hex, rc.sha256.hex].sorted())
    }

    @Test func aDamagedSegmentIsFetchedAgain() throws {
        let folder = try TemporaryFolder()
        let (a, ra) = try Self.segment(1...10)
        let (b, rb) = try Self.segment(11...20)
        let list = try Self.list(1, 100...105, [ra, rb])
        var keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: list)
        try keeper.take(segment: a.bytes, as: ra)
        try keeper.take(segment: b.bytes, as: rb)
        for damage in [[UInt8](), Array(a.bytes.dropLast()), a.bytes + a.bytes, Array(a.bytes.reversed())] {
            try AtomicFile.write(damage, to: folder.path("r/\(ra.sha256.hex)"))
            try AtomicFile.write([1], to: folder.path("r/nobody knows"))
            keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: list)
            #expect(keeper.missing == [ra] && refused(keeper) == [15, 103])
            try keeper.take(segment: a.bytes, as: ra)
            #expect(refused(keeper) == [5, 15, 103])
        }
    }

    @Test func carriedIDsAreNeverWrittenBeyondWhatIsRead() throws {
        let folder = try TemporaryFolder()
        let (_, ra) = try Self.segment(1...10)
        var keeper = try RevocationKeeper(
            folder: folder.path("r"), role: nil, list: nil, carriedLimit: 20)
        // Each list names ten new ids, while a segment is missing.
        for number in 1...3 as ClosedRange<UInt64> {
            try keeper.take(try Self.list(number, number * 100...number * 100 + 9, [ra]))
        }
        let third = try #require(keeper.list)
        var refusal: SystemError?
        do { try keeper.take(try Self.list(4, 400...409, [ra])) } catch { refusal = error as? SystemError }
        #expect(refusal?.errno == .tooLarge)
        #expect(refusal?.text?.contains("list 4 is not taken: 30 ids") == true)
        // Nothing has changed, now and after a restart.
        for _ in 0..<2 {
            #expect(keeper.list == third && !keeper.revokes(NodeID(high: 7, low: 405)))
            for low in [105, 205, 305] as [UInt64] { #expect(keeper.revokes(NodeID(high: 7, low: low))) }
            keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: third, carriedLimit: 20)
        }
        #expect(keeper.damage.isEmpty)
    }

    @Test func moreCarriedIDsThanAreReadAreAnErrorThatSaysSo() throws {
        let folder = try TemporaryFolder()
        let (_, ra) = try Self.segment(1...10)
        let list = try Self.list(1, 100...105, [ra])
        _ = try RevocationKeeper(folder: folder.path("r"), role: nil, list: list)
        let ids = RevocationSegment((1...21).map { NodeID(high: 9, low: $0) })
        try AtomicFile.write(ids.bytes, to: folder.path("r/carried"))
        var refusal: SystemError?
        do {
            _ = try RevocationKeeper(folder: folder.path("r"), role: nil, list: list, carriedLimit: 20)
        } catch { refusal = error }
        #expect(refusal?.errno == .tooLarge && refusal?.path == folder.path("r/carried"))
        #expect(refusal?.text?.contains("move it away") == true)
        // One that is damaged is left out, and that is said.
        try AtomicFile.write(Array(ids.bytes.reversed().prefix(160)), to: folder.path("r/carried"))
        let keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: list, carriedLimit: 20)
        #expect(keeper.damage.count == 1 && keeper.damage[0].contains("carried is damaged"))
    }

    /// A hostile hub names another segment with each list, and one that it never gives.
    @Test func segmentsOfEarlierListsAreKeptUpToALimit() throws {
        let folder = try TemporaryFolder()
        let (last, missing) = try Self.segment(1...10)
        var keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: nil, outdatedLimit: 3)
        func files() throws -> Int { try Directory.list(folder.path("r")).count { $0 != "carried" } }
        var refusal: SystemError?
        var accepted: RevocationList?
        for number in 1...10 as ClosedRange<UInt64> {
            let (segment, reference) = try Self.segment(number * 1_000...number * 1_000 + 9)
            let list = try Self.list(number, 100...100, [reference, missing])
            do {
                try keeper.take(list)
                accepted = list
            } catch {
                refusal = refusal ?? error
            }
            try keeper.take(segment: segment.bytes, as: reference)
        }
        #expect(accepted?.number == 4 && keeper.list == accepted && refusal?.errno == .tooLarge)
        #expect(refusal?.text?.contains("list 5 is not taken: 4 segments") == true)
        // Three of earlier lists and the newest one's; what no list names was not kept either.
        #expect(try files() == 4)
        for _ in 0..<2 {
            for number in 1...4 as ClosedRange<UInt64> { #expect(keeper.revokes(NodeID(high: 7, low: number * 1_000))) }
            #expect(!keeper.revokes(NodeID(high: 7, low: 5_000)))
            keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: accepted, outdatedLimit: 3)
        }
        // More than the limit, of a release without one, are read, and do not grow.
        keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: accepted, outdatedLimit: 2)
        let (_, fifth) = try Self.segment(50...59)
        #expect(throws: SystemError.self) { try keeper.take(try Self.list(5, 100...100, [fifth, missing])) }
        #expect(keeper.revokes(NodeID(high: 7, low: 1_000)))
        // The missing segment ends it.
        try keeper.take(segment: last.bytes, as: missing)
        try keeper.take(try Self.list(5, 100...100, [fifth, missing]))
        #expect(try files() == 2 && keeper.list?.number == 5)
    }

    @Test func aSegmentThatTheNewestListNoLongerNamesIsNotKept() throws {
        let folder = try TemporaryFolder()
        let (a, ra) = try Self.segment(1...10)
        let (_, rb) = try Self.segment(11...20)
        let keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: try Self.list(1, 100...105, [ra]))
        // Fetched for the first list, and here after the second.
        try keeper.take(try Self.list(2, 200...200, [rb]))
        try keeper.take(segment: a.bytes, as: ra)
        #expect(refused(keeper) == [103, 200] && keeper.file(named: ra.name) == nil)
        #expect(try Directory.list(folder.path("r")) == ["carried"])
    }

    @Test func hostileBytesChangeNothing() throws {
        let folder = try TemporaryFolder()
        let (a, ra) = try Self.segment(1...10)
        let keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: try Self.list(1, 100...105, [ra]))
        for bytes in [
            [], Array(a.bytes.dropLast(16)), a.bytes + a.bytes, Array(a.bytes.reversed()),
            [UInt8](repeating: 0xFF, count: a.bytes.count), [UInt8](repeating: 0, count: 1 << 20),
        ] {
            #expect(throws: RecordError.self) { try keeper.take(segment: bytes, as: ra) }
        }
        #expect(keeper.missing == [ra] && refused(keeper) == [103])
        #expect(try Directory.list(folder.path("r")).isEmpty)
        #expect(keeper.file(named: ra.name) == nil && keeper.file(named: "timestamp.json") == nil)
        try keeper.take(segment: a.bytes, as: ra)
        #expect(keeper.file(named: ra.name) == a.bytes)
    }

    @Test func serialsAreRefusedAndACountIsKept() throws {
        let folder = try TemporaryFolder()
        let (a, ra) = try Self.segment(1...10)
        let list = try RevocationList(
            fleet: FleetName("north"), number: 1, issued: .zero, nodes: [], serials: [[1, 2]], segments: [ra])
        let keeper = try RevocationKeeper(folder: folder.path("r"), role: nil, list: nil)
        try keeper.take(list)
        try keeper.take(segment: a.bytes, as: ra)
        #expect(keeper.count == 10 && keeper.list == list)
        #expect(keeper.revokes(NodeID(high: 1, low: 1), serial: [0, 1, 2]))
        #expect(!keeper.revokes(NodeID(high: 1, low: 1), serial: [1]))
    }
}
