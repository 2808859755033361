package import Model
package import Protocol

/// What an agent's core wants done; the shell does it after the transaction that decided it is durable.
///
/// Each of `checkTarget`, `gatherFacts`, `download` and `perform` is answered by one event of its own, unless the process ends before; then the
/// core asks again.
package enum AgentEffect: Equatable, Sendable {
    /// Something on the link to the spoke.
    case link(LinkEffect)
    /// Run the metadata workflow as of `at` and look the path up: from the repository when a link is open, else out of what is kept. `hubRoot` is the
    /// hash of the hub's catalog root, for a machine that was given none.
    case checkTarget(ActionID, TargetPath, hubRoot: SHA256Digest?, at: UnixTime)
    /// Take what the hub has signed about the fleet (`revocations`, `anchors`), and answer the request.
    case takeFleetWord(LinkID, RequestID, Message)
    /// Gather the machine's facts, with those that matter to a package.
    case gatherFacts(FactsPurpose, Package?, FactsGatherer.Known)
    /// Fetch the package's bytes from the spoke, going on where an attempt before broke off, and check their hash.
    case download(ActionID, Package)
    /// Stop a download; its answer is not waited for.
    case stopDownload(ActionID)
    /// Do a step of an install.
    case perform(InstallJob)
    /// The release of the agent that is on trial has proved itself: remove the trial's record.
    case confirmTrial
    /// End the process, so that the supervisor starts the current release.
    case restartAgent
    /// Send `wake` at this time of the machine's own clock, or a little later; replaces the wake before.
    case wake(at: UnixTime)
    /// A line for the machine's log.
    case log(EventSeverity, String)
}

/// A step of an install with all that is needed to do it.
package struct InstallJob: Equatable, Sendable {
    package var action: ActionID
    package var step: InstallStep
    package var package: Package
    /// The release that was current before; nil when there was none.
    package var previous: ReleaseName?
    /// The package is the agent itself.
    package var isSelf: Bool
    /// Another open action needs the same downloaded files: its package has the same bytes.
    package var sharesFiles: Bool

    package init(
        action: ActionID, step: InstallStep, package: Package, previous: ReleaseName?, isSelf: Bool,
        sharesFiles: Bool = false
    ) {
        self.sharesFiles = sharesFiles
        self.action = action
        self.step = step
        self.package = package
        self.previous = previous
        self.isSelf = isSelf
    }
}
