import Model
import Protocol
import Rollout

/// What a spoke fetches: which way is the cheapest for it, and the bytes that it then asks for.
extension HubCore {
    /// Answers with the cheapest way, or asks for patience while a cheaper one is being made.
    mutating func fetchPlan(
        _ ask: FetchPlan, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        guard let record = try store.package(ask.path), record.package.sha256 == ask.sha256,
            record.package.length == ask.length
        else { return refuse(link, request, .notFound, "\(ask.path) is not in the catalog with this hash") }
        guard record.isHere else {
            return refuse(link, request, .busy, "\(ask.path) is not here yet", retryAfter: 15)
        }
        if ask.accepts.contains(where: \.needsBase) {
            try wishPatch(to: record.package, fromOneOf: ask.bases, for: ask.accepts, at: now)
            try pumpPatches(at: now)
        }
        let choice = TransferChoice(
            try offer(of: record.package), bases: ask.bases, accepts: ask.accepts,
            takesPublished: !ask.isUnpackedOnly, at: now, patience: configuration.patience)
        switch choice {
        case .fetch(let means, let object, let base, let why):
            if var replica = try store.replica(spoke: spoke, path: ask.path), replica.reason != why {
                replica.reason = why
                try store.putReplica(replica)
            }
            let plan = Plan(means: means, sha256: object.sha256, length: object.length, base: base)
            reply(link, request, .plan(plan))
        case .wait(let time, let why):
            refuse(link, request, .busy, why, retryAfter: UInt64(clamping: max(time.components.seconds, 1)))
        case .nothing where ask.isUnpackedOnly:
            refuse(link, request, .notFound, "\(ask.path) is here as its published file only")
        case .nothing:
            refuse(link, request, .busy, "\(ask.path) is not here yet", retryAfter: 15)
        }
    }

    private func offer(of package: Package) throws -> TransferOffer {
        let content = package.content
        let patches = try store.patches(to: content.sha256)
        return TransferOffer(
            published: .init(sha256: package.sha256, length: package.length),
            content: .init(sha256: content.sha256, length: content.length.bytes), holdsPublished: true,
            holdsContent: content.coding == .none || patching.contents.contains(content.sha256),
            patches: try patches.compactMap { patch in
                guard patch.state == .made, let digest = patch.sha256 else { return nil }
                return .init(
                    means: patch.key.means, base: patch.key.old, object: .init(sha256: digest, length: patch.length),
                    why: try whyNoPatch(patch, to: package))
            },
            // One that failed before is not waited for.
            making: patches.filter {
                patching.isPossible && ($0.state == .wanted || $0.state == .making) && $0.failures == 0
            }.map { .init(means: $0.key.means, base: $0.key.old, since: $0.wished) })
    }

    /// Why chunks are offered in a patch's place; nil for a patch, and where one is still on its way.
    private func whyNoPatch(_ chunks: PatchRecord, to new: Package) throws -> String? {
        guard chunks.key.means != .patch else { return nil }
        if let old = try store.package(chunks.oldPath)?.package, Self.isBeyondReach(old, new) {
            return "no patch can be made of contents over \(ByteCount(HubLimits.patchReach))"
        }
        if !patching.hasLibrary { return "the hub has no libzstd" }
        let patch = try store.patch(PatchKey(old: chunks.key.old, new: chunks.key.new))
        return patch?.problem.map { "no patch could be made: \($0)" }
    }

    /// Serves what belongs to an imported package: its file, its content, and patches and chunk deltas to that; by path and hash.
    mutating func fetchPackage(
        _ fetch: FetchPackage, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        guard let record = try store.package(fetch.path), let means = try means(fetch, record.package) else {
            return refuse(link, request, .notFound, "\(fetch.path) is not in the catalog with this hash")
        }
        guard record.isHere else {
            return refuse(link, request, .busy, "\(fetch.path) is not here yet", retryAfter: 15)
        }
        try note(means, fetch, record.package, spoke, at: now)
        guard means.needsBase else {
            effects.append(.servePackage(link, request, fetch, to: spoke))
            return
        }
        if var patch = try store.patch(sha256: fetch.sha256) {
            patch.lastUsed = now
            try store.putPatch(patch)
        }
        effects.append(.servePatch(link, request, fetch, to: spoke))
    }

    /// What the bytes that are asked for are to the package; nil if they are nothing that may be had.
    private func means(_ fetch: FetchPackage, _ package: Package) throws -> TransferMeans? {
        if fetch.sha256 == package.sha256 { return fetch.length == package.length ? .published : nil }
        let content = package.content
        if fetch.sha256 == content.sha256 {
            let isHere = patching.contents.contains(content.sha256)
            return isHere && fetch.length == content.length.bytes ? .content : nil
        }
        guard let patch = try store.patch(sha256: fetch.sha256), patch.state == .made,
            patch.key.new == content.sha256, patch.length == fetch.length
        else { return nil }
        return patch.key.means
    }

    /// Writes down how a replica comes. One that takes another way after a patch makes that doubted.
    private mutating func note(
        _ means: TransferMeans, _ fetch: FetchPackage, _ package: Package, _ spoke: NodeID, at now: UnixTime
    ) throws {
        guard var replica = try store.replica(spoke: spoke, path: fetch.path), replica.digest == package.sha256 else {
            return
        }
        if replica.means != means, replica.means?.needsBase == true {
            for patch in try store.patches(to: package.content.sha256) { doubt(patch, at: now) }
        }
        let before = replica
        replica.fetches(fetch, by: means)
        if replica != before { try store.putReplica(replica) }
    }

    /// Bytes of an object have gone to a spoke.
    mutating func sent(_ fetch: FetchPackage, to spoke: NodeID, bytes: UInt64) throws {
        guard bytes > 0, var replica = try store.replica(spoke: spoke, path: fetch.path) else { return }
        let before = replica
        replica.took(bytes, of: fetch)
        if replica != before { try store.putReplica(replica) }
    }
}
