/// What became of the clients of a rollout or wave, in the words that every screen uses.
///
/// Only `succeeded` is success: a client that refused, was cancelled or was not reached is never counted
/// as done. The hub counts a client that has the release already as succeeded.
package struct RolloutResult: Codable, Hashable, Sendable {
    package private(set) var succeeded = 0
    /// Failed and rolled back, with or without success.
    package private(set) var failed = 0
    package private(set) var refused = 0
    package private(set) var cancelled = 0
    /// Nothing was heard until every window had passed.
    package private(set) var notReached = 0
    /// The install began and nothing was heard since.
    package private(set) var uncertain = 0
    /// Every other client: its action is not over.
    package private(set) var underWay = 0

    /// Counts actions by state; sums saturate, since a peer may choose the numbers.
    package init(_ counts: [ActionState: Int]) {
        for (state, count) in counts {
            switch state {
            case .succeeded: Self.add(count, to: &succeeded)
            case .failed, .rolledBack, .rollbackFailed: Self.add(count, to: &failed)
            case .refused: Self.add(count, to: &refused)
            case .cancelled: Self.add(count, to: &cancelled)
            case .missed: Self.add(count, to: &notReached)
            case .uncertain: Self.add(count, to: &uncertain)
            case .pending, .offered, .downloading, .downloaded, .waitingForWindow, .waitingForSlot, .draining,
                .installing, .restarting, .verifying, .cancelling, .rollingBack:
                Self.add(count, to: &underWay)
            }
        }
    }

    private static func add(_ count: Int, to sum: inout Int) {
        let (result, overflow) = sum.addingReportingOverflow(max(0, count))
        sum = overflow ? .max : result
    }

    /// All clients.
    package var total: Int {
        var sum = 0
        for count in [succeeded, failed, refused, cancelled, notReached, uncertain, underWay] {
            Self.add(count, to: &sum)
        }
        return sum
    }

    /// Whether there are clients and every one of them succeeded.
    package var allSucceeded: Bool {
        succeeded > 0 && [failed, refused, cancelled, notReached, uncertain, underWay].allSatisfy { $0 == 0 }
    }

    /// Whether no action can go on without a late report or a person.
    package var isSettled: Bool { underWay == 0 }

    /// For people: `succeeded 3, failed 1, refused 2, not reached 1`; what is zero is left out, successes never.
    package var text: String {
        let parts = [
            ("failed", failed), ("refused", refused), ("cancelled", cancelled), ("not reached", notReached),
            ("uncertain", uncertain), ("under way", underWay),
        ]
        return parts.filter { $0.1 > 0 }.reduce("succeeded \(succeeded)") { "\($0), \($1.0) \($1.1)" }
    }
}
