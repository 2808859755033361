import Model
import Protocol
import Rollout

/// What a spoke fetches: which way is the cheapest for it, and the bytes that it then asks for.
enum FetchPlans {
    /// Answers with the cheapest way, or asks for patience while a cheaper one is being made.
    static func plan(
        _ ask: FetchPlan, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, _ patches: inout Patches,
        _ turn: inout HubTurn
    ) throws {
        guard let record = try turn.store.package(ask.path), record.package.sha256 == ask.sha256,
            record.package.length == ask.length
        else { return turn.refuse(link, request, .notFound, "\(ask.path) is not in the catalog with this hash") }
        guard record.isHere else {
            return turn.refuse(link, request, .busy, "\(ask.path) is not here yet", retryAfter: 15)
        }
        if ask.accepts.contains(where: \.needsBase) {
            try patches.request(to: record.package, fromOneOf: ask.bases, for: ask.accepts, turn)
            try patches.startNext(&turn)
        }
        let choice = TransferChoice(
            try offer(of: record.package, patches, turn), bases: ask.bases, accepts: ask.accepts,
            takesPublished: !ask.isUnpackedOnly, at: turn.now, patience: turn.configuration.patience)
        switch choice {
        case .fetch(let means, let object, let base, let why):
            if var replica = try turn.store.replica(spoke: spoke, path: ask.path), replica.reason != why {
                replica.reason = why
                try turn.store.putReplica(replica)
            }
            let plan = Plan(means: means, sha256: object.sha256, length: object.length, base: base)
            turn.reply(link, request, .plan(plan))
        case .wait(let time, let why):
            turn.refuse(link, request, .busy, why, retryAfter: UInt64(clamping: max(time.components.seconds, 1)))
        case .nothing where ask.isUnpackedOnly:
            turn.refuse(link, request, .notFound, "\(ask.path) is here as its published file only")
        case .nothing:
            turn.refuse(link, request, .busy, "\(ask.path) is not here yet", retryAfter: 15)
        }
    }

    private static func offer(of package: Package, _ patches: Patches, _ turn: HubTurn) throws -> TransferOffer {
        let content = package.content
        let known = try turn.store.patches(to: content.sha256)
        return TransferOffer(
            published: .init(sha256: package.sha256, length: package.length),
            content: .init(sha256: content.sha256, length: content.length.bytes), holdsPublished: true,
            holdsContent: content.coding == .none || patches.holds(content.sha256),
            patches: try known.compactMap { patch in
                guard patch.state == .made, let digest = patch.sha256 else { return nil }
                return .init(
                    means: patch.key.means, base: patch.key.old, object: .init(sha256: digest, length: patch.length),
                    why: try whyNoPatch(patch, to: package, patches, turn))
            },
            // One that failed before is not waited for.
            making: known.filter {
                patches.isPossible && ($0.state == .wanted || $0.state == .making) && $0.failures == 0
            }.map { .init(means: $0.key.means, base: $0.key.old, since: $0.wished) })
    }

    /// Why chunks are offered in a patch's place; nil for a patch, and where one is still on its
    /// way.
    private static func whyNoPatch(_ chunks: PatchRecord, to new: Package, _ patches: Patches, _ turn: HubTurn) throws
        -> String?
    {
        guard chunks.key.means != .patch else { return nil }
        if let old = try turn.store.package(chunks.oldPath)?.package, Patches.isBeyondReach(old, new) {
            return "no patch can be made of contents over \(ByteCount(HubLimits.patchReach))"
        }
        if !patches.hasLibrary { return "the hub has no libzstd" }
        let patch = try turn.store.patch(PatchKey(old: chunks.key.old, new: chunks.key.new))
        return patch?.problem.map { "no patch could be made: \($0)" }
    }

    /// Serves what belongs to an imported package: its file, its content, and patches and chunk
    /// deltas to that; by path and hash.
    static func serve(
        _ fetch: FetchPackage, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, _ patches: inout Patches,
        _ turn: inout HubTurn
    ) throws {
        guard let record = try turn.store.package(fetch.path),
            let means = try means(fetch, record.package, patches, turn)
        else {
            return turn.refuse(link, request, .notFound, "\(fetch.path) is not in the catalog with this hash")
        }
        guard record.isHere else {
            return turn.refuse(link, request, .busy, "\(fetch.path) is not here yet", retryAfter: 15)
        }
        try note(means, fetch, record.package, spoke, &patches, &turn)
        guard means.needsBase else {
            turn.effect(.servePackage(link, request, fetch, to: spoke))
            return
        }
        if var patch = try turn.store.patch(sha256: fetch.sha256) {
            patch.lastUsed = turn.now
            try turn.store.putPatch(patch)
        }
        turn.effect(.servePatch(link, request, fetch, to: spoke))
    }

    /// What the bytes that are asked for are to the package; nil if they are nothing that may be
    /// had.
    private static func means(_ fetch: FetchPackage, _ package: Package, _ patches: Patches, _ turn: HubTurn) throws
        -> TransferMeans?
    {
        if fetch.sha256 == package.sha256 { return fetch.length == package.length ? .published : nil }
        let content = package.content
        if fetch.sha256 == content.sha256 {
            let isHere = patches.holds(content.sha256)
            return isHere && fetch.length == content.length.bytes ? .content : nil
        }
        guard let patch = try turn.store.patch(sha256: fetch.sha256), patch.state == .made,
            patch.key.new == content.sha256, patch.length == fetch.length
        else { return nil }
        return patch.key.means
    }

    /// Writes down how a replica comes. One that takes another way after a patch makes that
    /// doubted.
    private static func note(
        _ means: TransferMeans, _ fetch: FetchPackage, _ package: Package, _ spoke: NodeID, _ patches: inout Patches,
        _ turn: inout HubTurn
    ) throws {
        guard var replica = try turn.store.replica(spoke: spoke, path: fetch.path), replica.digest == package.sha256
        else {
            return
        }
        if replica.means != means, replica.means?.needsBase == true {
            for patch in try turn.store.patches(to: package.content.sha256) { patches.doubt(patch, &turn) }
        }
        let before = replica
        replica.fetches(fetch, by: means)
        if replica != before { try turn.store.putReplica(replica) }
    }

    /// Bytes of an object have gone to a spoke.
    static func sent(_ fetch: FetchPackage, to spoke: NodeID, bytes: UInt64, _ turn: inout HubTurn) throws {
        guard bytes > 0, var replica = try turn.store.replica(spoke: spoke, path: fetch.path) else { return }
        let before = replica
        replica.took(bytes, of: fetch)
        if replica != before { try turn.store.putReplica(replica) }
    }
}
