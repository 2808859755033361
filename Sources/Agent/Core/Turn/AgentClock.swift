package import Model

/// The time as an agent believes it: the machine's clock, but never before the last signed time
/// that was seen, and never going back.
///
/// A clock that is behind is carried forward by what it lacks, so that time goes on from the signed
/// time instead of standing still; once it has been set right, nothing is added any more.
package struct AgentClock: Equatable, Sendable {
    /// What is added to the machine's clock.
    package private(set) var lag: Duration = .zero
    private var latest = UnixTime.distantPast

    package init() {}

    /// The believed time now, for a time of the machine's clock.
    package mutating func time(machine: UnixTime) -> UnixTime {
        if machine >= latest {
            lag = .zero
        } else if machine + lag < latest {
            lag = latest - machine
        }
        latest = machine + lag
        return latest
    }

    /// Takes a signed time into account.
    package mutating func observe(_ signed: UnixTime, machine: UnixTime) {
        guard signed > time(machine: machine) else { return }
        lag = signed - machine
        latest = signed
    }

    /// The believed time at a time of the machine's clock.
    package func believed(_ machine: UnixTime) -> UnixTime { machine + lag }

    /// The machine's time at which `time` will be believed.
    package func machine(_ time: UnixTime) -> UnixTime { time - lag }
}
