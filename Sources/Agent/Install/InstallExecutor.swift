import Model
internal import System

/// Does the steps of installs on the machine: hooks, trees, services, health. Every step may be done again after a cut.
///
/// Blocks: call on the named queue of installs, one job at a time.
package struct InstallExecutor: Sendable {
    private let installer: TreeInstaller
    private let hooks: HookRunner
    private let downloads: String
    private let bases: ReleaseBases?
    private let links: ProgramLinks?
    private let trial: TrialFile
    private let serviceCommand: [String]
    private let rebootCommand: [String]

    /// `downloads` is the folder of `PackageFiles`; what is installed is kept in `bases` for later patches, and `links`
    /// point at its programs.
    package init(
        installer: TreeInstaller, hooks: HookRunner, downloads: String, trial: TrialFile,
        configuration: AgentConfiguration, bases: ReleaseBases? = nil, links: ProgramLinks? = nil
    ) {
        self.bases = bases
        self.links = links
        self.installer = installer
        self.hooks = hooks
        self.downloads = downloads
        self.trial = trial
        serviceCommand = configuration.serviceCommand
        rebootCommand = configuration.rebootCommand
    }

    /// Does one step; whatever goes wrong is an outcome.
    package func perform(_ job: InstallJob) -> StepOutcome {
        do {
            try run(job)
            return .done
        } catch let error as AgentError {
            runErrorHooks(job)
            return error.code == .retryLater ? .retryLater(error.message) : .failed(error.code, error.message)
        } catch {
            runErrorHooks(job)
            return .failed(.io, "\(job.step): \(error)")
        }
    }

    private func run(_ job: InstallJob) throws {
        let package = job.package
        let (product, release) = (package.path.product, package.path.release)
        switch job.step {
        case .enter:
            try hook(.installing, .enter, job)
        case .stage:
            guard let archive = files(package).archive else {
                throw AgentError(.storeDamaged, "the files of \(package.path) are gone from \(downloads)")
            }
            try installer.stage(package, action: job.action, archive: archive)
        case .place:
            try installer.place(package, action: job.action)
        case .stop:
            try services("stop", package)
        case .activate:
            if job.isSelf { try trial.write(Trial(release: release.text, previous: job.previous?.text)) }
            try installer.switchTo(product, release)
            settleLink(of: product)
            try hook(.installing, .leave, job)
        case .restart:
            try hook(.restarting, .enter, job)
            try services("start", package)
            if package.metadata.install.restart == .machine { try command(rebootCommand, []) }
            try hook(.restarting, .leave, job)
        case .verify:
            try hook(.verifying, .enter, job)
            try HealthRunner.check(package, in: installer.folder(product, release))
            try hook(.verifying, .leave, job)
        case .commit:
            try installer.prune(product, keeping: job.previous)
            // Without a base the next release comes whole, which is no reason to fail this one.
            try? bases?.keep(files(package), leavingFiles: job.sharesFiles)
            if !job.sharesFiles { try files(package).remove() }
        case .deactivate:
            try hook(.rollingBack, .enter, job)
            try services("stop", package)
            try installer.switchBack(product, to: job.previous)
            settleLink(of: product)
            if job.isSelf { try trial.remove() }
        case .recover:
            try recover(job)
            try hook(.rollingBack, .leave, job)
        case .discard:
            try installer.discard(product, release: job.previous == release ? nil : release, action: job.action)
            if !job.sharesFiles { try files(package).remove() }
        }
    }

    /// A link that cannot be made is no reason to fail an install: the program runs by its own path. The agent's next
    /// start says what is in the way.
    private func settleLink(of product: ProductName) {
        _ = try? links?.settle(product)
    }

    /// The release before runs again and says that it is well.
    private func recover(_ job: InstallJob) throws {
        let product = job.package.path.product
        guard let previous = job.previous else { return }
        let before = try installer.receipt(product, previous)?.package
        try services("start", before ?? job.package)
        if let before { try HealthRunner.check(before, in: installer.folder(product, previous)) }
    }

    private func files(_ package: Package) -> PackageFiles { PackageFiles(package, in: downloads) }

    private func hook(_ state: ActionState, _ phase: HookRunner.Phase, _ job: InstallJob) throws {
        try hooks.run(state, phase, action: job.action, path: job.package.path)
    }

    private func runErrorHooks(_ job: InstallJob) {
        let state = InstallPlan.change(of: job.step)?.state ?? .failed
        // Error hooks cannot fail, and an unreadable hook folder is no second failure.
        try? hook(state, .error, job)
    }

    private func services(_ verb: String, _ package: Package) throws {
        for service in package.metadata.install.services { try command(serviceCommand, [verb, service]) }
    }

    private func command(_ command: [String], _ arguments: [String]) throws {
        guard let program = command.first else { throw AgentError(.configInvalid, "a command of agent.json5 is empty") }
        var child = ChildProcess(program, command.dropFirst() + arguments)
        child.deadline = .seconds(300)
        child.outputLimit = 4096
        let outcome: ChildProcess.Outcome
        do {
            outcome = try child.run()
        } catch {
            throw AgentError(.io, "\(program) could not be started: \(error)")
        }
        guard outcome.isSuccess else {
            let text = Event.singleLine(outcome.errorText, limit: 300)
            throw AgentError(
                .io, "\(program) \(arguments.joined(separator: " ")) ended with \(outcome.status): \(text)")
        }
    }
}
