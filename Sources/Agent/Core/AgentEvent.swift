package import Model
package import Protocol
package import Trust

/// What happens to an agent, told to its core by the shell or by the simulation.
package enum AgentEvent: PeerCausedEvent, Equatable {
    /// The process has started; always the first event.
    case started(AgentStart)
    /// Something on the link to the spoke.
    case link(LinkEvent)
    /// An event of the spoke could not be handled; told in its place.
    case faulted(PeerFault)
    /// The wake that was asked for.
    case wake
    /// The answer to `gatherFacts`.
    case facts(FactsPurpose, ClientFacts)
    /// The answer to `checkTarget`.
    case targetChecked(ActionID, TargetCheck)
    /// The answer to `download`.
    case downloaded(ActionID, DownloadOutcome)
    /// The answer to `perform`.
    case performed(ActionID, InstallStep, StepOutcome)
}

extension AgentEvent {
    package func fault(_ reason: String) -> PeerFault? {
        switch self {
        case .link(let event): PeerFault(event, reason)
        case .started, .faulted, .wake, .facts, .targetChecked, .downloaded, .performed: nil
        }
    }
}

/// What a process finds when it starts.
package struct AgentStart: Equatable, Sendable {
    /// The release of the agent that runs, when it runs out of its own product's folder.
    package var runningRelease: ReleaseName?
    /// Whether that release is on trial.
    package var isOnTrial: Bool
    /// Why the supervisor put the release before back, if it did.
    package var trialFailure: String?
    /// Names this run of the machine.
    package var bootID: String
    /// What is left alone, since a newer release wrote it before the agent was put back: a sentence each, for the hub's log.
    package var leftAlone: [String]
    /// What this machine's kernel lacks for the confinement of children: a sentence for the hub's
    /// log; nil for nothing.
    package var confinementLack: String?

    package init(
        runningRelease: ReleaseName? = nil, isOnTrial: Bool = false, trialFailure: String? = nil, bootID: String = "",
        leftAlone: [String] = [], confinementLack: String? = nil
    ) {
        self.runningRelease = runningRelease
        self.isOnTrial = isOnTrial
        self.trialFailure = trialFailure
        self.bootID = bootID
        self.leftAlone = leftAlone
        self.confinementLack = confinementLack
    }
}

/// What facts are gathered for.
package enum FactsPurpose: Hashable, Sendable {
    /// To tell the hub what has changed.
    case report
    /// To decide on an action's package.
    case action(ActionID)
}

/// What the vendor's signed metadata says about the path of an order.
package enum TargetCheck: Equatable, Sendable {
    /// The path is named; the highest floor that is signed for the package's line; the trusted versions by role name; the hashes of all
    /// roots that were trusted.
    case found(Package, lineFloor: Floor?, versions: [String: UInt64], roots: Set<SHA256Digest>)
    /// No signed targets name the path.
    case absent
    /// The metadata or what it says of the package is not to be believed; `attack` names what it looks like.
    case untrusted(String, attack: AttackCode?)
    /// The metadata cannot be had now.
    case unavailable(String)
}

extension TargetCheck {
    /// The same answer when it was read out of metadata that is kept here: that may be older than the order, or of two states where a refresh
    /// broke off, so it can say yes, but not no.
    package var outOfKeptMetadata: TargetCheck {
        switch self {
        case .found, .unavailable: self
        case .absent: .unavailable("the metadata that is kept here does not name it, and no newer can be had now")
        case .untrusted(let why, _): .unavailable("the metadata that is kept here is no use without newer: \(why)")
        }
    }
}

/// How a download ended.
package enum DownloadOutcome: Equatable, Sendable {
    /// All bytes are there and have the signed hash.
    case complete
    /// All bytes came and are not the signed ones; they are gone.
    case mismatch
    /// It broke off; what came is kept for the next attempt.
    case failed(String)
    /// The spoke has not got it yet, and says when to ask again.
    case notYet(String, askAgain: Duration)

    /// What the spoke's refusal means.
    package init(_ refusal: ErrorReply) {
        if refusal.code == .busy, let wait = refusal.retryAfter {
            self = .notYet(refusal.text, askAgain: wait)
        } else {
            self = .failed(refusal.text)
        }
    }
}

/// How an install step ended.
package enum StepOutcome: Equatable, Sendable {
    case done
    /// A hook asked to be tried again later.
    case retryLater(String)
    case failed(AgentError.Code, String)
}
