import System
import TLS

/// One connection to a server, plain or TLS, read and written with deadlines; not for two threads at once.
final class ClientConnection {
    /// What is connected to; a connection is used again only for the same.
    struct Origin: Hashable {
        let scheme: URLReference.Scheme
        let host: String
        let port: UInt16
    }

    let origin: Origin
    private let socket: BlockingSocket
    private let tls: TLSConnection?

    /// Connects, and for https makes the handshake: the certificate has to name the URL's host.
    init(
        to url: URLReference, context: TLSContext?, _ patience: Patience, permits: (SocketAddress) -> Bool
    ) throws(HTTPError) {
        origin = Origin(scheme: url.scheme, host: url.host, port: url.port)
        let place = url.authority
        do throws(BlockingSocket.Failure) {
            socket = try BlockingSocket.connect(to: url.host, port: url.port, patience: patience, permits: permits)
        } catch {
            throw Self.error(error, "connecting to \(place)")
        }
        guard url.scheme == .https else {
            tls = nil
            return
        }
        do throws(TLSError) {
            guard let context else { throw TLSError(.library, "no TLS context") }
            tls = try TLSConnection(client: context, descriptor: socket.number, expecting: .host(url.host))
        } catch {
            throw Self.error(error, "TLS with \(place)")
        }
        guard let tls else { return }
        handshake: while true {
            switch tls.handshake() {
            case .complete: break handshake
            case .wantRead: try wait(for: .read, patience, "TLS with \(place)")
            case .wantWrite: try wait(for: .write, patience, "TLS with \(place)")
            case .closed: throw HTTPError(.broken, "TLS with \(place): the server went away")
            case .failed(let error): throw Self.error(error, "TLS with \(place)")
            }
        }
    }

    /// Reads at least one byte; 0 when the server has ended properly.
    func read(into buffer: UnsafeMutableRawBufferPointer, _ patience: Patience) throws(HTTPError) -> Int {
        guard let tls else {
            do throws(BlockingSocket.Failure) {
                return try socket.read(into: buffer, patience)
            } catch {
                throw Self.error(error, "reading from \(origin.host)")
            }
        }
        while true {
            switch tls.read(into: buffer) {
            case .complete(let count): return count
            case .wantRead: try wait(for: .read, patience, "reading from \(origin.host)")
            case .wantWrite: try wait(for: .write, patience, "reading from \(origin.host)")
            case .closed: return 0
            case .failed(let error): throw Self.error(error, "reading from \(origin.host)")
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

    private func write(_ bytes: UnsafeRawBufferPointer, _ patience: Patience) throws(HTTPError) {
        guard let tls else {
            do throws(BlockingSocket.Failure) {
                return try socket.write(bytes, patience)
            } catch {
                throw Self.error(error, "writing to \(origin.host)")
            }
        }
        var done = 0
        while done < bytes.count {
            switch tls.write(UnsafeRawBufferPointer(rebasing: bytes[done...])) {
            case .complete(let count): done += count
            case .wantRead: try wait(for: .read, patience, "writing to \(origin.host)")
            case .wantWrite: try wait(for: .write, patience, "writing to \(origin.host)")
            case .closed: throw HTTPError(.broken, "writing to \(origin.host): the server went away")
            case .failed(let error): throw Self.error(error, "writing to \(origin.host)")
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
        default: HTTPError(.tls, "\(what): \(error)")
        }
    }
}
