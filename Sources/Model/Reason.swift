/// Why a machine is not eligible, as a stable code.
package struct ReasonCode: OpenCode {
    package let rawValue: String
    package init(known rawValue: String) { self.rawValue = rawValue }
    package static var noun: String { "reason code" }

    package static let neverConnected = Self(known: "neverConnected")
    package static let os32Bit = Self(known: "os32Bit")
    package static let schedulerNotRunning = Self(known: "schedulerNotRunning")
    package static let autodeployNo = Self(known: "autodeployNo")
    package static let restartNeeded = Self(known: "restartNeeded")
    package static let passwordAccessNotGenerate = Self(known: "passwordAccessNotGenerate")
    package static let platformMismatch = Self(known: "platformMismatch")
    package static let versionNotInRange = Self(known: "versionNotInRange")
    package static let floorMissing = Self(known: "floorMissing")
    package static let dependencyMissing = Self(known: "dependencyMissing")
    package static let otherProductInstalled = Self(known: "otherProductInstalled")
    package static let alreadyInstalled = Self(known: "alreadyInstalled")
    package static let rejectedRelease = Self(known: "rejectedRelease")
    package static let pinned = Self(known: "pinned")
    package static let locked = Self(known: "locked")
    package static let diskSpace = Self(known: "diskSpace")
    package static let notRoot = Self(known: "notRoot")
    package static let identityChanged = Self(known: "identityChanged")
    package static let trustFailed = Self(known: "trustFailed")
    package static let orderExpired = Self(known: "orderExpired")
    package static let kindUnsupported = Self(known: "kindUnsupported")
    package static let clientRevoked = Self(known: "clientRevoked")
    package static let spokeRevoked = Self(known: "spokeRevoked")
    package static let spokeFull = Self(known: "spokeFull")

    /// Every code of this release, in the order in which reasons are given.
    package static let all: [ReasonCode] = [
        .neverConnected, .os32Bit, .schedulerNotRunning, .autodeployNo, .restartNeeded, .passwordAccessNotGenerate,
        .platformMismatch, .versionNotInRange, .floorMissing, .dependencyMissing, .otherProductInstalled,
        .alreadyInstalled, .rejectedRelease, .pinned, .locked, .diskSpace, .notRoot, .identityChanged, .trustFailed,
        .orderExpired, .kindUnsupported, .clientRevoked, .spokeRevoked, .spokeFull,
    ]

    /// What the code means, for a person; one clause without a full stop.
    package var meaning: String {
        switch self {
        case .neverConnected: "the client has never connected, so nothing is known about it"
        case .os32Bit: "the machine's userland is 32-bit and the package is for 64-bit"
        case .schedulerNotRunning: "the product's scheduler is not running"
        case .autodeployNo: "the machine's owner has set autodeploy to no"
        case .restartNeeded: "the update needs a restart, which the machine or the order does not allow"
        case .passwordAccessNotGenerate: "the product asks for its password, so it cannot start unattended"
        case .platformMismatch: "the package is made for another platform"
        case .versionNotInRange: "the package does not update the installed release"
        case .floorMissing: "a release that may not be skipped has to be installed first"
        case .dependencyMissing: "another product that the package needs is missing or in the wrong version"
        case .otherProductInstalled: "a product that the package cannot live beside is installed"
        case .alreadyInstalled: "the release is already installed"
        case .rejectedRelease: "the release failed on this machine before and was rejected"
        case .pinned: "the machine's owner holds the product at its release"
        case .locked: "an update lock is on the product since an earlier update failed"
        case .diskSpace: "there is not enough free disk space"
        case .notRoot: "the agent does not run as root and the package needs it"
        case .identityChanged: "the machine is not the one that joined"
        case .trustFailed: "the order or the package could not be verified"
        case .orderExpired: "the order has expired"
        case .kindUnsupported: "the agent cannot install packages of this kind"
        case .clientRevoked: "the client is revoked"
        case .spokeRevoked: "the spoke that the machine joined through is revoked"
        case .spokeFull: "the spoke lacks space for the package"
        default: "a reason that this release does not know (\(rawValue))"
        }
    }

    /// What a person can do about it; one sentence.
    package var next: String {
        switch self {
        case .neverConnected: "Start the agent on the machine and check that it reaches its spoke."
        case .os32Bit: "Move the machine to a 64-bit system, or publish a 32-bit package."
        case .schedulerNotRunning: "Start the scheduler on the machine, then run the rollout again."
        case .autodeployNo: "Ask the machine's owner to set autodeploy to yes or noreboot."
        case .restartNeeded: "Allow restarts in the rollout, or set autodeploy to yes on the machine."
        case .passwordAccessNotGenerate: "Set the product's password access to generate on the machine."
        case .platformMismatch: "Publish a package for the machine's platform, or leave the machine out."
        case .versionNotInRange: "Install a release in the package's range first, or choose another release."
        case .floorMissing: "Roll out the floor release first, then this one."
        case .dependencyMissing: "Roll out the product that is needed first."
        case .otherProductInstalled: "Remove the other product, or leave the machine out."
        case .alreadyInstalled: "Nothing is to be done."
        case .rejectedRelease: "Choose a later release."
        case .pinned: "Ask the machine's owner to remove the pin."
        case .locked: "Find out why the update failed, then order the release again."
        case .diskSpace: "Free disk space on the machine."
        case .notRoot: "Run the agent as root."
        case .identityChanged: "Join the machine again with a new token."
        case .trustFailed: "Look at the activity log for the check that failed; it may be an attack."
        case .orderExpired: "Start the rollout again."
        case .kindUnsupported: "Publish the release as a tree as well, or leave the machine out."
        case .clientRevoked: "Join the machine again with a new token if it is to come back."
        case .spokeRevoked:
            "Join the machine again through another spoke; docs/status.md says how ('axle token create --replaces')."
        case .spokeFull: "Raise the pool's quota with 'axle pool set POOL --quota SIZE', or prune the pool."
        default: "Update axle to learn more."
        }
    }
}

