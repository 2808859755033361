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

    /// What a state means for whoever counts or stops actions.
    package enum Phase: Hashable, Sendable {
        /// The hub has sent no order.
        case planned
        /// The agent has the order, and nothing has changed on the machine.
        case preparing
        /// The machine's program may be changing.
        case changing
        /// A cancel order is on its way.
        case cancelling
        /// The work is over.
        case over
        /// The install began and nothing is heard: a late report or a person settles it.
        case uncertain
    }

    package var phase: Phase {
        switch self {
        case .pending, .waitingForSlot: .planned
        case .offered, .downloading, .downloaded, .waitingForWindow: .preparing
        case .draining, .installing, .restarting, .verifying, .rollingBack: .changing
        case .cancelling: .cancelling
        case .refused, .succeeded, .failed, .cancelled, .rolledBack, .rollbackFailed, .missed: .over
        case .uncertain: .uncertain
        }
    }

    /// Whether the work is over; `uncertain` is not, since a late report or a person still settles
    /// it.
    package var isFinal: Bool { phase == .over }

    /// Whether the machine's program may be changing right now, so that the action counts against
    /// its slots.
    package var isChanging: Bool { phase == .changing }

    /// Whether only the hub has this state: an agent never reports it.
    package var isHubOnly: Bool {
        switch self {
        case .pending, .waitingForSlot, .missed, .uncertain: true
        case .offered, .refused, .downloading, .downloaded, .waitingForWindow, .draining, .installing, .restarting,
            .verifying, .succeeded, .failed, .cancelling, .cancelled, .rollingBack, .rolledBack, .rollbackFailed:
            false
        }
    }

    /// Whether the install was tried and the machine does not run the release.
    package var isFailure: Bool {
        switch self {
        case .failed, .rolledBack, .rollbackFailed: true
        case .pending, .offered, .refused, .downloading, .downloaded, .waitingForWindow, .waitingForSlot, .draining,
            .installing, .restarting, .verifying, .succeeded, .cancelling, .cancelled, .rollingBack, .missed,
            .uncertain:
            false
        }
    }

    /// Whether the machine answered what became of the order.
    package var isAnswer: Bool {
        switch self {
        case .refused, .succeeded, .failed, .rolledBack, .rollbackFailed: true
        case .pending, .offered, .downloading, .downloaded, .waitingForWindow, .waitingForSlot, .draining, .installing,
            .restarting, .verifying, .cancelling, .cancelled, .rollingBack, .missed, .uncertain:
            false
        }
    }
}
