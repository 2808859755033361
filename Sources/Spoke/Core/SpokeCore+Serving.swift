import Model
import Protocol

/// What agents fetch: published files, contents and patches, whichever is the least for them.
extension SpokeCore {
    /// An agent asks how a package had best come to it.
    mutating func servePlan(_ asked: FetchPlan, _ link: LinkID, _ request: RequestID, at now: UnixTime) throws {
        guard let replica = try store.replica(asked.sha256), replica.length == asked.length, replica.names(asked.path)
        else {
            return refuse(link, request, .notFound, "\(asked.path) is not wanted at this spoke")
        }
        guard replica.state == .verified else {
            try fetchMissing(replica)
            return refuse(link, request, .busy, "\(asked.path) is not here yet", retryAfter: 15)
        }
        // As long as it is not known what is inside, the file counts as its own content.
        if asked.isUnpackedOnly, replica.packed == nil {
            return try wantContent(of: replica, as: asked.path, link, request, at: now)
        }
        let patches = try replica.content.map { try store.patches(giving: $0.sha256) } ?? []
        guard let plan = ServingPlan.choose(asked, for: replica, held: held, patches: patches, at: now) else {
            if asked.isUnpackedOnly { return try wantContent(of: replica, as: asked.path, link, request, at: now) }
            wantPublished(replica)
            return refuse(
                link, request, .busy, "\(asked.path) is here unpacked only; the published file is fetched",
                retryAfter: 15)
        }
        // It stays as long as there are agents that fetch it.
        if asked.isUnpackedOnly { contentsWanted[replica.sha256] = ContentWish(asked: now, isDue: false) }
        reply(link, request, .plan(plan))
    }

    /// An agent fetches an object by its hash.
    mutating func servePackage(_ fetch: FetchPackage, _ link: LinkID, _ request: RequestID) throws {
        let length = ServingPlan.length(
            of: fetch.sha256, replicas: try store.replicas(naming: fetch.path),
            patch: try store.patch(fetch.sha256), under: fetch.path)
        guard let length, length == fetch.length else {
            return refuse(link, request, .notFound, "\(fetch.path) is not wanted at this spoke")
        }
        guard held.contains(fetch.sha256) else {
            if let replica = try store.replica(fetch.sha256) {
                if replica.state == .verified { wantPublished(replica) } else { try fetchMissing(replica) }
            }
            return refuse(link, request, .busy, "\(fetch.path) is not here yet", retryAfter: 15)
        }
        guard fetch.offset <= fetch.length else {
            return refuse(link, request, .invalid, "offset \(fetch.offset) is past the end")
        }
        guard !isDoubted(fetch.sha256, on: link) else {
            return refuse(
                link, request, .busy, "\(fetch.path) is checked, since this agent refused its bytes",
                retryAfter: SpokeLimits.doubtRetry)
        }
        noteServed(fetch.sha256, on: link)
        effects.append(.servePackage(link, request, fetch.sha256, length: fetch.length, offset: fetch.offset))
    }

    /// An agent that takes nothing else needs the published file of a package that is here as its content.
    private mutating func wantPublished(_ replica: WantedReplica) {
        guard publishedWanted.insert(replica.sha256).inserted else { return }
        nextAttempt = .zero
    }
}
