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

    /// Whether it was started and is not over, so that a hub that starts looks at it.
    package var isUnderWay: Bool {
        switch self {
        case .preparing, .ready, .running, .paused, .stopping, .rollingBack: true
        case .draft, .stopped, .completed, .failed, .rolledBack: false
        }
    }

    /// Whether time alone may move it on.
    package var isTimed: Bool {
        switch self {
        case .ready: true
        case .draft, .preparing, .running, .paused, .stopping, .stopped, .completed, .failed, .rollingBack, .rolledBack:
            false
        }
    }

    /// Whether an operator may approve it: whom it takes is known, and it is not called back.
    package var isApprovable: Bool {
        switch self {
        case .preparing, .ready, .running, .paused, .rollingBack: true
        case .draft, .stopping, .stopped, .completed, .failed, .rolledBack: false
        }
    }

    /// Whether an operator may delete it.
    package var isRemovable: Bool {
        switch self {
        case .draft, .stopped, .completed, .failed, .rolledBack: true
        case .preparing, .ready, .running, .paused, .stopping, .rollingBack: false
        }
    }

    /// Whether agents may still have orders of it, which a restored hub signs again.
    package var hasOrders: Bool {
        switch self {
        case .running, .paused, .stopping, .failed: true
        case .draft, .preparing, .ready, .stopped, .completed, .rollingBack, .rolledBack: false
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
    package var isFinal: Bool {
        switch self {
        case .succeeded, .failed, .skipped: true
        case .scheduled, .running, .soaking: false
        }
    }

    /// Whether it is over and its clients' answers decided, so that a late answer may decide anew.
    package var isJudged: Bool {
        switch self {
        case .succeeded, .failed: true
        case .scheduled, .running, .soaking, .skipped: false
        }
    }

    /// Whether time alone moves it on: it waits on purpose, which is no standstill.
    package var isTimed: Bool {
        switch self {
        case .soaking: true
        case .scheduled, .running, .succeeded, .failed, .skipped: false
        }
    }
}
