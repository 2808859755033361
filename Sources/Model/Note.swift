/// Something that a person should know and that is no refusal, as a stable code.
package struct NoteCode: OpenCode {
    /// The codes of this release: first those of a machine, then what a release waits for on its
    /// way to a client, in the order in which it is named.
    private enum Known: String, CaseIterable {
        case client32BitOn64BitOS, schedulerNotService, storeNewer, confinementMissing, rolloutWaits, rolloutPaused,
            waveWaits, importPending, importFailed, replicaPending, replicaDamaged, spokeNotConnected, notConnected,
            clockWrong, factsOld, machineCloned, windowClosed, slotTaken

        /// Where nothing is to be done, nothing is waited for.
        var row: (meaning: String, next: String) {
            switch self {
            case .client32BitOn64BitOS:
                (
                    "the installed program is 32-bit on a 64-bit system and gets the 64-bit package",
                    ""
                )
            case .schedulerNotService: ("the scheduler does not run as a service, so the update needs a restart", "")
            case .storeNewer: ("a newer release of the agent wrote what this one leaves alone", "")
            case .confinementMissing: ("packages are unpacked with fewer limits, since the kernel lacks some", "")
            case .rolloutWaits: ("the rollout does not run yet", "See 'axle rollout show' for what it waits for.")
            case .rolloutPaused:
                (
                    "the rollout is paused",
                    "Look at 'axle rollout show', then resume or stop the rollout."
                )
            case .waveWaits: ("the waves before this one are not over", "Wait for the waves before it.")
            case .importPending:
                (
                    "the hub has not imported the package yet",
                    "Wait for the import; 'axle package list' shows how far it is."
                )
            case .importFailed:
                (
                    "the hub could not import the package",
                    "Remove the cause, then run 'axle package import ID'."
                )
            case .replicaPending:
                (
                    "the spoke does not hold the package yet",
                    "Wait for the transfer; 'axle package show ID' shows how far it is."
                )
            case .replicaDamaged:
                (
                    "the spoke's copy of the package is damaged and is fetched again",
                    "Wait for the repair, and check the spoke's disk."
                )
            case .spokeNotConnected:
                (
                    "the spoke is not connected to the hub",
                    "Start axle-spoke at the site, and check that it reaches the hub."
                )
            case .notConnected:
                (
                    "the agent is not connected to its spoke",
                    "Start axle-agent on the machine, and check that it reaches its spoke; revoke a machine that is gone."
                )
            case .clockWrong: ("a clock on the way is wrong", "Set the clock of that machine.")
            case .factsOld:
                (
                    "the last report of the machine is old, so it may have changed since",
                    "Check that the agent runs and reaches its spoke."
                )
            case .machineCloned:
                (
                    "two machines use the identity of this client",
                    "Make one of the two machines join again with a token of its own."
                )
            case .windowClosed:
                (
                    "no window is open",
                    "Wait for the next window, or stop the rollout and make another one."
                )
            case .slotTaken: ("all slots are taken", "Wait until a slot is free.")
            }
        }
    }

    package let rawValue: String
    package init(known rawValue: String) { self.rawValue = rawValue }
    private init(_ code: Known) { rawValue = code.rawValue }
    package static var noun: String { "note code" }

    /// The installed program is 32-bit on a 64-bit system; it gets the 64-bit package.
    package static let client32BitOn64BitOS = Self(.client32BitOn64BitOS)
    /// The scheduler runs, but not as a service: the update needs a restart.
    package static let schedulerNotService = Self(.schedulerNotService)
    /// The agent went back to this release, and leaves alone what a newer one wrote; of the agent,
    /// and of no action.
    package static let storeNewer = Self(.storeNewer)
    /// The kernel lacks a part of what holds the children that read archives; of the agent, and of
    /// no action.
    package static let confinementMissing = Self(.confinementMissing)
    package static let rolloutWaits = Self(.rolloutWaits)
    package static let rolloutPaused = Self(.rolloutPaused)
    package static let waveWaits = Self(.waveWaits)
    package static let importPending = Self(.importPending)
    package static let importFailed = Self(.importFailed)
    package static let replicaPending = Self(.replicaPending)
    package static let replicaDamaged = Self(.replicaDamaged)
    package static let spokeNotConnected = Self(.spokeNotConnected)
    package static let notConnected = Self(.notConnected)
    package static let clockWrong = Self(.clockWrong)
    package static let factsOld = Self(.factsOld)
    package static let machineCloned = Self(.machineCloned)
    package static let windowClosed = Self(.windowClosed)
    package static let slotTaken = Self(.slotTaken)

    /// Every code of this release.
    package static let all = Known.allCases.map { Self($0) }

    /// What a release may wait for, known at the hub at the moment of the question, in the order in
    /// which it is named.
    package static let waits = all.filter { !$0.next.isEmpty }

    private var row: (meaning: String, next: String)? { Known(rawValue: rawValue)?.row }

    /// What the code means, for a person; one clause without a full stop.
    package var meaning: String { row?.meaning ?? "a note that this release does not know (\(rawValue))" }

    /// What a person can do about it; one sentence, empty where nothing is to be done.
    package var next: String { row?.next ?? "" }
}

/// A note with what it means on this machine.
package struct Note: Codable, Hashable, Sendable {
    package var code: NoteCode
    /// For a person, one clause, at most 512 bytes.
    package var text: String

    /// A note; without text the code's own meaning is said.
    package init(_ code: NoteCode, _ text: String? = nil) {
        self.code = code
        self.text = text ?? code.meaning
    }
}
