import Codec
import Model
import Protocol

/// Folders of this machine that show a release of a product: which one, when, and what is said
/// about it.
///
/// Keeps what is known of each share, what the hub said of the releases that rollouts completed,
/// and what the hub was told. Notes which published files are needed. Takes that the holdings or
/// the catalog have changed.
struct MachineShares {
    /// What is known of a share.
    private struct Record {
        var share: Share
        /// The release's folder that the share shows; nil before it was looked at, and when it
        /// shows none.
        var shown: String?
        /// The rule by which that was chosen.
        var shownBy = ShareRule.newest
        /// Whether it is known what the folder shows.
        var isLookedAt = false
        /// The folder fits `wanted`.
        var isSettled = false
        /// The release's folder that is being made, or was tried last.
        var wanted: String?
        var isUnderWay = false
        /// Why it is not as it should be; empty when all is well.
        var problem = ""
        /// Why it shows nothing yet, or something else than its rule names; empty for nothing.
        var note = ""
        var failures = 0
        var notBefore = UnixTime.zero
    }

    private var shares: [NodeName: Record] = [:]
    /// Whether the catalog has to be asked what they are to show, and whether it is being asked.
    private var isDue = true
    private var isSurveying = false
    /// What the hub said of the rollouts that some of them follow.
    private var completed = CompletedKnowledge()
    /// What the hub was told of them last.
    private var told: Shares?

    /// Takes up what an earlier run has kept of completed releases.
    mutating func start(_ turn: SpokeTurn) throws {
        guard let bytes = try turn.store.setting(.completedReleases) else { return completed.told = nil }
        // What cannot be read is asked for anew on connect.
        completed.told = try? CompletedReleases(MessageFields(frame: bytes.span, of: CompletedReleases.name))
    }

    /// The machine's shares, as they are set now: at the start and whenever they were changed.
    mutating func set(_ shares: [Share], _ turn: inout SpokeTurn) {
        var records: [NodeName: Record] = [:]
        for share in shares {
            // One that was changed is looked at again from the beginning; what is under way for it
            // ends by itself.
            let known = self.shares[share.name]
            records[share.name] = known?.share == share ? known : Record(share: share)
        }
        self.shares = records
        isDue = true
        tell(&turn)
    }

    /// Looks at every folder again: somebody may have changed one.
    mutating func recheck() {
        for name in shares.keys {
            shares[name]?.isSettled = false
            shares[name]?.notBefore = .zero
        }
        isDue = true
    }

    // MARK: - Asking the catalog

    /// Asks the catalog what there is, when anything has changed that may matter.
    mutating func settle(_ turn: inout SpokeTurn) {
        takeChanges(&turn)
        guard !shares.isEmpty, !isSurveying else { return }
        guard isDue || nextRetry.map({ $0 <= turn.now }) ?? false else { return }
        isDue = false
        isSurveying = true
        turn.effect(.surveyCatalog(Set(shares.values.map(\.share.product))))
    }

    /// Takes changes without acting on them yet.
    mutating func takeChanges(_ turn: inout SpokeTurn) {
        if turn.take(.sharesDue) { isDue = true }
    }

    /// When the next share that failed is tried again; one that is due already waits for the
    /// catalog's answer.
    func nextDue(_ turn: SpokeTurn) -> UnixTime? { nextRetry.flatMap { $0 > turn.now ? $0 : nil } }

    private var nextRetry: UnixTime? {
        shares.values.filter { !$0.isSettled && !$0.isUnderWay && $0.notBefore > .zero }.map(\.notBefore).min()
    }

    /// The packages of the shares' products that the trusted catalog names; nil when there is none
    /// that is in date.
    mutating func surveyed(_ catalog: [Package]?, _ pool: PoolContents, _ turn: inout SpokeTurn) throws {
        isSurveying = false
        let verified = Set(
            try turn.store.replicas().filter { $0.state == .verified && $0.isHeld(pool.held) }.map(\.sha256))
        for name in shares.keys.sorted() {
            guard var record = shares[name], !record.isUnderWay else { continue }
            // Without a catalog in date nothing is shown anew, and what is shown stays. Before
            // anything is shown the folder is looked at.
            let choice =
                !record.isLookedAt
                ? nil
                : catalog.map { catalog in
                    ShareChoice(
                        record.share, in: catalog, shown: record.shown, shownBy: record.shownBy, completed: completed,
                        isHere: { verified.contains($0.sha256) })
                }
            if let why = choice?.problem {
                if record.problem != why || record.notBefore <= turn.now { try Self.fail(&record, why, &turn) }
                shares[name] = record
                continue
            }
            if let choice { try Self.note(choice, of: &record, &turn) }
            let package = choice?.package
            let wanted = package.map { ShareView.name(of: $0) }
            if wanted != record.wanted {
                record.failures = 0
                record.notBefore = .zero
            } else if record.isSettled || record.notBefore > turn.now {
                shares[name] = record
                continue
            }
            record.wanted = wanted
            record.isSettled = false
            record.isUnderWay = true
            shares[name] = record
            turn.effect(.tendShare(record.share, package))
        }
        tell(&turn)
    }

