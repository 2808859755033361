import Model
import Protocol

/// Folders of this machine that show a release of a product: which one, when, and what is said about it.
extension SpokeCore {
    /// What is known of a share.
    struct ShareRecord {
        var share: Share
        /// The release's folder that the share shows; nil before it was looked at, and when it shows none.
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

    /// The machine's shares, as they are set now: at the start and whenever they were changed.
    mutating func sharesSet(_ shares: [Share]) {
        var records: [NodeName: ShareRecord] = [:]
        for share in shares {
            // One that was changed is looked at again from the beginning; what is under way for it ends by itself.
            let known = self.shares[share.name]
            records[share.name] = known?.share == share ? known : ShareRecord(share: share)
        }
        self.shares = records
        areSharesDue = true
        tellShares()
    }

    /// Asks the catalog what there is, when anything has changed that may matter.
    mutating func pumpShares(at now: UnixTime) -> UnixTime? {
        guard !shares.isEmpty else { return nil }
        let waiting = shares.values.filter { !$0.isSettled && !$0.isUnderWay && $0.notBefore > .zero }
        let next = waiting.map(\.notBefore).min()
        let isRetryDue = next.map { $0 <= now } ?? false
        if areSharesDue || isRetryDue, !isSurveying {
            areSharesDue = false
            isSurveying = true
            effects.append(.surveyCatalog(Set(shares.values.map(\.share.product))))
        }
        return isRetryDue ? nil : next
    }

    /// The packages of the shares' products that the trusted catalog names; nil when there is none that is in date.
    mutating func surveyed(_ catalog: [Package]?, at now: UnixTime) throws {
        isSurveying = false
        let verified = Set(try store.replicas().filter { $0.state == .verified && $0.isHeld(held) }.map(\.sha256))
        for name in shares.keys.sorted() {
            guard var record = shares[name], !record.isUnderWay else { continue }
            // Without a catalog in date nothing is shown anew, and what is shown stays. Before anything is shown the
            // folder is looked at.
            let choice =
                !record.isLookedAt
                ? nil
                : catalog.map { catalog in
                    ShareChoice(
                        record.share, in: catalog, shown: record.shown, shownBy: record.shownBy, completed: completed,
                        isHere: { verified.contains($0.sha256) })
                }
            if let why = choice?.problem {
                if record.problem != why || record.notBefore <= now { try shareFailed(&record, why, at: now) }
                shares[name] = record
                continue
            }
            if let choice { try note(choice, of: &record, at: now) }
            let package = choice?.package
            let wanted = package.map { ShareView.name(of: $0) }
            if wanted != record.wanted {
                record.failures = 0
                record.notBefore = .zero
            } else if record.isSettled || record.notBefore > now {
                shares[name] = record
                continue
            }
            record.wanted = wanted
            record.isSettled = false
            record.isUnderWay = true
            shares[name] = record
            effects.append(.tendShare(record.share, package))
        }
        tellShares()
    }

    mutating func shareTended(_ share: Share, _ outcome: ShareOutcome, at now: UnixTime) throws {
        areSharesDue = true
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
                try log(
                    .info, .sharePublished, "share/\(share.name)",
                    "\(share.folder) shows \(share.product) \(ShareView.release(of: shown)) now (rule: \(share.shows))",
                    at: now)
            }
        case .failed(let why): try shareFailed(&record, why, at: now)
        case .needsPublishedFile:
            record.failures += 1
            record.notBefore = now + shareWait(record.failures)
            record.problem = "the published file is being fetched: only what is inside it is here"
            if let wanted = record.wanted {
                for replica in try store.replicas()
                where replica.paths.contains(where: { ShareView.name(of: $0.release, replica.sha256) == wanted }) {
                    publishedWanted.insert(replica.sha256)
                    nextAttempt = .zero
                }
            }
        }
        shares[share.name] = record
        tellShares()
    }

    /// Remembers what is to be known of a choice, and says a warning once.
    private mutating func note(_ choice: ShareChoice, of record: inout ShareRecord, at now: UnixTime) throws {
        guard record.note != choice.note else { return }
        record.note = choice.note
        guard choice.isWarning else { return }
        try log(.warning, .shareFailed, "share/\(record.share.name)", choice.note, at: now)
    }

    /// Looks at every folder again: somebody may have changed one.
    mutating func recheckShares() {
        for name in shares.keys {
            shares[name]?.isSettled = false
            shares[name]?.notBefore = .zero
        }
        areSharesDue = true
    }

    private mutating func shareFailed(_ record: inout ShareRecord, _ why: String, at now: UnixTime) throws {
        record.failures += 1
        record.isSettled = false
        record.notBefore = now + shareWait(record.failures)
        guard record.problem != why else { return }
        record.problem = why
        try log(.error, .shareFailed, "share/\(record.share.name)", why, at: now)
    }

    private mutating func shareWait(_ failures: Int) -> Duration {
        let wait = min(SpokeLimits.firstRetry * (1 << min(max(failures - 1, 0), 10)), SpokeLimits.lastRetry)
        return wait * Int(Int64.random(in: 500...1000, using: &random)) / 1000
    }

    // MARK: - Telling the hub

    /// Tells the hub all shares, whenever that is something else than it was told last.
    mutating func tellShares(isAnew: Bool = false) {
        guard let hub else { return }
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
        guard isAnew ? !message.items.isEmpty : message != toldShares else { return }
        toldShares = message
        supersede(.shares)
        ask(hub, .shares(message), .shares)
    }
}
