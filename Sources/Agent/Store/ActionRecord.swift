package import Model
package import Trust

/// The agent's journal of one action: what was ordered, how far it is, and what it takes to
/// continue or to go back after a cut.
///
/// The record is saved, in one transaction with the report of it, before the step that it names
/// begins.
package struct ActionRecord: Equatable, Sendable {
    /// What an order asks for; the raw values are those of the signed order.
    package enum Kind: UInt8, Codable, Sendable {
        case install = 1
        case rollback = 3
    }

    package var id: ActionID
    package var kind: Kind
    /// The order as it was signed.
    package var order: [UInt8]
    /// The order's place in the hub's sequence.
    package var sequence: OrderSequence
    package var expires: UnixTime
    /// How far the action is, with what that takes.
    package var stage: ActionStage
    /// Consecutive failures of what is being tried now.
    package var failures = 0
    /// Not to be tried before, by the machine's clock.
    package var notBefore = UnixTime.distantPast
    /// Why it failed, once it has; the text of the last report.
    package var detail = ""
    /// Whether a cancel order came.
    package var isCancelRequested = false

    package init(
        id: ActionID, kind: Kind, order: [UInt8], sequence: OrderSequence, expires: UnixTime, stage: ActionStage
    ) {
        self.id = id
        self.kind = kind
        self.order = order
        self.sequence = sequence
        self.expires = expires
        self.stage = stage
    }

    package var state: ActionState { stage.state }
    /// What the order names; nil for a cancel whose order never came.
    package var path: TargetPath? { stage.path }
    /// What the signed targets say of the path; nil until they were asked, and after the end.
    package var package: Package? { stage.package }
    /// The step that was begun last; nil before the first.
    package var step: InstallStep? { stage.install?.step }
    /// The release that was current when the install began; nil before, and when there was none.
    package var previous: ReleaseName? { stage.install?.previous }

    /// Forgets failures and waits: what comes next has not been tried yet.
    package mutating func beginAttempts() {
        failures = 0
        notBefore = .distantPast
    }
}