/// A reason with what it means on this machine, for example which product is missing.
package struct Reason: Codable, Hashable, Sendable {
    package var code: ReasonCode
    /// For a person, one clause, at most 512 bytes.
    package var text: String

    /// A reason; without text the code's own meaning is said.
    package init(_ code: ReasonCode, _ text: String? = nil) {
        self.code = code
        self.text = text ?? code.meaning
    }
}

/// Something that a person should know and that is no refusal, as a stable code.
package struct NoteCode: OpenCode {
    package let rawValue: String
    package init(known rawValue: String) { self.rawValue = rawValue }
    package static var noun: String { "note code" }

    /// The installed program is 32-bit on a 64-bit system; it gets the 64-bit package.
    package static let client32BitOn64BitOS = Self(known: "client32BitOn64BitOS")
    /// The scheduler runs, but not as a service: the update needs a restart.
    package static let schedulerNotService = Self(known: "schedulerNotService")
    /// The agent went back to this release, and leaves something alone that a newer one wrote; of the agent, and of no action.
    package static let storeNewer = Self(known: "storeNewer")
    /// The kernel lacks a part of what holds the children that read archives from outside; of the
    /// agent, and of no action.
    package static let confinementMissing = Self(known: "confinementMissing")

    // What a release waits for on its way to a client, known at the hub at the moment of the question.
    package static let importPending = Self(known: "importPending")
    package static let importFailed = Self(known: "importFailed")
    package static let replicaPending = Self(known: "replicaPending")
    package static let replicaDamaged = Self(known: "replicaDamaged")
    package static let spokeNotConnected = Self(known: "spokeNotConnected")
    package static let notConnected = Self(known: "notConnected")
    package static let clockWrong = Self(known: "clockWrong")
    package static let factsOld = Self(known: "factsOld")
    package static let machineCloned = Self(known: "machineCloned")
    package static let rolloutWaits = Self(known: "rolloutWaits")
    package static let rolloutPaused = Self(known: "rolloutPaused")
    package static let waveWaits = Self(known: "waveWaits")
    package static let windowClosed = Self(known: "windowClosed")
    package static let slotTaken = Self(known: "slotTaken")

    /// What a release may wait for, in the order in which it is named.
    package static let waits: [NoteCode] = [
        .rolloutWaits, .rolloutPaused, .waveWaits, .importPending, .importFailed, .replicaPending, .replicaDamaged,
        .spokeNotConnected, .notConnected, .clockWrong, .factsOld, .machineCloned, .windowClosed, .slotTaken,
    ]

    /// Every code of this release.
    package static let all: [NoteCode] =
        [.client32BitOn64BitOS, .schedulerNotService, .storeNewer, .confinementMissing] + waits

    /// What the code means, for a person; one clause without a full stop.
    package var meaning: String {
        switch self {
        case .client32BitOn64BitOS: "the installed program is 32-bit on a 64-bit system and gets the 64-bit package"
        case .schedulerNotService: "the scheduler does not run as a service, so the update needs a restart"
        case .storeNewer: "a newer release of the agent wrote what this one leaves alone"
        case .confinementMissing: "packages are unpacked with fewer limits, since the kernel lacks some"
        case .importPending: "the hub has not imported the package yet"
        case .importFailed: "the hub could not import the package"
        case .replicaPending: "the spoke does not hold the package yet"
        case .replicaDamaged: "the spoke's copy of the package is damaged and is fetched again"
        case .spokeNotConnected: "the spoke is not connected to the hub"
        case .notConnected: "the agent is not connected to its spoke"
        case .clockWrong: "a clock on the way is wrong"
        case .factsOld: "the last report of the machine is old, so it may have changed since"
        case .machineCloned: "two machines use the identity of this client"
        case .rolloutWaits: "the rollout does not run yet"
        case .rolloutPaused: "the rollout is paused"
        case .waveWaits: "the waves before this one are not over"
        case .windowClosed: "no window is open"
        case .slotTaken: "all slots are taken"
        default: "a note that this release does not know (\(rawValue))"
        }
    }

    /// What a person can do about it; one sentence, empty where nothing is to be done.
    package var next: String {
        switch self {
        case .importPending: "Wait for the import; 'axle package list' shows how far it is."
        case .importFailed: "Remove the cause, then run 'axle package import ID'."
        case .replicaPending: "Wait for the transfer; 'axle package show ID' shows how far it is."
        case .replicaDamaged: "Wait for the repair, and check the spoke's disk."
        case .spokeNotConnected: "Start axle-spoke at the site, and check that it reaches the hub."
        case .notConnected:
            "Start axle-agent on the machine, and check that it reaches its spoke; revoke a machine that is gone."
        case .clockWrong: "Set the clock of that machine."
        case .factsOld: "Check that the agent runs and reaches its spoke."
        case .machineCloned: "Make one of the two machines join again with a token of its own."
        case .rolloutWaits: "See 'axle rollout show' for what it waits for."
        case .rolloutPaused: "Look at 'axle rollout show', then resume or stop the rollout."
        case .waveWaits: "Wait for the waves before it."
        case .windowClosed: "Wait for the next window, or stop the rollout and make another one."
        case .slotTaken: "Wait until a slot is free."
        default: ""
        }
    }
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
