import Model
import Testing

@Suite("What one peer may cause")
struct PeerAllowanceTests {
    private static let rate = AllowanceRate(burst: 3, every: .seconds(10))
    private func at(_ seconds: Int64) -> UnixTime { UnixTime(seconds: 1_000_000 + seconds) }

    @Test("a burst, then one in each interval; a pause fills it again and no further")
    func rate() {
        var allowance = PeerAllowance<Int>(Self.rate)
        #expect((0..<5).map { _ in allowance.take(1, at: at(0)) } == [true, true, true, false, false])
        #expect(allowance.available(1, at: at(0)) == 0 && allowance.available(1, at: at(20)) == 2)
        #expect(allowance.take(1, at: at(9)) == false)
        #expect((0..<2).map { _ in allowance.take(1, at: at(10)) } == [true, false])
        #expect((0..<5).map { _ in allowance.take(1, at: at(10_000)) } == [true, true, true, false, false])
    }

    @Test("peers share nothing")
    func apart() {
        var allowance = PeerAllowance<Int>(Self.rate)
        for _ in 0..<100 { _ = allowance.take(1, at: at(0)) }
        #expect(allowance.take(2, at: at(0)) == true)
    }

    @Test("a clock that is set back, or shows an end of time, blocks nobody for longer than a refill")
    func clock() {
        var allowance = PeerAllowance<Int>(Self.rate)
        for _ in 0..<3 { _ = allowance.take(1, at: at(1_000_000)) }
        #expect(allowance.take(1, at: at(0)) == false)
        #expect(allowance.take(1, at: at(30)) == true)
        for time in [UnixTime.distantPast, .zero, .distantFuture, .distantPast] {
            _ = allowance.take(1, at: time)
            _ = allowance.available(1, at: time)
        }
        _ = allowance.take(1, at: at(0))
        #expect(allowance.take(1, at: at(30)) == true)
    }

    @Test("peers that have been quiet take no memory, and those that have not stay counted")
    func sweep() {
        var allowance = PeerAllowance<Int>(Self.rate)
        for peer in 0..<5_000 { _ = allowance.take(peer, at: at(Int64(peer) * 40)) }
        for _ in 0..<3 { _ = allowance.take(-1, at: at(200_000)) }
        for peer in 10_000..<15_000 { _ = allowance.take(peer, at: at(200_001)) }
        #expect(allowance.take(-1, at: at(200_001)) == false)
    }

    @Test("lines past the budget are left out, said once, and counted when there is room again")
    func lines() {
        var budget = LogBudget<Int>(Self.rate)
        let verdicts = (0..<6).map { _ in budget.verdict(for: 1, at: at(0)) }
        #expect(
            verdicts == [
                .write, .write, .write, .leaveOut(isFirst: true), .leaveOut(isFirst: false), .leaveOut(isFirst: false),
            ])
        #expect(budget.verdict(for: 1, at: at(10)) == .writeAfter(leftOut: 3))
        #expect(budget.verdict(for: 1, at: at(30)) == .write)
        #expect(verdicts.map { $0.notice != nil } == [false, false, false, true, false, false])
        // A flood that goes on is written a quarter of a bucket at a time, and said to be so each time.
        var flood = LogBudget<Int>(AllowanceRate(burst: 40, every: .seconds(1)))
        var (lines, notices) = (0, 0)
        for tick in Int64(0)..<10_000 {
            let verdict = flood.verdict(for: 1, at: at(tick / 10))
            lines += verdict.isWritten ? 1 : 0
            notices += verdict.notice == nil ? 0 : 1
        }
        #expect((1_000...1_045).contains(lines) && notices < lines / 4)
        #expect(LogBudget<Int>.Verdict.writeAfter(leftOut: 3).notice?.hasPrefix("3 lines") == true)
    }
}
