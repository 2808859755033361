/// Where a rollout stands.
package enum RolloutState: UInt8, NamedCode {
    case draft = 1
    case preparing = 2
    case ready = 3
    case running = 4
    case paused = 5
    case stopping = 6
    case stopped = 7
    case completed = 8
    case failed = 9
    case rollingBack = 10
    case rolledBack = 11

    /// Whether nothing more happens by itself.
    package var isFinal: Bool {
        switch self {
        case .stopped, .completed, .failed, .rolledBack: true
        case .draft, .preparing, .ready, .running, .paused, .stopping, .rollingBack: false
        }
    }
}

/// Where a wave of a rollout stands.
package enum WaveState: UInt8, NamedCode {
    case scheduled = 1
    case running = 2
    case soaking = 3
    case succeeded = 4
    case failed = 5
    case skipped = 6

    /// Whether the wave is over.
    package var isFinal: Bool { self == .succeeded || self == .failed || self == .skipped }
}
