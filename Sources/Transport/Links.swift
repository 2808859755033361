package import Model
internal import Network
package import Protocol
internal import System

/// All links of a daemon, by number: where its core's effects go. May be used from every thread; nothing here blocks.
package final class Links: Sendable {
    private struct State {
        var connections: [LinkID: SessionConnection] = [:]
        var last: UInt64 = 0
        /// Limits that all links to peers of a role share.
        var shared: [Role: Pacer] = [:]
    }

    private let state = NativeLock(State())

    package init() {}

    /// How many connections there are, those in handshake included.
    package var count: Int { state.withLock { $0.connections.count } }

    /// A number for a new link.
    func nextID() -> LinkID {
        state.withLock { state in
            state.last += 1
            return LinkID(state.last)
        }
    }

    func add(_ connection: SessionConnection) {
        state.withLock { $0.connections[connection.id] = connection }
    }

    func remove(_ id: LinkID) {
        _ = state.withLock { $0.connections.removeValue(forKey: id) }
    }

    private func find(_ id: LinkID) -> SessionConnection? {
        state.withLock { $0.connections[id] }
    }

    /// Does what the core wants, in order for each link. Effects on links that are gone do nothing: their `closed` event
    /// is on its way.
    package func perform(_ effect: LinkEffect) {
        switch effect {
        case .request(let link, let request, let message, let priority):
            run(link) { $0.request(request, message, priority) }
        case .reply(let link, let request, let message):
            run(link) { $0.reply(request, message) }
        case .close(let link, let code, let text):
            run(link) { $0.close(code, text) }
        }
    }

    /// Answers a fetch request with content; what the source gives is sent as the peer takes it.
    ///
    /// `ended`, if any, hears how many bytes of it have gone out, to within a frame, once no more of them will: all, or those until it was called off or its
    /// connection ended. On any thread; not where nothing was sent at all.
    package func sendContent(
        _ link: LinkID, _ request: RequestID, _ content: Content, from source: BulkSource,
        ended: (@Sendable (_ sent: UInt64) -> Void)? = nil
    ) {
        run(link) { $0.sendContent(request, content, source, ended: ended) }
    }

    /// Reads from a link again whose handler had too much of it.
    package func resumeReading(_ link: LinkID) {
        run(link) { $0.channel?.setReading(true) }
    }

    /// Answers a fetch request with a file of metadata: its bytes, or that there is none of that name.
    ///
    /// `read` is called when the link's files before it have been sent.
    package func sendFile(
        _ link: LinkID, _ request: RequestID, named name: String,
        _ read: @escaping @Sendable () async throws -> [UInt8]?
    ) {
        let file = SessionConnection.FileRequest(request: request, name: name, read: read)
        run(link) { $0.sendFile(file) }
    }

    /// Asks the peer and awaits its answer; an `error` answer is thrown.
    package func request(
        _ link: LinkID, _ message: Message, timeout: Duration = .seconds(60)
    ) async throws(TransportError) -> Message {
        guard let connection = find(link) else { throw Self.gone }
        let result: Result<Message, TransportError> = await withCheckedContinuation { continuation in
            let call = SessionConnection.Call(continuation)
            connection.loop.execute {
                connection.assumeIsolated { $0.request(message, call, timeout: timeout) }
            }
        }
        let answer = try result.get()
        if case .error(let reply) = answer { throw .answered(reply) }
        return answer
    }

    /// Asks for content (`fetchMetadata`, `fetchPackage`) and awaits its end; nothing longer than `limit` is taken. The
    /// sink is not called any more when this returns. Cancelling the task calls the transfer off.
    package func fetch(
        _ link: LinkID, _ message: Message, priority: Priority = .normal, limit: UInt64, into sink: BulkSink
    ) async throws(TransportError) -> Fetched {
        guard let connection = find(link) else { throw Self.gone }
        let ticket = SessionConnection.BulkTicket()
        let result: Result<Fetched, TransportError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                connection.loop.execute {
                    connection.assumeIsolated {
                        $0.fetch(message, priority, sink, limit: limit, ticket, continuation)
                    }
                }
            }
        } onCancel: {
            connection.loop.execute { connection.assumeIsolated { $0.cancel(ticket) } }
        }
        return try result.get()
    }

    /// What passes over a link now; nil when it is gone.
    package func figures(of link: LinkID) async -> LinkFigures? {
        guard let connection = find(link) else { return nil }
        return await connection.figures()
    }

    // MARK: Limits

    /// Lets bulk on a link go out no faster than this from now on, also where a transfer is under way; nil lifts the limit. Messages never wait.
    package func limit(_ link: LinkID, to rate: BitRate?) {
        let pacer = rate.map { Pacer($0) }
        run(link) { $0.setPacer(pacer) }
    }

    /// The same for all links to peers of a role together, those to come among them; whoever sends gets an even share.
    package func limit(all role: Role, to rate: BitRate?) {
        let pacer = rate.map { Pacer($0) }
        let connections = state.withLock { state in
            state.shared[role] = pacer
            return Array(state.connections.values)
        }
        for connection in connections {
            connection.loop.execute {
                connection.assumeIsolated { this in
                    if this.peer?.role == role, !this.isJoin { this.setPacer(pacer) }
                }
            }
        }
    }

    func pacer(for role: Role) -> Pacer? {
        state.withLock { $0.shared[role] }
    }

    /// Ends all links, as before the end of the program.
    package func closeAll(_ code: SessionCode = .leaving, _ text: String, retryAfterSeconds: UInt64? = nil) {
        for connection in state.withLock({ Array($0.connections.values) }) {
            connection.loop.execute {
                connection.assumeIsolated { $0.close(code, text, retryAfterSeconds: retryAfterSeconds) }
            }
        }
    }

    /// Waits until all links are gone, at most this long; false if some are not.
    package func drained(within timeout: Duration) async -> Bool {
        let end = SystemClock.uptime + timeout
        while count > 0 {
            guard SystemClock.uptime < end, !Task.isCancelled else { return false }
            // A cancelled sleep shows in the next round.
            try? await Task.sleep(for: .milliseconds(20))
        }
        return true
    }

    private func run(_ id: LinkID, _ work: @escaping @Sendable (isolated SessionConnection) -> Void) {
        guard let connection = find(id) else { return }
        connection.loop.execute { connection.assumeIsolated { work($0) } }
    }

    private static var gone: TransportError {
        .closed(LinkClosure(code: .connectionLost, text: "the connection is gone"))
    }
}
