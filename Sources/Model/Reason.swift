/// Why a machine is not eligible, as a stable code.
package struct ReasonCode: OpenCode {
    /// The codes of this release, in the order in which reasons are given.
    private enum Known: String, CaseIterable {
        case neverConnected, os32Bit, schedulerNotRunning, autodeployNo, restartNeeded, passwordAccessNotGenerate,
            platformMismatch, versionNotInRange, floorMissing, dependencyMissing, otherProductInstalled,
            alreadyInstalled, rejectedRelease, pinned, locked, diskSpace, notRoot, identityChanged, trustFailed,
            orderExpired, kindUnsupported, clientRevoked, spokeRevoked, spokeFull

        var row: (meaning: String, next: String) {
            switch self {
            case .neverConnected:
                (
                    "the client has never connected, so nothing is known about it",
                    "Start the agent on the machine and check that it reaches its spoke."
                )
            case .os32Bit:
                (
                    "the machine's userland is 32-bit and the package is for 64-bit",
                    "Move the machine to a 64-bit system, or publish a 32-bit package."
                )
            case .schedulerNotRunning:
                (
                    "the product's scheduler is not running",
                    "Start the scheduler on the machine, then run the rollout again."
                )
            case .autodeployNo:
                (
                    "the machine's owner has set autodeploy to no",
                    "Ask the machine's owner to set autodeploy to yes or noreboot."
                )
            case .restartNeeded:
                (
                    "the update needs a restart, which the machine or the order does not allow",
                    "Allow restarts in the rollout, or set autodeploy to yes on the machine."
                )
            case .passwordAccessNotGenerate:
                (
                    "the product asks for its password, so it cannot start unattended",
                    "Set the product's password access to generate on the machine."
                )
            case .platformMismatch:
                (
                    "the package is made for another platform",
                    "Publish a package for the machine's platform, or leave the machine out."
                )
            case .versionNotInRange:
                (
                    "the package does not update the installed release",
                    "Install a release in the package's range first, or choose another release."
                )
            case .floorMissing:
                (
                    "a release that may not be skipped has to be installed first",
                    "Roll out the floor release first, then this one."
                )
            case .dependencyMissing:
                (
                    "another product that the package needs is missing or in the wrong version",
                    "Roll out the product that is needed first."
                )
            case .otherProductInstalled:
                (
                    "a product that the package cannot live beside is installed",
                    "Remove the other product, or leave the machine out."
                )
            case .alreadyInstalled: ("the release is already installed", "Nothing is to be done.")
            case .rejectedRelease:
                (
                    "the release failed on this machine before and was rejected",
                    "Choose a later release."
                )
            case .pinned:
                (
                    "the machine's owner holds the product at its release",
                    "Ask the machine's owner to remove the pin."
                )
            case .locked:
                (
                    "an update lock is on the product since an earlier update failed",
                    "Find out why the update failed, then order the release again."
                )
            case .diskSpace: ("there is not enough free disk space", "Free disk space on the machine.")
            case .notRoot: ("the agent does not run as root and the package needs it", "Run the agent as root.")
            case .identityChanged:
                (
                    "the machine is not the one that joined",
                    "Join the machine again with a new token."
                )
            case .trustFailed:
                (
                    "the order or the package could not be verified",
                    "Look at the activity log for the check that failed; it may be an attack."
                )
            case .orderExpired: ("the order has expired", "Start the rollout again.")
            case .kindUnsupported:
                (
                    "the agent cannot install packages of this kind",
                    "Publish the release as a tree as well, or leave the machine out."
                )
            case .clientRevoked:
                (
                    "the client is revoked",
                    "Join the machine again with a new token if it is to come back."
                )
            case .spokeRevoked:
                (
                    "the spoke that the machine joined through is revoked",
                    "Join the machine again through another spoke; docs/status.md says how ('axle token create --replaces')."
                )
            case .spokeFull:
                (
                    "the spoke lacks space for the package",
                    "Raise the pool's quota with 'axle pool set POOL --quota SIZE', or prune the pool."
                )
            }
        }
    }

    package let rawValue: String
    package init(known rawValue: String) { self.rawValue = rawValue }
    private init(_ code: Known) { rawValue = code.rawValue }
    package static var noun: String { "reason code" }

    package static let neverConnected = Self(.neverConnected)
    package static let os32Bit = Self(.os32Bit)
    package static let schedulerNotRunning = Self(.schedulerNotRunning)
    package static let autodeployNo = Self(.autodeployNo)
    package static let restartNeeded = Self(.restartNeeded)
    package static let passwordAccessNotGenerate = Self(.passwordAccessNotGenerate)
    package static let platformMismatch = Self(.platformMismatch)
    package static let versionNotInRange = Self(.versionNotInRange)
    package static let floorMissing = Self(.floorMissing)
    package static let dependencyMissing = Self(.dependencyMissing)
    package static let otherProductInstalled = Self(.otherProductInstalled)
    package static let alreadyInstalled = Self(.alreadyInstalled)
    package static let rejectedRelease = Self(.rejectedRelease)
    package static let pinned = Self(.pinned)
    package static let locked = Self(.locked)
    package static let diskSpace = Self(.diskSpace)
    package static let notRoot = Self(.notRoot)
    package static let identityChanged = Self(.identityChanged)
    package static let trustFailed = Self(.trustFailed)
    package static let orderExpired = Self(.orderExpired)
    package static let kindUnsupported = Self(.kindUnsupported)
    package static let clientRevoked = Self(.clientRevoked)
    package static let spokeRevoked = Self(.spokeRevoked)
    package static let spokeFull = Self(.spokeFull)

    /// Every code of this release, in the order in which reasons are given.
    package static let all = Known.allCases.map { Self($0) }

    private var row: (meaning: String, next: String)? { Known(rawValue: rawValue)?.row }

    /// What the code means, for a person; one clause without a full stop.
    package var meaning: String { row?.meaning ?? "a reason that this release does not know (\(rawValue))" }

    /// What a person can do about it; one sentence.
    package var next: String { row?.next ?? "Update axle to learn more." }
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
