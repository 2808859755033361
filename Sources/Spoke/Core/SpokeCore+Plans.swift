import Model
import Protocol

/// How a package comes: what the hub is asked, what of its answer is believed, and what happens when a plan fails.
extension SpokeCore {
    /// The catalog names the package: it is here already, or the hub is asked how it had best come, or the published file is fetched.
    mutating func choose(_ replica: WantedReplica, at now: UnixTime) throws {
        var replica = replica
        guard attempts[replica.sha256]?.isExtra == false else { return try begin(replica, .published) }
        // The reason of the last failure stays, so that the same one is not logged again.
        replica.state = .transferring
        try store.save(replica)
        if replica.isHeld(held) {
            let plan: TransferPlan = held.contains(replica.sha256) ? .published : .content
            attempts[replica.sha256]?.plan = plan
            return try ended(replica.sha256, .verified, at: now)
        }
        let accepted = try means(for: replica)
        guard let hub, !accepted.isEmpty else { return try begin(replica, .published) }
        let bases = accepted.contains(where: \.needsBase) ? try self.bases(for: replica).map(\.sha256) : []
        sendState(of: replica)
        supersede(.plan(replica.sha256))
        ask(
            hub,
            .fetchPlan(
                FetchPlan(
                    path: replica.path, sha256: replica.sha256, length: replica.length, bases: bases, accepts: accepted)
            ),
            .plan(replica.sha256))
    }

    /// The means that are of use for a replica beside its published file.
    private func means(for replica: WantedReplica) throws -> [TransferMeans] {
        guard !replica.isPlain, replica.content != nil else { return [] }
        var means: [TransferMeans] = []
        if accepts.contains(.content), replica.packed != nil { means.append(.content) }
        if try !bases(for: replica).isEmpty, try store.patches().count < SpokeLimits.patches {
            means += TransferMeans.fromBase.filter { accepts.contains($0) }
        }
        return means
    }

    private func bases(for replica: WantedReplica) throws -> [PackageContent] {
        Array(
            ContentKeeping.bases(for: replica, among: try store.replicas(), held: held).prefix(FetchPlan.limit))
    }

    private mutating func begin(_ replica: WantedReplica, _ plan: TransferPlan) throws {
        attempts[replica.sha256]?.plan = plan
        if case .patch(let patch, let length, let base, let means) = plan, let content = replica.content {
            // Written down before a byte of it is here, so that it is never in the pool without a name.
            try store.save(
                KeptPatch(
                    sha256: patch, length: length, means: means, base: base.sha256, content: content.sha256,
                    path: replica.path))
        }
        sendState(of: replica)
        effects.append(.transfer(replica, plan))
    }

    /// The hub's answer.
    mutating func planned(_ sha256: SHA256Digest, _ message: Message, at now: UnixTime) throws {
        guard let replica = try store.replica(sha256), attempts[sha256] != nil else { return }
        switch message {
        case .plan(let plan):
            patience[sha256] = nil
            let judgement = TransferPlan.judge(
                plan, for: replica, bases: try bases(for: replica), accepts: try means(for: replica))
            switch judgement {
            case .accepted(let plan): try begin(replica, plan)
            case .refused(let why):
                try log(
                    .error, .replicaFailed, of: replica,
                    "the hub's plan was refused: \(why); the published file is fetched", at: now)
                try beginPlain(replica)
            }
        case .error(let error) where error.code == .busy:
            let since = patience[sha256] ?? now
            patience[sha256] = since
            // A clock that was set back begins to wait anew, and no longer.
            guard now >= since, now - since < SpokeLimits.planPatience else {
                patience[sha256] = nil
                return try begin(replica, .published)
            }
            try wait(replica, error, at: now)
        default:
            // An older hub knows no plans, and whatever else it has to say is said again about the file.
            patience[sha256] = nil
            try begin(replica, .published)
        }
    }

    /// No answer came: a hub that is there and says nothing is as good as an older one.
    mutating func planUnanswered(_ sha256: SHA256Digest, isLinkOpen: Bool, at now: UnixTime) throws {
        guard let replica = try store.replica(sha256), attempts[sha256] != nil else { return }
        guard isLinkOpen else {
            var replica = replica
            // The next attempt may start with the next link.
            attempts[sha256] = nil
            replica.state = .pending
            replica.notBefore = .zero
            nextAttempt = .zero
            return try store.save(replica)
        }
        try begin(replica, .published)
    }

    /// Comes again when the hub said; no failure of anything.
    private mutating func wait(_ replica: WantedReplica, _ error: ErrorReply, at now: UnixTime) throws {
        var replica = replica
        attempts[replica.sha256] = nil
        replica.state = .pending
        replica.text = "waiting for the hub: \(error.text)"
        let wait = error.retryAfterSeconds.map { Duration.seconds(Int64(clamping: $0)) } ?? SpokeLimits.firstRetry
        replica.notBefore = now + min(max(wait, .seconds(1)), SpokeLimits.planWait)
        nextAttempt = .zero
        try store.save(replica)
        sendState(of: replica)
    }

    private mutating func beginPlain(_ replica: WantedReplica) throws {
        var replica = replica
        replica.isPlain = true
        try store.save(replica)
        try begin(replica, .published)
    }

    /// A planned content or patch was of no use: it goes, and the next attempt, at once, takes the published file.
    mutating func planFailed(_ replica: WantedReplica, _ plan: TransferPlan, _ why: String, at now: UnixTime) throws {
        guard plan != .published else { return try postpone(replica, why, at: now) }
        try log(
            .warning, .replicaFailed, of: replica,
            "the \(plan.means.phrase) could not be used: \(why); the published file is fetched", at: now)
        if case .patch(let patch, _, _, _) = plan {
            try store.removePatch(patch)
            effects.append(.evict([patch]))
        }
        var replica = replica
        attempts[replica.sha256] = nil
        replica.isPlain = true
        replica.state = .pending
        replica.notBefore = .zero
        nextAttempt = .zero
        try store.save(replica)
    }
}
