import Model
import Testing
import Trust

@Suite struct RenewalScheduleTests {
    private let begins = UnixTime(seconds: 1_800_000_000)
    private func day(_ number: Int64) -> UnixTime { begins + .seconds(number * 86_400) }
    private func schedule(share: UInt8 = 0, isUnderIssuingRoot: Bool = true) -> RenewalSchedule {
        RenewalSchedule(begins: begins, ends: day(90), isUnderIssuingRoot: isUnderIssuingRoot, share: share)
    }

    @Test func aCertificateIsRenewedAtHalfOfItsLifeSpreadOverSomeDays() {
        #expect(schedule().need(at: day(45) - .seconds(1), word: day(45), hasNews: false) == .nothing)
        #expect(schedule().need(at: day(45), word: day(45), hasNews: false) == .certificate)
        #expect(schedule(share: 255).need(at: day(49), word: day(49), hasNews: false) == .nothing)
        #expect(schedule(share: 255).need(at: day(50), word: day(50), hasNews: false) == .certificate)
    }

    @Test func aCertificateUnderAnotherRootIsRenewedAtOnce() {
        #expect(
            schedule(isUnderIssuingRoot: false).need(at: day(1), word: day(1), hasNews: false) == .certificate)
    }

    @Test func aCertificateThatAWrongClockHasDatedIsRenewedAtOnce() {
        #expect(schedule().need(at: begins - .seconds(1), word: begins, hasNews: false) == .certificate)
        let long = RenewalSchedule(begins: begins, ends: day(3650), isUnderIssuingRoot: true, share: 0)
        #expect(long.need(at: day(1), word: day(1), hasNews: false) == .certificate)
    }

    @Test func theHubsWordIsAskedForDailyAndWhenThereIsNews() {
        #expect(schedule().need(at: day(2), word: nil, hasNews: false) == .word)
        #expect(schedule().need(at: day(2), word: day(1), hasNews: false) == .word)
        #expect(schedule().need(at: day(2), word: day(2), hasNews: true) == .word)
        #expect(schedule().need(at: day(2), word: day(2), hasNews: false) == .nothing)
    }
}
