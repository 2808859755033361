internal import Agent
internal import Content
internal import Model
internal import Protocol

/// One download of an agent, as `AgentDownload` does it: by the way that the spoke plans, else, in the same run, as the published file.
final class SimulatedDownload {
    private unowned let agent: AgentNode
    private let package: Package
    private let link: LinkEnd
    private let finished: (DownloadOutcome) -> Void
    private var isOver = false

    private var machine: Machine { agent.machine }
    private var fleet: Fleet { agent.fleet }
    private var published: ContentIdentity { ContentIdentity(length: package.length, sha256: package.sha256) }
    private var content: ContentIdentity {
        ContentIdentity(length: package.content.length.bytes, sha256: package.content.sha256)
    }

    init(
        _ agent: AgentNode, _ package: Package, _ link: LinkEnd, finished: @escaping (DownloadOutcome) -> Void
    ) {
        self.agent = agent
        self.package = package
        self.link = link
        self.finished = finished
    }

    /// Nobody waits for its end any more.
    func cancel() { isOver = true }

    func run() {
        guard !isWhole else { return end(.complete) }
        let base = machine.base.map { ReleaseBases.Base(identity: $0.identity, path: "") }
        let accepts = DownloadPlan.accepts(package, hasBase: base != nil, canPatch: machine.hasLibrary)
        guard !accepts.isEmpty else { return fetchPublished() }
        let ask = FetchPlan(
            path: package.path, sha256: package.sha256, length: package.length,
            bases: base.map { [$0.identity.sha256] } ?? [], accepts: accepts, isUnpackedOnly: missing != nil)
        link.ask(.fetchPlan(ask)) { [self] answer in
            guard !isOver else { return }
            switch answer {
            case nil: end(.failed("the spoke gave no plan"))
            case .plan(let plan)?: planned(DownloadPlan.judge(plan, for: package, base: base, accepts: accepts))
            case .error(let refusal)?: unplanned(refusal)
            default: fetchPublished()
            }
        }
    }

    private var missing: MissingLibrary? { machine.missing(package) }

    private var isWhole: Bool {
        missing == nil ? machine.files.archive(of: package) != nil : machine.files.file(package, .content) != nil
    }

    private func unplanned(_ refusal: ErrorReply) {
        // Whatever the spoke has to say is said again about the file.
        guard let missing else { return fetchPublished() }
        if refusal.code == .busy { fleet.tally.contentsAwaited += 1 }
        end(refusal.code == .busy ? DownloadOutcome(refusal) : .failed(missing.advice(refusal.text)))
    }

    private func planned(_ plan: DownloadPlan) {
        let begun = machine.files.part(package, .published) ?? 0
        guard missing == nil, plan.isWorseThan(begun: begun, of: package) else { return follow(plan) }
        fetch(published, .published) { [self] isRight in
            isRight ? done(.published) : end(.mismatch)
        } refused: { [self] _ in
            follow(plan)
        }
    }

    private func follow(_ plan: DownloadPlan) {
        switch plan {
        case .published: missing == nil ? fetchPublished() : fetchContent(isLast: true)
        case .refused(let why): fallBack(why)
        case .content: fetchContent(isLast: missing != nil)
        case .patch(let patch, let base):
            fetch(patch, .patch(patch.sha256)) { [self] isRight in
                isRight
                    ? apply(patch.sha256, base.identity) : fallBack("what came has another hash than was planned")
            } refused: { [self] in
                fallBack($0.text)
            }
        }
    }

    // MARK: Ways

    /// A way was of no use; the published file is, or the content where that cannot be unpacked.
    private func fallBack(_ why: String) {
        fleet.tally.agentFallBacks += 1
        fleet.note(agent.name, "\(package.path.release) comes in the last way: \(why)")
        missing == nil ? fetchPublished() : fetchContent(isLast: true)
    }

    private func fetchPublished() {
        fetch(published, .published) { [self] isRight in
            isRight ? done(.published) : end(.mismatch)
        } refused: { [self] in
            end(DownloadOutcome($0))
        }
    }

    private func fetchContent(isLast: Bool) {
        machine.files.removePublished(package)
        fetch(content, .content) { [self] isRight in
            if isRight { return done(.content) }
            isLast ? end(.mismatch) : fallBack("what came has another hash than was planned")
        } refused: { [self] in
            isLast ? end(DownloadOutcome($0)) : fallBack($0.text)
        }
    }

    /// Fetches bytes of this hash into the downloads folder; `then` hears whether they are right, `refused` what else the spoke answers.
    private func fetch(
        _ object: ContentIdentity, _ form: MachineFiles.Form, then: @escaping (_ isRight: Bool) -> Void,
        refused: @escaping (ErrorReply) -> Void
    ) {
        guard machine.files.file(package, form) == nil else { return then(true) }
        if let held = machine.files.part(package, form), held > object.length { machine.files.dropPart(package, form) }
        let held = machine.files.part(package, form) ?? 0
        guard held < object.length else { return then(machine.files.finish(package, form, object)) }
        fleet.checks.fetches(agent.name, from: held, held: machine.files.part(package, form) ?? 0)
        if held > 0 { fleet.tally.resumedDownloads += 1 }
        let fetch = Fetch(limit: object.length) { [self] bytes, _ in
            guard !isOver else { return false }
            let breaks = form != .published && fleet.faults.breaksOff(random: &agent.random)
            if breaks { link.breakOff() }
            machine.files.append(breaks ? Array(bytes.prefix(bytes.count / 2)) : bytes, package, form)
            return !breaks
        } finished: { [self] outcome in
            guard !isOver else { return }
            switch outcome {
            case .done: then(machine.files.finish(package, form, object))
            case .answered(let reply): refused(reply)
            case .tooLong: refused(ErrorReply(code: .invalid, text: "it is too long"))
            case .timedOut: end(.failed("it is too slow"))
            case .failed(let why): end(.failed(why))
            }
        }
        link.fetch(
            .fetchPackage(
                FetchPackage(path: package.path, sha256: object.sha256, length: object.length, offset: held)),
            .normal, fetch)
    }

    /// Makes the content of the base, as the limited child does.
    private func apply(_ patch: SHA256Digest, _ base: ContentIdentity) {
        let fault = fleet.faults.work(random: &agent.random)
        agent.later(agent.random.milliseconds(20...2_500)) { [self] in
            guard !isOver else { return }
            if fault == .isKilled { return agent.crash("while it applies a patch", restartAfter: fleet.faults.pause()) }
            var made: [UInt8]?
            if let bytes = machine.files.file(package, .patch(patch)), let old = machine.base, old.identity == base {
                made = SimulatedPatch.apply(
                    bytes, to: (base.sha256, old.bytes), wanting: content.sha256, hasLibrary: machine.hasLibrary)
            }
            if fault == .lies, let last = made?.popLast() { made?.append(~last) }
            if fault != nil, fault != .lies { made = nil }
            let means = machine.files.file(package, .patch(patch))?.first.flatMap { TransferMeans(rawValue: $0) }
            guard let made, machine.files.put(made, package, .content, content) else {
                machine.files.remove(package, .patch(patch))
                machine.removeBase()
                return fallBack("the patch could not be used")
            }
            done(means ?? .patch)
        }
    }

    // MARK: The end

    private func done(_ means: TransferMeans) {
        fleet.tally.agents[means, default: 0] += 1
        machine.files.removeRest(package)
        end(.complete)
    }

    private func end(_ outcome: DownloadOutcome) {
        guard !isOver else { return }
        isOver = true
        finished(outcome)
    }
}
