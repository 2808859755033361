package import Model
package import Network
package import Protocol
internal import System
package import TLS

/// Keeps one session with one peer: dials, and dials again with jittered back-off when it breaks or cannot be had.
///
/// A peer's retry-after is obeyed. A refusal (this side is not welcome, or the other is not who it has to be) is told as
/// such and tried again at the longest wait only, so that a mistake that is put right at the other end needs no visit.
package final class SessionDialer: Sendable {
    /// What it is doing, for the log and for `status`.
    package enum Status: Sendable, Equatable {
        case idle
        case connecting
        case connected(LinkID, PeerIdentity)
        /// The next attempt is that far away; the text says what went wrong.
        case waiting(Duration, reason: String)
        /// As `waiting`, but somebody has to look: trust failed, or the peer refuses us.
        case refused(Duration, reason: String)
    }

    /// What came of an attempt to put a refusal right.
    package enum Recovery: Sendable, Equatable {
        /// Something has changed: the next attempt may do.
        case tryAgain
        /// Nothing has, and soon nothing will; why, for people.
        case none(String)
        /// Who could help cannot be reached yet; why, for people.
        case later(String)
    }

    private let endpoint: Endpoint
    private let expected: NodeID?
    private let group: EventLoopGroup
    private let settings: SessionSettings
    private let context: @Sendable () throws -> TLSContext
    private let links: Links
    private let handler: any LinkHandler
    private let connector = Connector()
    private let first: Duration
    private let longest: Duration
    private let recover: @Sendable () async -> Recovery
    private let changed: @Sendable (Status) -> Void
    private let state = NativeLock(State())

    private struct State {
        var status = Status.idle
        var task: Task<Void, Never>?
        var nap: Task<Void, Never>?
        /// What to resume with, and the context that it belongs to: a session shows the certificate of its beginning.
        var ticket: (session: TLSSession, context: TLSContext)?
    }

    /// - Parameters:
    ///   - expected: the peer's id, if it is known.
    ///   - context: asked for with every attempt.
    ///   - recover: asked after a refusal, before the wait.
    ///   - changed: hears every change of status, on any thread; must not block.
    package init(
        _ endpoint: Endpoint, expecting expected: NodeID?, group: EventLoopGroup, settings: SessionSettings,
        firstWait: Duration = .seconds(1), longestWait: Duration = .seconds(300),
        context: @escaping @Sendable () throws -> TLSContext, links: Links, handler: any LinkHandler,
        recover: @escaping @Sendable () async -> Recovery = { .none("") },
        changed: @escaping @Sendable (Status) -> Void = { _ in }
    ) {
        self.endpoint = endpoint
        self.expected = expected
        self.group = group
        self.settings = settings
        first = firstWait
        longest = longestWait
        self.context = context
        self.links = links
        self.handler = handler
        self.recover = recover
        self.changed = changed
    }

    package var status: Status { state.withLock { $0.status } }

    /// Begins to dial, and goes on until `stop`.
    package func start() {
        state.withLock { state in
            guard state.task == nil else { return }
            state.task = Task { [weak self] in await self?.run() }
        }
    }

    /// Dials no more; a session that is open is told that we leave. A dialler lives until it is stopped.
    package func stop() {
        state.withLock { state in
            state.task?.cancel()
            state.task = nil
            state.nap?.cancel()
        }
    }

    /// Tries at once instead of waiting further, as after a renewed certificate or a network that came back.
    package func retryNow() {
        state.withLock { $0.nap?.cancel() }
    }

    private func set(_ status: Status) {
        let isNew = state.withLock { state in
            defer { state.status = status }
            return state.status != status
        }
        if isNew { changed(status) }
    }

    private func run() async {
        var backoff = Backoff(first: first, longest: longest)
        var random = SystemRandom()
        while !Task.isCancelled {
            set(.connecting)
            let end = await attempt()
            guard !Task.isCancelled else { break }
            if end.wasOpen { backoff.reset() }
            if let seconds = end.closure.retryAfterSeconds {
                backoff.retryAfter(.seconds(Int64(clamping: min(seconds, 86_400))))
            }
            var reason = end.error?.description ?? end.closure.text
            var isRefusal = Self.isRefusal(end)
            if isRefusal {
                switch await recover() {
                case .tryAgain: isRefusal = false
                case .later(let why): reason += "; \(why)"
                case .none(let why):
                    if !why.isEmpty { reason += "; \(why)" }
                    backoff.retryAfter(longest)
                }
            }
            let wait = backoff.next(using: &random)
            set(isRefusal ? .refused(wait, reason: reason) : .waiting(wait, reason: reason))
            await nap(wait)
        }
        set(.idle)
    }

    private func nap(_ wait: Duration) async {
        let nap = Task<Void, Never> {
            // Cut short by retryNow and stop.
            _ = try? await Task.sleep(for: wait)
        }
        state.withLock { $0.nap = nap }
        await withTaskCancellationHandler {
            await nap.value
        } onCancel: {
            nap.cancel()
        }
    }

    private static func isRefusal(_ end: SessionConnection.End) -> Bool {
        if end.closure.isPeers, end.closure.code == .refused { return true }
        switch end.error {
        case .wrongPeer: return true
        case .network(let error): return error.isTrustFailure
        default: return false
        }
    }

    /// One connection from its beginning to its end.
    private func attempt() async -> SessionConnection.End {
        let context: TLSContext
        let socket: Int32
        let address: SocketAddress
        let loop = group.next()
        do {
            context = try self.context()
            (socket, address) = try await connector.connect(endpoint, on: loop)
        } catch {
            let failure = (error as? NetworkError).map { TransportError.network($0) } ?? .wrongPeer("\(error)")
            return SessionConnection.End(
                wasOpen: false, closure: LinkClosure(code: .connectionLost, text: failure.description), error: failure)
        }
        let ticket = state.withLock { state in
            defer { state.ticket = nil }
            return state.ticket.flatMap { $0.context === context ? $0.session : nil }
        }
        var options = TLSChannel.Options()
        options.certificateTime = settings.certificateTime()
        let id = links.nextID()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let connection = SessionConnection(
                    id: id, loop: loop, kind: .dialler(expected: expected), settings: settings, links: links,
                    handler: handler,
                    opened: { [weak self] peer, session in
                        if let session { self?.state.withLock { $0.ticket = (session, context) } }
                        self?.set(.connected(id, peer))
                    },
                    ended: { continuation.resume(returning: $0) })
                links.add(connection)
                loop.execute { [options] in
                    connection.assumeIsolated {
                        $0.start(connected: socket, to: address, context: context, resuming: ticket, options: options)
                    }
                }
                // Called off before there was a link that could be closed.
                if Task.isCancelled { links.perform(.close(id, .leaving, "stopping")) }
            }
        } onCancel: {
            links.perform(.close(id, .leaving, "stopping"))
        }
    }
}
