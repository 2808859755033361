package import Model
package import Network
package import Protocol
internal import System
internal import TLS

/// A join connection (`axle-join/1`) of a machine that has no certificate yet.
///
/// The peer is believed only if its chain ends in the root whose key the token pins, and its certificate says one of the
/// roles that the settings name. Closed by `close` or when it is forgotten.
package final class JoinClient: Sendable {
    /// Who answers: the hub, or the spoke through which an agent joins.
    package let peer: PeerIdentity
    private let link: LinkID
    private let links: Links
    private let silent: Silent

    /// A join has no events of interest: its answers go to those who ask.
    private final class Silent: LinkHandler {
        func linkEvent(_ event: LinkEvent) {}
    }

    /// Answers the first time that it is called.
    private final class Once: Sendable {
        typealias Answer = CheckedContinuation<Result<PeerIdentity, TransportError>, Never>
        private let answer: NativeLock<Answer?>

        init(_ answer: Answer) { self.answer = NativeLock(answer) }

        func call(_ result: Result<PeerIdentity, TransportError>) {
            let answer = self.answer.withLock { $0.take() }
            answer?.resume(returning: result)
        }
    }

    private init(_ peer: PeerIdentity, _ link: LinkID, _ links: Links, _ silent: Silent) {
        self.peer = peer
        self.link = link
        self.links = links
        self.silent = silent
    }

    deinit { close() }

    /// Connects, checks the peer and exchanges hellos. The settings' fleet is not known before a join: it is the peer's,
    /// so the check is on role only.
    package static func connect(
        _ endpoint: Endpoint, rootKeyHash: SHA256Digest, role: Role, peerRole: Role, program: String,
        group: EventLoopGroup, certificateTime: Int64? = nil
    ) async throws(TransportError) -> JoinClient {
        let context: TLSContext
        do {
            context = try SessionTLS.joiner(rootKeyHash: rootKeyHash)
        } catch {
            throw .network(.tls(error))
        }
        return try await connect(
            endpoint, context, role: role, peerRole: peerRole, program: program, group: group,
            certificateTime: certificateTime)
    }

    /// Connects a member that cannot open a session any more, for a renewal. Who answers is not checked: nothing is believed but what the
    /// hub has signed.
    package static func renewing(
        _ endpoint: Endpoint, role: Role, peerRole: Role, program: String, group: EventLoopGroup
    ) async throws(TransportError) -> JoinClient {
        let context: TLSContext
        do {
            context = try SessionTLS.renewer()
        } catch {
            throw .network(.tls(error))
        }
        return try await connect(
            endpoint, context, role: role, peerRole: peerRole, program: program, group: group, certificateTime: nil)
    }

    /// How often a listener that has no place is dialled.
    private static let dials = 6

    /// A listener under load drops newcomers at random: whoever comes again gets in.
    private static func connect(
        _ endpoint: Endpoint, _ context: TLSContext, role: Role, peerRole: Role, program: String,
        group: EventLoopGroup, certificateTime: Int64?
    ) async throws(TransportError) -> JoinClient {
        var backoff = Backoff(first: .milliseconds(250), longest: .seconds(4))
        var random = SystemRandom()
        while true {
            do throws(TransportError) {
                return try await attempt(
                    endpoint, context, role: role, peerRole: peerRole, program: program, group: group,
                    certificateTime: certificateTime)
            } catch {
                let wait = backoff.next(using: &random)
                guard backoff.failures < dials, mayPass(error) else { throw error }
                // A cancelled sleep ends the attempts.
                guard (try? await Task.sleep(for: wait)) != nil else { throw .cancelled }
            }
        }
    }

    /// Whether the listener may have dropped the connection for want of a place.
    private static func mayPass(_ error: TransportError) -> Bool {
        switch error {
        // It may be starting, right after the command that made it.
        case .network(.unreachable(_, _, let error)): error.errno == .connectionRefused
        case .network(.tls(let error)): error.code == .connectionFailed || error.code == .truncated
        case .closed(let closure): closure.code == .busy
        default: false
        }
    }

    private static func attempt(
        _ endpoint: Endpoint, _ context: TLSContext, role: Role, peerRole: Role, program: String,
        group: EventLoopGroup, certificateTime: Int64?
    ) async throws(TransportError) -> JoinClient {
        let loop = group.next()
        let socket: Int32
        let address: SocketAddress
        do {
            (socket, address) = try await Connector().connect(endpoint, on: loop)
        } catch {
            throw .network(error)
        }
        var settings = SessionSettings(fleet: nil, role: role, peerRoles: [peerRole], program: program)
        settings.certificateTime = { certificateTime }
        var options = TLSChannel.Options()
        options.certificateTime = certificateTime
        let links = Links()
        let silent = Silent()
        let id = links.nextID()
        let result: Result<PeerIdentity, TransportError> = await withCheckedContinuation { continuation in
            let once = Once(continuation)
            let connection = SessionConnection(
                id: id, loop: loop, kind: .joiner, settings: settings, links: links, handler: silent,
                opened: { peer, _ in once.call(.success(peer)) },
                ended: { end in once.call(.failure(end.error ?? .closed(end.closure))) })
            links.add(connection)
            loop.execute { [options] in
                connection.assumeIsolated {
                    $0.start(connected: socket, to: address, context: context, resuming: nil, options: options)
                }
            }
        }
        return JoinClient(try result.get(), id, links, silent)
    }

    /// How often a question is put to a peer that is busy, and the longest wait in between: all of
    /// it within the time that a join may take.
    private static let questions = 4
    private static let longestWait = Duration.seconds(10)

    /// Sends `joinBegin`, `joinRequest` or `renew` and awaits the answer; an `error` answer is
    /// thrown. A peer that is busy is asked again a few times, since nobody may be there to start
    /// the join anew.
    package func request(
        _ message: Message, timeout: Duration = .seconds(60)
    ) async throws(TransportError) -> Message {
        var attempt = 1
        while true {
            do throws(TransportError) {
                return try await links.request(link, message, timeout: timeout)
            } catch {
                guard case .answered(let reply) = error, reply.code == .busy, attempt < Self.questions else {
                    throw error
                }
                attempt += 1
                let wait = min(reply.retryAfter ?? Self.longestWait, Self.longestWait)
                // A cancelled wait only asks sooner.
                try? await Task.sleep(for: wait)
            }
        }
    }

    /// Ends the connection.
    package func close() {
        links.perform(.close(link, .leaving, "joined"))
    }
}
