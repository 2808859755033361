import Agent
import Testing

@Suite("Watchdog")
struct WatchdogTests {
    let trial = Trial(release: "2.0", previous: "1.0", starts: 1)

    @Test("an agent that dies is started again, with growing waits up to a minute")
    func backsOff() {
        var watchdog = Watchdog()
        var waits: [Duration] = []
        for second in 0..<9 {
            #expect(watchdog.willStart(trial: nil, at: .seconds(second)) == nil)
            guard case .start(let wait) = watchdog.ended(.signal(9), trial: nil, stopping: false, at: .seconds(second))
            else { return #expect(Bool(false)) }
            waits.append(wait)
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
        _ = watchdog.willStart(trial: nil, at: .seconds(100))
        #expect(
            watchdog.ended(.signal(9), trial: nil, stopping: false, at: .seconds(170)) == .start(after: .seconds(1)))
    }

    @Test("an agent that asks for it is started at once, and one that is told to stop stays stopped")
    func restartsAndStops() {
        var watchdog = Watchdog()
        _ = watchdog.willStart(trial: nil, at: .zero)
        #expect(
            watchdog.ended(.status(Watchdog.restartStatus), trial: trial, stopping: false, at: .seconds(1))
                == .start(after: .zero))
        #expect(watchdog.ended(.status(0), trial: nil, stopping: true, at: .seconds(2)) == .stop(status: 0))
        #expect(watchdog.ended(.signal(9), trial: nil, stopping: true, at: .seconds(2)) == .stop(status: 1))
    }

    @Test("an agent whose database is lost is not started again, and its release on trial is not blamed")
    func lostDatabase() {
        var watchdog = Watchdog()
        _ = watchdog.willStart(trial: trial, at: .zero)
        let exit = Watchdog.Exit.status(Watchdog.lostStatus)
        #expect(watchdog.ended(exit, trial: trial, stopping: false, at: .seconds(1)) == .stop(status: 1))
    }

    @Test("a release on trial that keeps dying is put back after three deaths")
    func diesOnTrial() {
        var watchdog = Watchdog()
        for death in 1...3 {
            #expect(watchdog.willStart(trial: trial, at: .seconds(death)) == nil)
            let decision = watchdog.ended(.signal(11), trial: trial, stopping: false, at: .seconds(death))
            if death < 3 {
                guard case .start = decision else { return #expect(Bool(false)) }
            } else {
                #expect(decision == .putBack("it died 3 times: signal 11"))
            }
        }
    }

    @Test("a release that is not confirmed by the deadline is put back, even while it runs")
    func lateOnTrial() {
        var watchdog = Watchdog(trialTime: .seconds(10))
        _ = watchdog.willStart(trial: trial, at: .seconds(100))
        #expect(watchdog.deadline == .seconds(110))
        #expect(watchdog.tick(trial: trial, at: .seconds(109)) == nil)
        #expect(watchdog.tick(trial: trial, at: .seconds(110)) == .putBack("it did not report in time"))
        watchdog.didPutBack()
        #expect(watchdog.deadline == nil)
    }

    @Test("a confirmed release is never put back")
    func confirmed() {
        var watchdog = Watchdog(trialTime: .seconds(10))
        _ = watchdog.willStart(trial: trial, at: .zero)
        #expect(watchdog.tick(trial: nil, at: .seconds(5)) == nil)
        #expect(watchdog.tick(trial: nil, at: .seconds(500)) == nil)
        for second in 501..<520 {
            _ = watchdog.willStart(trial: nil, at: .seconds(second))
            guard case .start = watchdog.ended(.signal(9), trial: nil, stopping: false, at: .seconds(second)) else {
                return #expect(Bool(false))
            }
        }
    }

    @Test("starts are counted across supervisors, so a release that takes the machine down is put back")
    func countsStarts() {
        var watchdog = Watchdog()
        var many = trial
        many.starts = 5
        #expect(watchdog.willStart(trial: many, at: .zero) == nil)
        many.starts = 6
        #expect(
            watchdog.willStart(trial: many, at: .zero) == .putBack("it was started 5 times and never confirmed"))
    }

    @Test("a trial that already failed is the agent's to report, not to be put back twice")
    func failedTrial() {
        var watchdog = Watchdog(trialTime: .seconds(10))
        var failed = trial
        failed.failure = "it died"
        _ = watchdog.willStart(trial: failed, at: .zero)
        #expect(watchdog.tick(trial: failed, at: .seconds(50)) == nil)
    }
}
