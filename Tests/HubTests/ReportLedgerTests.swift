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
        #expect(try ReportLedger(highest: 70, encoded: ledger.encoded) == ledger)
        #expect(try ReportLedger(highest: 7, encoded: nil) == ReportLedger(highest: 7))
        for bad in [[], [0xA0], Array(ledger.encoded.dropLast())] as [[UInt8]] {
            #expect(throws: (any Error).self) { try ReportLedger(highest: 70, encoded: bad) }
        }
    }
}
