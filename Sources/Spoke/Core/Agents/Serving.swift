import Model
import Protocol

/// What agents fetch: published files, contents and patches, whichever is the least for them. It
/// has no memory of its own.
enum Serving {
    /// An agent asks how to fetch a package.
    static func plan(
        _ asked: FetchPlan, _ link: LinkID, _ request: RequestID, _ pool: PoolContents,
        _ missing: inout MissingPackages, _ contents: inout Contents, _ turn: inout SpokeTurn
    ) throws {
        let (path, store) = (asked.path, turn.store)
        guard let replica = try store.replica(asked.sha256), replica.length == asked.length, replica.names(path)
        else { return turn.refuse(link, request, .notFound, "\(path) is not wanted at this spoke") }
        guard replica.state == .verified else {
            try missing.fetch(replica, &turn)
            return turn.refuse(link, request, .busy, "\(path) is not here yet", retryAfter: 15)
        }
        // As long as it is not known what is inside, the file counts as its own content.
        if asked.isUnpackedOnly, replica.packed == nil {
            return contents.want(replica, as: path, link, request, &turn)
        }
        let patches = try replica.content.map { try store.patches(giving: $0.sha256) } ?? []
        guard let plan = ServingPlan.choose(asked, for: replica, held: pool.held, patches: patches, at: turn.now) else {
            if asked.isUnpackedOnly { return contents.want(replica, as: path, link, request, &turn) }
            turn.note(.publishedFileWanted(replica.sha256))
            return turn.refuse(
                link, request, .busy, "\(path) is here unpacked only; the published file is fetched", retryAfter: 15)
        }
        // It stays as long as there are agents that fetch it.
        if asked.isUnpackedOnly { contents.noteUse(of: replica, turn) }
        turn.reply(link, request, .plan(plan))
    }

    /// An agent fetches an object by its hash.
    static func package(
        _ fetch: FetchPackage, _ agent: NodeID, _ link: LinkID, _ request: RequestID, _ pool: PoolContents,
        _ missing: inout MissingPackages, _ doubts: inout Doubts, _ turn: inout SpokeTurn
    ) throws {
        let (path, object) = (fetch.path, fetch.sha256)
        let length = ServingPlan.length(
            of: object, replicas: try turn.store.replicas(naming: path), patch: try turn.store.patch(object),
            under: path)
        guard let length, length == fetch.length else {
            return turn.refuse(link, request, .notFound, "\(path) is not wanted at this spoke")
        }
        guard pool.holds(object) else {
            if let replica = try turn.store.replica(object) {
                if replica.state == .verified {
                    turn.note(.publishedFileWanted(object))
                } else {
                    try missing.fetch(replica, &turn)
                }
            }
            return turn.refuse(link, request, .busy, "\(path) is not here yet", retryAfter: 15)
        }
        guard fetch.offset <= fetch.length else {
            return turn.refuse(link, request, .invalid, "offset \(fetch.offset) is past the end")
        }
        guard !doubts.isDoubted(object, by: agent) else {
            return turn.refuse(
                link, request, .busy, "\(path) is checked, since this agent refused its bytes",
                retryAfter: SpokeLimits.doubtRetry)
        }
        doubts.noteServed(object, to: agent)
        turn.effect(.servePackage(link, request, object, length: fetch.length, offset: fetch.offset))
    }
}
