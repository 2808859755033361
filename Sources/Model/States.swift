/// Where a package stands in the hub's pool.
package enum PackageState: UInt8, NamedCode {
    case announced = 1
    case downloading = 2
    case imported = 3
    case failed = 4
    case retired = 5
}

/// Where a package's copy in one pool stands.
package enum ReplicaState: UInt8, NamedCode {
    case pending = 1
    case transferring = 2
    case verified = 3
    case corrupt = 4
    case evicted = 5
}

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

/// Where one client's work in a rollout stands.
package enum ActionState: UInt8, NamedCode {
    case pending = 1
    case offered = 2
    case refused = 3
    case downloading = 4
    case downloaded = 5
    case waitingForWindow = 6
    case waitingForSlot = 7
    case draining = 8
    case installing = 9
    case restarting = 10
    case verifying = 11
    case succeeded = 12
    case failed = 13
    case cancelling = 14
    case cancelled = 15
    case rollingBack = 16
    case rolledBack = 17
    case rollbackFailed = 18
    case missed = 19
    case uncertain = 20

    /// Whether the work is over; `uncertain` is not, since a late report or a person still settles it.
    package var isFinal: Bool {
        switch self {
        case .refused, .succeeded, .failed, .cancelled, .rolledBack, .rollbackFailed, .missed: true
        case .pending, .offered, .downloading, .downloaded, .waitingForWindow, .waitingForSlot, .draining, .installing,
            .restarting, .verifying, .cancelling, .rollingBack, .uncertain:
            false
        }
    }

    /// Whether only the hub has this state: an agent never reports it.
    package var isHubOnly: Bool {
        switch self {
        case .pending, .waitingForSlot, .missed, .uncertain: true
        default: false
        }
    }

    /// Whether the machine's program may be changing right now, so that the action counts against its slots.
    package var isChanging: Bool {
        switch self {
        case .draining, .installing, .restarting, .verifying, .rollingBack: true
        default: false
        }
    }
}
