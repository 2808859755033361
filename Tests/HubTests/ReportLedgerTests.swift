import Codec
import Hub
import Model
import Testing

struct ReportLedgerTests {
    private func digest(_ counter: Int64, _ salt: UInt8 = 0) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: counter >> ($0 * 8)) ^ UInt8($0 + 1) } + [salt] + [salt]
    }

    @Test func reportsInOrderAreTakenOnce() {
        var ledger = ReportLedger()
        for counter in Int64(1)...300 {
            #expect(ledger.take(counter, digest: digest(counter)) == .next)
            #expect(ledger.take(counter, digest: digest(counter)) == .repeated)
        }
        #expect(ledger.highest == 300 && ledger.missing.isEmpty)
    }

    @Test func otherContentUnderAKnownCounterIsSeenAsFarAsDigestsAreKept() {
        var ledger = ReportLedger()
        for counter in Int64(1)...200 { _ = ledger.take(counter, digest: digest(counter)) }
        let other: [UInt8] = [9, 9, 9, 9, 9, 9, 9, 8]
        for counter in Int64(137)...200 { #expect(ledger.take(counter, digest: other) == .diverged, "\(counter)") }
        for counter in Int64(0)...136 { #expect(ledger.take(counter, digest: other) == .repeated, "\(counter)") }
    }

    @Test func everyMissingReportIsTakenOnceInWhateverOrder() {
        var ledger = ReportLedger()
        #expect(ledger.take(10, digest: digest(10)) == .gap(1...9))
        for counter in [5, 1, 9, 2, 8, 3, 7, 4, 6] as [Int64] {
            #expect(ledger.take(counter, digest: digest(counter)) == .late)
            #expect(ledger.take(counter, digest: digest(counter)) == .repeated)
        }
        #expect(ledger.missing.isEmpty)
        #expect(ledger.take(.max, digest: digest(1)) == .gap(11...Int64.max - 1))
        #expect(ledger.take(.max - 1, digest: digest(2)) == .late)
    }

    @Test func gapsAreBounded() {
        var ledger = ReportLedger()
        for step in Int64(1)...1000 { _ = ledger.take(step * 2, digest: digest(step)) }
        #expect(ledger.missing.count == 16)
        #expect(ledger.encoded.count < 4096)
    }

    @Test func itIsKeptAsItWas() throws {
        var ledger = ReportLedger()
        for counter in [1, 2, 5, 9, 70] as [Int64] { _ = ledger.take(counter, digest: digest(counter)) }
        ledger.askedAnew = UnixTime(milliseconds: 5)
        ledger.isCloneNamed = true
        #expect(ReportLedger(highest: 70, encoded: ledger.encoded) == ledger)
        #expect(ReportLedger(highest: 7, encoded: nil) == ReportLedger(highest: 7))
    }

    @Test func whatCannotBeReadCostsTheGapsAndNoReport() throws {
        var ledger = ReportLedger()
        for counter in [1, 2, 5, 9, 70] as [Int64] { _ = ledger.take(counter, digest: digest(counter)) }
        for bad in [[], [0xA0], Array(ledger.encoded.dropLast()), ledger.encoded + [0]] as [[UInt8]] {
            var repaired = ReportLedger(highest: 70, encoded: bad)
            #expect(repaired.isRepaired && repaired.highest == 70 && repaired.missing.isEmpty)
            #expect(repaired.take(70, digest: digest(70)) == .repeated)
            #expect(repaired.take(71, digest: digest(71)) == .next)
            #expect(!ReportLedger(highest: 71, encoded: repaired.encoded).isRepaired)
        }
    }

    @Test func lateReportsThatSplitGapsNeverMakeMoreThanCanBeReadBack() throws {
        // What one agent sent to stop a hub: a counter far ahead, then every other one of those left out.
        var ledger = ReportLedger()
        _ = ledger.take(1000, digest: digest(1000))
        for step in Int64(1)...400 {
            _ = ledger.take(step * 2 + 1, digest: digest(step))
            #expect(ledger.missing.count <= 16)
            #expect(ReportLedger(highest: ledger.highest, encoded: ledger.encoded) == ledger)
        }
    }

    @Test func anyOrderOfAnyCountersIsStoredAndReadBackAsItWas() throws {
        var random = SeededGenerator(state: 7)
        for _ in 0..<200 {
            var ledger = ReportLedger()
            for _ in 0..<100 {
                let ends: [Int64] = [1, 2, 3, .max, .max - 1, .max - 2, Int64.random(in: 1...200, using: &random)]
                let counter = ends.randomElement(using: &random) ?? 1
                _ = ledger.take(counter, digest: digest(counter, UInt8.random(in: 0...1, using: &random)))
            }
            #expect(ledger.encoded.count <= 1024)
            #expect(ReportLedger(highest: ledger.highest, encoded: ledger.encoded) == ledger)
        }
    }

    @Test func aLedgerOfAnEarlierReleaseWithMoreGapsIsReadAndCut() throws {
        let ranges = (1...90).map { CBOR.array([.integer(Int64($0) * 10), .integer(Int64($0) * 10 + 1)]) }
        let stored = CBOREncoder.encode(
            .record([
                1: .array(ranges), 2: .array([CBOR](repeating: .unsigned(0), count: 64)), 3: .integer(0),
                4: .bool(false),
            ]))
        let ledger = ReportLedger(highest: 1000, encoded: stored)
        #expect(!ledger.isRepaired && ledger.missing.count == 16 && ledger.missing.last == 900...901)
    }
}
