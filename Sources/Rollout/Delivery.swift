package import Model

/// What is known at one moment of everything between a package and a client, and what of it stands in the way.
///
/// `Eligibility.check` judges the machine; this judges the way to it: the hub's import, the spoke and its copy, the link
/// of the agent, clocks, the client's rollout. The hub fills it in from its records, and every answer about a client
/// (candidates, explain, plans, the actions of a rollout) is made by `check`.
package struct Delivery: Sendable {
    /// A machine on the way.
    package struct Machine: Sendable {
        package var name: NodeName
        package var isConnected: Bool
        /// Since when it is connected, or is not.
        package var since: UnixTime?
        package var isRevoked: Bool
        /// How far its clock is ahead of the hub's, in seconds; zero where it is right or not known.
        package var clockError: Int64

        package init(
            name: NodeName, isConnected: Bool = true, since: UnixTime? = nil, isRevoked: Bool = false,
            clockError: Int64 = 0
        ) {
            self.name = name
            self.isConnected = isConnected
            self.since = since
            self.isRevoked = isRevoked
            self.clockError = clockError
        }
    }

    /// The package's copy at the spoke.
    package struct Copy: Sendable {
        package var state: ReplicaState
        /// Bytes that the spoke's pool lacks for it; nil where it lacks none.
        package var lacking: ByteCount?
        /// What the spoke says of it.
        package var text: String?

        package init(state: ReplicaState, lacking: ByteCount? = nil, text: String? = nil) {
            self.state = state
            self.lacking = lacking
            self.text = text
        }
    }

    /// The client's action in a rollout of the release.
    package struct Work: Sendable {
        package var rollout: String
        package var rolloutState: RolloutState
        /// What the rollout waits for, or why it is paused.
        package var rolloutText: String?
        package var wave: Int
        package var waveState: WaveState
        package var action: ActionState
        /// The windows of the rollout; empty for any time.
        package var windows: [TimeSpan]

        package init(
            rollout: String, rolloutState: RolloutState, rolloutText: String? = nil, wave: Int = 0,
            waveState: WaveState = .running, action: ActionState = .pending, windows: [TimeSpan] = []
        ) {
            self.rollout = rollout
            self.rolloutState = rolloutState
            self.rolloutText = rolloutText
            self.wave = wave
            self.waveState = waveState
            self.action = action
            self.windows = windows
        }
    }

    /// The moment of the question.
    package var now: UnixTime
    package var package: PackageState
    /// Why the import failed.
    package var packageError: String?
    package var spoke: Machine
    package var client: Machine
    /// When the client reported last; nil before the first report.
    package var reported: UnixTime?
    package var isCloned = false
    /// Nil as long as the spoke was not asked to hold the package.
    package var copy: Copy?
    /// Nil where no rollout that is not over brings the release to the client.
    package var work: Work?

    package init(
        now: UnixTime, package: PackageState, packageError: String? = nil, spoke: Machine, client: Machine,
        reported: UnixTime? = nil, isCloned: Bool = false, copy: Copy? = nil, work: Work? = nil
    ) {
        self.now = now
        self.package = package
        self.packageError = packageError
        self.spoke = spoke
        self.client = client
        self.reported = reported
        self.isCloned = isCloned
        self.copy = copy
        self.work = work
    }

    /// A report that is older is named: agents report every six hours at least.
    package static let reportAge = Duration.seconds(86_400)

    /// Everything in the way: refusals as reasons, what is waited for as notes, each code at most once and in the order of
    /// `ReasonCode.all` and `NoteCode.waits`.
    package func check() -> Eligibility {
        guard work.map({ !$0.action.isFinal }) ?? true else { return Eligibility(reasons: [], notes: []) }
        let reasons = [
            client.isRevoked ? Reason(.clientRevoked) : nil,
            spoke.isRevoked
                ? Reason(.spokeRevoked, "spoke \(spoke.name), which the machine joined through, is revoked") : nil,
            space(),
        ].compactMap { $0 }
        // What a revoked machine waits for is of no use to anyone.
        guard !client.isRevoked, !spoke.isRevoked else { return Eligibility(reasons: reasons, notes: []) }
        let notes = [
            rollout(), wave(), imported(), replicated(), linkOfSpoke(), linkOfAgent(), clock(), facts(),
            isCloned ? Note(.machineCloned) : nil, window(), slot(),
        ].compactMap { $0 }
        return Eligibility(reasons: reasons, notes: notes)
    }

    /// Whether the package has to come to the spoke before anything else happens.
    private var isOnItsWay: Bool {
        switch work?.action {
        case nil, .pending, .waitingForSlot: true
        case .offered, .downloading, .downloaded, .waitingForWindow, .draining, .installing, .restarting, .verifying,
            .cancelling, .rollingBack, .uncertain, .refused, .succeeded, .failed, .cancelled, .rolledBack,
            .rollbackFailed, .missed:
            false
        }
    }

    private func space() -> Reason? {
        guard isOnItsWay, let copy, copy.state == .pending, let lacking = copy.lacking else { return nil }
        return Reason(.spokeFull, "spoke \(spoke.name) lacks \(lacking) of space for the package")
    }

    private func rollout() -> Note? {
        guard let work else { return nil }
        let detail = work.rolloutText.map { ": \($0)" } ?? ""
        switch work.rolloutState {
        case .draft, .preparing, .ready:
            return Note(.rolloutWaits, "rollout \(work.rollout) is \(work.rolloutState.name)\(detail)")
        case .paused: return Note(.rolloutPaused, "rollout \(work.rollout) is paused\(detail)")
        case .running, .stopping, .stopped, .completed, .failed, .rollingBack, .rolledBack: return nil
        }
    }

    private func wave() -> Note? {
        guard let work, work.rolloutState == .running, work.waveState == .scheduled else { return nil }
        return Note(.waveWaits, "wave \(work.wave) of rollout \(work.rollout) waits for the waves before it")
    }

    private func imported() -> Note? {
        guard isOnItsWay else { return nil }
        switch package {
        case .imported: return nil
        case .announced, .downloading: return Note(.importPending, "the package is \(package.name) at the hub")
        case .failed:
            return Note(.importFailed, "the hub could not import the package" + (packageError.map { ": \($0)" } ?? ""))
        case .retired: return Note(.importFailed, "the catalog no longer names the package")
        }
    }

    private func replicated() -> Note? {
        guard isOnItsWay, package == .imported, copy?.lacking == nil else { return nil }
        switch copy?.state {
        case .verified: return nil
        case .corrupt: return Note(.replicaDamaged, "the copy at spoke \(spoke.name) is damaged and is fetched again")
        case nil, .pending, .transferring, .evicted:
            let detail = copy?.text.map { ": \($0)" } ?? ""
            return Note(.replicaPending, "spoke \(spoke.name) does not hold the package yet\(detail)")
        }
    }

    private func linkOfSpoke() -> Note? {
        guard !spoke.isConnected else { return nil }
        return Note(
            .spokeNotConnected, "spoke \(spoke.name) is not connected" + (spoke.since.map { " since \($0)" } ?? ""))
    }

    /// Behind a spoke that is away nothing is known of the agent's link.
    private func linkOfAgent() -> Note? {
        guard spoke.isConnected, !client.isConnected else { return nil }
        return Note(
            .notConnected, "\(client.name) is not connected" + (client.since.map { " since \($0)" } ?? ""))
    }

    private func clock() -> Note? {
        let wrong = [spoke, client].filter { $0.clockError != 0 }
        guard !wrong.isEmpty else { return nil }
        let texts = wrong.map { machine in
            let side = machine.clockError > 0 ? "ahead" : "behind"
            return "the clock of \(machine.name) is \(machine.clockError.magnitude) s \(side)"
        }
        return Note(.clockWrong, texts.joined(separator: ", "))
    }

    private func facts() -> Note? {
        guard let reported, now - reported > Self.reportAge else { return nil }
        return Note(.factsOld, "the last report of \(client.name) is of \(reported)")
    }

    private func window() -> Note? {
        guard let work, !work.windows.isEmpty, work.rolloutState == .running || work.rolloutState == .ready else {
            return nil
        }
        switch work.action {
        case .pending, .waitingForSlot, .offered, .downloading, .downloaded, .waitingForWindow: break
        case .draining, .installing, .restarting, .verifying, .cancelling, .rollingBack, .uncertain, .refused,
            .succeeded, .failed, .cancelled, .rolledBack, .rollbackFailed, .missed:
            return nil
        }
        guard !work.windows.contains(where: { $0.start <= now && now < $0.end }) else { return nil }
        guard let next = work.windows.first(where: { $0.start > now }) else {
            return Note(.windowClosed, "all windows of rollout \(work.rollout) are over")
        }
        return Note(.windowClosed, "the next window of rollout \(work.rollout) opens at \(next.start)")
    }

    private func slot() -> Note? {
        work?.action == .waitingForSlot
            ? Note(.slotTaken, "all slots of rollout \(work?.rollout ?? "") are taken") : nil
    }
}
