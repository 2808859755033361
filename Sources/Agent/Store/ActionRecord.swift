package import Model
package import Trust

/// The agent's journal of one action: what was ordered, how far it is, and what it takes to go on or back after a cut.
///
/// The record is saved, in one transaction with the report of it, before the step that it names is begun.
package struct ActionRecord: Codable, Equatable, Sendable {
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
    package var state: ActionState
    /// What the order names; nil for a cancel whose order never came.
    package var path: TargetPath?
    package var expires: UnixTime
    /// What the signed targets say of the path; nil until they have been asked.
    package var package: Package?
    /// The step that was begun last; nil before the first.
    package var step: InstallStep?
    /// The release that was current when the install began, for the way back.
    package var previous: ReleaseName?
    /// The boot during which a restart of the machine was asked for.
    package var bootID: String?
    /// Failures in a row of what is being tried now.
    package var failures: Int
    /// Not to be tried before.
    package var notBefore: UnixTime
    /// Why it failed, once it has; the text of the last report.
    package var detail: String
    /// Whether a cancel order came.
    package var isCancelRequested: Bool

    package init(
        id: ActionID, kind: Kind, order: [UInt8], sequence: OrderSequence, path: TargetPath?, expires: UnixTime,
        state: ActionState = .offered
    ) {
        self.id = id
        self.kind = kind
        self.order = order
        self.sequence = sequence
        self.state = state
        self.path = path
        self.expires = expires
        failures = 0
        notBefore = .distantPast
        detail = ""
        isCancelRequested = false
    }
}

/// One step of an install, in the order in which they are done. Each may be repeated after a cut.
package enum InstallStep: UInt8, Codable, Sendable, CaseIterable, Comparable {
    /// The machine's hooks before the install; the only step that may ask to be tried again later.
    case enter = 1
    /// The file is hashed and unpacked beside the releases.
    case stage = 2
    /// The staged tree becomes the folder of its release.
    case place = 3
    /// Services are stopped.
    case stop = 4
    /// `current` is switched: from here on the way back is a rollback.
    case activate = 5
    /// Services, the machine or the agent itself are started again.
    case restart = 6
    /// The health command says that the release works.
    case verify = 7
    /// Older releases and the downloaded file go.
    case commit = 8
    /// Services are stopped and `current` is put back.
    case deactivate = 20
    /// Services are started again, and the old release's health command says that it works.
    case recover = 21
    /// What was staged or placed goes.
    case discard = 22

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
