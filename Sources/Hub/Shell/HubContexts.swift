internal import HTTP
internal import Identity
internal import Model
internal import System
internal import TLS
internal import Transport
internal import Trust

/// What the hub shows and whom it believes, in TLS: made anew when its own certificates are renewed or the fleet's roots change, without a restart.
///
/// Also keeps `ca.pem`, which operators take their trust from. `use` blocks on the disk and belongs to one queue; the rest is safe from any thread.
final class HubContexts: Sendable {
    private struct State {
        var wire: TLSContext
        var api: TLSContext
        var roots: [[UInt8]]
        var server: HTTPServer?
    }

    let keys: HubKeys
    private let file: String
    private let clock: ClockFloor
    private let state: NativeLock<State>

    /// Renews what has to be and makes the first contexts. `set` is the fleet's anchor set; nil before the first.
    init(_ keys: HubKeys, folder: String, set: AnchorSet?, clock: ClockFloor) throws {
        self.clock = clock
        self.keys = keys
        file = HubState.authorities(folder)
        let (issuing, roots) = try Self.choice(keys, set)
        _ = try keys.renew(
            issuing: issuing, oldest: try Self.oldest(keys, roots), now: clock.now.seconds,
            earliest: clock.earliest.seconds)
        let contexts = try Self.contexts(keys, roots)
        state = NativeLock(State(wire: contexts.wire, api: contexts.api, roots: roots.map(\.der)))
        try Self.write(roots, to: file)
    }

    /// For a connection of a spoke or of a machine that joins.
    var wire: TLSContext { state.withLock { $0.wire } }
    /// For the API's server when it begins.
    var api: TLSContext { state.withLock { $0.api } }

    /// The API's server is told of new certificates.
    func serve(_ server: HTTPServer) { state.withLock { $0.server = server } }

    /// Takes over a set: renews what has to be, and makes the contexts anew if anything has changed.
    /// True if it has.
    @discardableResult
    func use(_ set: AnchorSet) throws -> Bool {
        let (issuing, roots) = try Self.choice(keys, set)
        let isNew = try keys.renew(
            issuing: issuing, oldest: try Self.oldest(keys, roots), now: clock.now.seconds,
            earliest: clock.earliest.seconds)
        let known = state.withLock { $0.roots }
        guard isNew || known != roots.map(\.der) else { return false }
        let contexts = try Self.contexts(keys, roots)
        let server = state.withLock { state in
            state.wire = contexts.wire
            state.api = contexts.api
            state.roots = roots.map(\.der)
            return state.server
        }
        server?.replaceContext(contexts.api)
        try Self.write(roots, to: file)
        return true
    }

    /// Where the names of the API are.
    var namesFile: String { keys.namesFile }

    private static func choice(_ keys: HubKeys, _ set: AnchorSet?) throws -> (SHA256Digest, [Certificate]) {
        if let set { return (set.issuing, try set.roots.map { try Certificate(der: $0) }) }
        guard let first = keys.authorities.first else { throw HubAuthorityError("the hub has no CA") }
        return (first.pin, [first.root])
    }

    private static func oldest(_ keys: HubKeys, _ roots: [Certificate]) throws -> SHA256Digest {
        guard let oldest = keys.authorities.first(where: { roots.contains($0.root) }) else {
            throw HubAuthorityError(
                "the hub has no key under any root that its fleet believes; restore its folder identity")
        }
        return oldest.pin
    }

    private static func contexts(_ keys: HubKeys, _ roots: [Certificate]) throws -> (wire: TLSContext, api: TLSContext)
    {
        guard let wire = keys.wire, let api = keys.api else { throw HubAuthorityError("the hub has no certificate") }
        let issuers = keys.authorities.filter { roots.contains($0.root) }.flatMap { $0.chain.dropLast() }
        return (
            try SessionTLS.listener(identity: wire, anchors: try TrustStore(roots, issuers: issuers), takesJoins: true),
            try HTTPServer.context(identity: api)
        )
    }

    private static func write(_ roots: [Certificate], to file: String) throws {
        let pem = try roots.flatMap { try $0.pem() }
        // Written only when it is another, so that who watches the file sees changes only.
        if (try? File.read(file, limit: 1 << 20)) != pem { try AtomicFile.write(pem, to: file) }
    }
}
