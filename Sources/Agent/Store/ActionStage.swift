package import Model

/// How far an action is, each stage with the data that it needs.
package enum ActionStage: Equatable, Sendable {
    /// The order is in the journal; the package is what the signed targets say, once they were
    /// asked.
    case offered(TargetPath, Package?)
    case downloading(Package)
    case downloaded(Package)
    case waitingForWindow(Package)
    /// The install has begun, forward or back.
    case changing(Change, InstallProgress)
    case cancelling(TargetPath?)
    /// Over, with the path unless a cancel came before its order, and how far an install came if
    /// one had begun.
    case over(End, TargetPath?, InstallProgress?)

    /// What is being done to the machine.
    package enum Change: Sendable {
        case installing, restarting, verifying, rollingBack
    }

    /// How an action ended.
    package enum End: Sendable {
        case refused, succeeded, failed, cancelled, rolledBack, rollbackFailed
    }
}

extension ActionStage {
    /// The state as reports have it.
    package var state: ActionState {
        switch self {
        case .offered: .offered
        case .downloading: .downloading
        case .downloaded: .downloaded
        case .waitingForWindow: .waitingForWindow
        case .changing(let change, _): change.state
        case .cancelling: .cancelling
        case .over(let end, _, _): end.state
        }
    }

    package var path: TargetPath? {
        switch self {
        case .offered(let path, _): path
        case .downloading(let package), .downloaded(let package), .waitingForWindow(let package): package.path
        case .changing(_, let install): install.package.path
        case .cancelling(let path), .over(_, let path, _): path
        }
    }

    /// The package that is wanted, as long as it is.
    package var package: Package? {
        switch self {
        case .offered(_, let package): package
        case .downloading(let package), .downloaded(let package), .waitingForWindow(let package): package
        case .changing(_, let install): install.package
        case .cancelling, .over: nil
        }
    }

    /// How far an install is or was; nil before it begins.
    package var install: InstallProgress? {
        switch self {
        case .offered, .downloading, .downloaded, .waitingForWindow, .cancelling: nil
        case .changing(_, let install): install
        case .over(_, _, let install): install
        }
    }

    /// Whether no install has begun yet and the action is not over.
    var isBeforeInstall: Bool { !state.isFinal && install == nil }

    /// The same stage with what the signed targets say of the package now.
    func naming(_ package: Package) -> ActionStage {
        switch self {
        case .offered(let path, _): .offered(path, package)
        case .downloading: .downloading(package)
        case .downloaded: .downloaded(package)
        case .waitingForWindow: .waitingForWindow(package)
        case .changing, .cancelling, .over: self
        }
    }

    /// The end of an action in this stage.
    func ended(_ end: End) -> ActionStage { .over(end, path, install) }
}

extension ActionStage.Change {
    package var state: ActionState {
        switch self {
        case .installing: .installing
        case .restarting: .restarting
        case .verifying: .verifying
        case .rollingBack: .rollingBack
        }
    }
}

extension ActionStage.End {
    package var state: ActionState {
        switch self {
        case .refused: .refused
        case .succeeded: .succeeded
        case .failed: .failed
        case .cancelled: .cancelled
        case .rolledBack: .rolledBack
        case .rollbackFailed: .rollbackFailed
        }
    }
}
