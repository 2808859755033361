/// Decides what the supervisor does with the agent proper: start it, start it again, or put the release before back.
///
/// Pure: process exits, the trial record and the time since boot come in. A release of the agent is on trial from its switch until its first
/// report has been acknowledged. It has lost when it was not confirmed by the deadline, died three times, or was started five times in all
/// (counted on disk, so that a machine that goes down with it counts too).
package struct Watchdog: Equatable, Sendable {
    /// What to do next.
    package enum Decision: Equatable, Sendable {
        /// Start the agent after so long.
        case start(after: Duration)
        /// End the agent if it runs, put the release before back, then start that; the text says why.
        case putBack(String)
        /// The agent ended as it was asked to, or cannot go on: end too, with this status.
        case stop(status: Int32)
    }

    /// How a process ended.
    package enum Exit: Equatable, Sendable {
        case status(Int32)
        case signal(Int32)
    }

    /// The exit status by which the agent asks to be started again, for example from its new release.
    package static let restartStatus: Int32 = 86
    /// The exit status of an agent that cannot go on whatever its release, because its database is lost.
    package static let lostStatus: Int32 = 87
    /// How long a release may take from its start to its first acknowledged report.
    package static let trialTime: Duration = .seconds(300)
    /// A run of this length counts as healthy: waits begin again at the shortest.
    package static let healthyTime: Duration = .seconds(60)
    static let deathsOnTrial = 3
    static let startsOnTrial = 5
    static let longestWait: Duration = .seconds(60)

    private let trialTime: Duration
    private var deaths = 0
    private var startedAt: Duration?
    private var trialRelease: String?
    private var trialSince: Duration = .zero

    package init(trialTime: Duration = Self.trialTime) { self.trialTime = trialTime }

    /// The agent is about to be started. `trial` is the record on disk, its `starts` already raised for this start.
    package mutating func willStart(trial: Trial?, at uptime: Duration) -> Decision? {
        note(trial, at: uptime)
        guard let trial, trial.failure == nil, trial.starts > Self.startsOnTrial else {
            startedAt = uptime
            return nil
        }
        return .putBack("it was started \(trial.starts - 1) times and never confirmed")
    }

    /// The agent ended.
    package mutating func ended(_ exit: Exit, trial: Trial?, stopping: Bool, at uptime: Duration) -> Decision {
        note(trial, at: uptime)
        let ran = startedAt.map { uptime - $0 } ?? .zero
        startedAt = nil
        if stopping {
            if case .status(let status) = exit { return .stop(status: status) }
            return .stop(status: 1)
        }
        if exit == .status(Self.restartStatus) {
            deaths = 0
            return .start(after: .zero)
        }
        // No other release would do better.
        if exit == .status(Self.lostStatus) { return .stop(status: 1) }
        if ran >= Self.healthyTime { deaths = 0 }
        deaths += 1
        if trialRelease != nil {
            if deaths >= Self.deathsOnTrial { return .putBack("it died \(deaths) times: \(Self.text(exit))") }
            if isLate(at: uptime) { return .putBack("it did not report in time") }
        }
        return .start(after: min(.seconds(1 << min(deaths - 1, 6)), Self.longestWait))
    }

    /// Time has passed while the agent runs; nil to go on.
    package mutating func tick(trial: Trial?, at uptime: Duration) -> Decision? {
        note(trial, at: uptime)
        return isLate(at: uptime) ? .putBack("it did not report in time") : nil
    }

    /// When `tick` has something to decide, if ever.
    package var deadline: Duration? { trialRelease == nil ? nil : trialSince + trialTime }

    /// The release before was put back.
    package mutating func didPutBack() {
        deaths = 0
        trialRelease = nil
    }

    private mutating func note(_ trial: Trial?, at uptime: Duration) {
        let release = trial.flatMap { $0.failure == nil ? $0.release : nil }
        guard release != trialRelease else { return }
        trialRelease = release
        trialSince = uptime
        if release != nil { deaths = 0 }
    }

    private func isLate(at uptime: Duration) -> Bool { trialRelease != nil && uptime - trialSince >= trialTime }

    private static func text(_ exit: Exit) -> String {
        switch exit {
        case .status(let status): "exit status \(status)"
        case .signal(let signal): "signal \(signal)"
        }
    }
}