    /// Remembers what is to be known of a choice, and says a warning once.
    private static func note(_ choice: ShareChoice, of record: inout Record, _ turn: inout SpokeTurn) throws {
        guard record.note != choice.note else { return }
        record.note = choice.note
        guard choice.isWarning else { return }
        try turn.log(.warning, .shareFailed, "share/\(record.share.name)", choice.note)
    }

    // MARK: - The folders

    mutating func tended(_ share: Share, _ outcome: ShareOutcome, _ turn: inout SpokeTurn) throws {
        isDue = true
        guard var record = shares[share.name] else { return }
        record.isUnderWay = false
        // It was changed meanwhile: this says nothing about it as it is now.
        guard record.share == share else {
            shares[share.name] = record
            return
        }
        switch outcome {
        case .done(let view):
            record.shown = view.shown
            record.shownBy = view.shownBy
            record.isLookedAt = true
            record.isSettled = true
            record.failures = 0
            record.notBefore = .zero
            record.problem = ""
            if view.isNew, let shown = view.shown {
                try turn.log(
                    .info, .sharePublished, "share/\(share.name)",
                    "\(share.folder) shows \(share.product) \(ShareView.release(of: shown)) now (rule: \(share.shows))")
            }
        case .failed(let why): try Self.fail(&record, why, &turn)
        case .needsPublishedFile:
            record.failures += 1
            record.notBefore = turn.now + turn.retryWait(failures: record.failures)
            record.problem = "the published file is being fetched: only what is inside it is here"
            if let wanted = record.wanted {
                for replica in try turn.store.replicas()
                where replica.paths.contains(where: { ShareView.name(of: $0.release, replica.sha256) == wanted }) {
                    turn.note(.publishedFileWanted(replica.sha256))
                    turn.note(.replicasChanged)
                }
            }
        }
        shares[share.name] = record
        tell(&turn)
    }

    private static func fail(_ record: inout Record, _ why: String, _ turn: inout SpokeTurn) throws {
        record.failures += 1
        record.isSettled = false
        record.notBefore = turn.now + turn.retryWait(failures: record.failures)
        guard record.problem != why else { return }
        record.problem = why
        try turn.log(.error, .shareFailed, "share/\(record.share.name)", why)
    }

    // MARK: - The hub

    /// Tells the hub all shares, whenever that is something else than it was told last; over a new
    /// link, whatever it was told.
    mutating func tell(isAnew: Bool = false, _ turn: inout SpokeTurn) {
        guard turn.hub != nil else { return }
        let message = Shares(
            shares.values.sorted { $0.share.name < $1.share.name }.map { record in
                let state: ShareState =
                    record.isUnderWay && record.problem.isEmpty && !record.isSettled && record.wanted != nil
                    ? .publishing
                    : !record.problem.isEmpty ? .failed : record.shown == nil ? .waiting : .published
                return Shares.Item(
                    name: record.share.name, product: record.share.product, platform: record.share.platform,
                    folder: record.share.folder, state: state, release: record.shown.map { ShareView.release(of: $0) },
                    text: record.problem.isEmpty ? record.note : record.problem, rule: record.share.shows)
            })
        guard isAnew ? !message.items.isEmpty : message != told else { return }
        told = message
        turn.tellHub(.shares(message), .shares)
    }

    /// A hub of an earlier release takes the shares, and does not say what it does not know.
    mutating func answered(_ message: Message, _ turn: SpokeTurn) throws {
        switch message {
        case .completedReleases(let told): try keep(told, turn)
        case .ok: noteUntold()
        case .error(let error) where error.code == .unsupported: noteUntold()
        default: break
        }
    }

    private mutating func noteUntold() {
        guard !completed.isUntold, told?.followed.isEmpty == false else { return }
        completed.isUntold = true
        isDue = true
    }

    /// The hub says of itself which releases rollouts completed.
    mutating func keep(
        _ told: CompletedReleases, _ link: LinkID, _ request: RequestID, _ turn: inout SpokeTurn
    ) throws {
        try keep(told, turn)
        turn.reply(link, request, .ok(OK()))
    }

    /// Which releases rollouts completed: what the hub says is kept, so that a site without its hub
    /// goes on.
    private mutating func keep(_ told: CompletedReleases, _ turn: SpokeTurn) throws {
        completed.isUntold = false
        guard told != completed.told else { return }
        try turn.store.set(.completedReleases, to: CBOREncoder.encode(.map(told.cbor)))
        completed.told = told
        isDue = true
    }
}
