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
