import System
import TLS

/// One connection to a server, plain or TLS, read and written with deadlines; not for two threads at once.
final class ClientConnection {
    /// What is connected to; a connection is used again only for the same.
    struct Origin: Hashable {
        let scheme: URLReference.Scheme
        let host: String
        let port: UInt16
        let proxy: ProxySettings.Endpoint?

        init(_ url: URLReference, proxy: ProxySettings.Endpoint?) {
            scheme = url.scheme
            host = url.host
            port = url.port
            self.proxy = proxy
        }
    }

    let origin: Origin
    /// Whether its address was found good for a redirect.
    let isForRedirects: Bool
    private let socket: BlockingSocket
    private let tls: TLSConnection?
    /// What TLS reads the socket into; lent to it for good.
    private let intake: Intake?

    private final class Intake {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: TLSConnection.intakeSize, alignment: 64)
        deinit { memory.deallocate() }
    }

    /// Connects, through a proxy if there is one, and for https makes the handshake: the certificate has to name the URL's
    /// host, whoever carries the bytes.
    init(
        to url: URLReference, through proxy: ProxySettings.Endpoint?, context: TLSContext?, _ patience: Patience,
        policies: [AddressPolicy], isForRedirects: Bool = false
    ) throws(HTTPError) {
        self.isForRedirects = isForRedirects
        origin = Origin(url, proxy: proxy)
        let place = proxy.map { "the proxy \($0)" } ?? url.authority
        guard proxy == nil || policies.allSatisfy({ $0.permits(named: url.host) }) else {
            throw HTTPError(.forbidden, "\(url.authority): the address is not permitted")
        }
        do throws(BlockingSocket.Failure) {
            socket = try BlockingSocket.connect(
                to: proxy?.host ?? url.host, port: proxy?.port ?? url.port, patience: patience,
                permits: { address in proxy != nil || policies.allSatisfy { $0.permits(address) } })
        } catch {
            throw Self.error(error, "connecting to \(place)")
        }
        guard url.scheme == .https else {
            tls = nil
            intake = nil
            return
        }
        if let proxy { try Self.openTunnel(to: url, through: proxy, socket, patience) }
        let intake = Intake()
        self.intake = intake
        do throws(TLSError) {
            guard let context else { throw TLSError(.library, "no TLS context") }
            let tls = try TLSConnection(client: context, descriptor: socket.number, expecting: .host(url.host))
            tls.lend(intake.memory)
            self.tls = tls
        } catch {
            throw Self.error(error, "TLS with \(url.authority)")
        }
        try handshake(patience)
    }

    private func handshake(_ patience: Patience) throws(HTTPError) {
        guard let tls else { return }
        let what = "TLS with \(origin.host)"
        while true {
            switch tls.handshake() {
            case .complete: return
            case .wantRead: try wait(for: .read, patience, what)
            case .wantWrite: try wait(for: .write, patience, what)
            // Never without a turn.
            case .turnOver: continue
            case .closed: throw HTTPError(.broken, "\(what): the server went away")
            case .failed(let error): throw Self.error(error, what)
            }
        }
    }

    /// Asks the proxy for a tunnel (RFC 9110 §9.3.6) and reads exactly its answer.
    private static func openTunnel(
        to url: URLReference, through proxy: ProxySettings.Endpoint, _ socket: BlockingSocket, _ patience: Patience
    ) throws(HTTPError) {
        let what = "the proxy \(proxy)"
        let host = url.host.contains(":") ? "[\(url.host)]:\(url.port)" : "\(url.host):\(url.port)"
        let request = try HTTPSerializer.connect(to: host, authorization: proxy.authorization)
        // To a HEAD, so that what may follow the head is no body.
        var parser = HTTPResponseParser(to: .head, limits: .client)
        var buffer = [UInt8](repeating: 0, count: 4096)
        var hasBegun = false
        do throws(BlockingSocket.Failure) {
            try socket.write(request, patience)
        } catch {
            throw Self.error(error, "writing to \(what)")
        }
        while true {
            let count: Int
            do throws(BlockingSocket.Failure) {
                count = try socket.read(into: &buffer, patience)
            } catch {
                throw Self.error(error, "reading from \(what)")
            }
            guard count > 0 else {
                let when = hasBegun ? "before its answer was whole" : "without an answer"
                throw HTTPError(.proxy, "\(what) closed \(when)")
            }
            hasBegun = true
            var position = 0
            let event: HTTPResponseParser.Event?
            do throws(HTTPError) {
                event = try parser.next(buffer.span.extracting(first: count), at: &position)
            } catch {
                // What is no HTTP says that this is no proxy; a head that is too long has its own limit.
                let code = error.code == .headersTooLong ? error.code : .proxy
                throw HTTPError(code, "\(what) does not answer as an http proxy does: \(error.message)")
            }
            guard case .head(let head)? = event else { continue }
            guard (200...299).contains(head.status) else {
                throw HTTPError.refused(by: proxy, head.status, host)
            }
            // The server speaks second in TLS: bytes behind the head are nobody's that we asked.
            guard position == count else { throw HTTPError(.malformed, "\(what) sends more than its answer") }
            return
        }
    }

    /// Reads at least one byte; 0 when the server has ended properly.
    func read(into buffer: UnsafeMutableRawBufferPointer, _ patience: Patience) throws(HTTPError) -> Int {
        guard let tls else {
            do throws(BlockingSocket.Failure) {
                return try socket.read(into: buffer, patience)
            } catch {
                throw Self.error(error, "reading from \(peer)")
            }
        }
        while true {
            switch tls.read(into: buffer) {
            case .complete(let count): return count
            case .wantRead: try wait(for: .read, patience, "reading from \(peer)")
            case .wantWrite: try wait(for: .write, patience, "reading from \(peer)")
            case .turnOver: continue
            case .closed: return 0
            case .failed(let error): throw Self.error(error, "reading from \(peer)")
            }
        }
    }

    /// Writes everything.
    func write(_ bytes: [UInt8], _ patience: Patience) throws(HTTPError) {
        var failure: HTTPError?
        bytes.withUnsafeBytes { buffer in
            do throws(HTTPError) { try write(buffer, patience) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Who sends the answers, for people: a proxy that speaks http for its servers may send what they never said.
    var peer: String {
        guard wantsAbsoluteForm, let proxy = origin.proxy else { return origin.host }
        return "the proxy \(proxy), asked for \(origin.host),"
    }

    /// Whether requests have to name the whole URL, since a proxy reads them.
    var wantsAbsoluteForm: Bool { origin.proxy != nil && origin.scheme == .http }

    private func write(_ bytes: UnsafeRawBufferPointer, _ patience: Patience) throws(HTTPError) {
        guard let tls else {
            do throws(BlockingSocket.Failure) {
                return try socket.write(bytes, patience)
            } catch {
                throw Self.error(error, "writing to \(peer)")
            }
        }
        var done = 0
        while done < bytes.count {
            switch tls.write(UnsafeRawBufferPointer(rebasing: bytes[done...])) {
            case .complete(let count): done += count
            case .wantRead: try wait(for: .read, patience, "writing to \(peer)")
            case .wantWrite: try wait(for: .write, patience, "writing to \(peer)")
            case .turnOver: continue
            case .closed: throw HTTPError(.broken, "writing to \(peer): the server went away")
            case .failed(let error): throw Self.error(error, "writing to \(peer)")
            }
        }
    }

    /// Whether an idle connection can no longer be used. TLS 1.3 tickets may wait unread, so that TLS is asked first.
    var isStale: Bool {
        guard let tls else { return socket.isStale }
        var byte: UInt8 = 0
        let progress = withUnsafeMutableBytes(of: &byte) { tls.read(into: $0) }
        return progress != .wantRead
    }

    private func wait(
        for readiness: BlockingSocket.Readiness, _ patience: Patience, _ what: String
    ) throws(HTTPError) {
        do throws(BlockingSocket.Failure) {
            try socket.wait(for: readiness, patience)
        } catch {
            throw Self.error(error, what)
        }
    }

    private static func error(_ failure: BlockingSocket.Failure, _ what: String) -> HTTPError {
        switch failure {
        case .unresolved(let why): HTTPError(.unresolved, "\(what): the name has no address (\(why))")
        case .unreachable(let why): HTTPError(.unreachable, "\(what): \(why)")
        case .forbidden(let address): HTTPError(.forbidden, "\(what): the address \(address) is not permitted")
        case .timedOut: HTTPError(.timedOut, "\(what): no answer in time")
        case .cancelled: HTTPError(.cancelled, "\(what): cancelled")
        case .broken(let error): HTTPError(.broken, "\(what): \(error.errno)")
        }
    }

    private static func error(_ error: TLSError, _ what: String) -> HTTPError {
        switch error.code {
        case .connectionFailed: HTTPError(.broken, "\(what): \(error)")
        case .truncated: HTTPError(.truncated, "\(what): \(error)")
        case .timedOut: HTTPError(.timedOut, "\(what): \(error)")
        case .hostnameMismatch: HTTPError(.wrongName, "\(what): \(error)")
        default: HTTPError(.tls, "\(what): \(error)")
        }
    }
}
