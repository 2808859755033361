package import TLS

/// A server and a client of one process over connected sockets, driven by turns.
package final class TLSPair {
    package let sockets: ConnectedSockets
    package let server: TLSConnection
    package let client: TLSConnection

    package init(
        server serverContext: TLSContext, client clientContext: TLSContext,
        expecting expectation: TLSConnection.Expectation = .checkedByCaller, session: TLSSession? = nil,
        certificateTime: Int64? = TestFleet.now, clientTime: Int64? = nil
    ) throws {
        sockets = try ConnectedSockets()
        server = try TLSConnection(
            server: serverContext, descriptor: sockets.left, certificateTime: certificateTime)
        client = try TLSConnection(
            client: clientContext, descriptor: sockets.right, expecting: expectation, session: session,
            certificateTime: clientTime ?? certificateTime)
    }

    /// Runs both handshakes to their ends. A client's view may be `complete` although the server refuses it: TLS 1.3 tells
    /// the client with its first read.
    package func handshake() -> (server: TLSProgress, client: TLSProgress) {
        var serverProgress = TLSProgress.wantRead
        var clientProgress = TLSProgress.wantRead
        for _ in 0..<100 {
            if Self.isWaiting(clientProgress) { clientProgress = client.handshake() }
            if Self.isWaiting(serverProgress) { serverProgress = server.handshake() }
            if !Self.isWaiting(clientProgress) && !Self.isWaiting(serverProgress) { break }
            // Whoever has failed is gone for the other.
            if case .failed = serverProgress, case .complete = clientProgress { break }
        }
        return (serverProgress, clientProgress)
    }

    /// Writes `bytes` on one side, reads on the other, and answers what came.
    package static func transfer(
        _ bytes: [UInt8], from sender: TLSConnection, to receiver: TLSConnection
    ) throws -> [UInt8] {
        var sent = 0
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var idleTurns = 0
        while received.count < bytes.count {
            idleTurns += 1
            if sent < bytes.count {
                let progress = bytes.withUnsafeBytes { sender.write(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
                switch progress {
                case .complete(let count):
                    sent += count
                    idleTurns = 0
                case .wantRead, .wantWrite, .turnOver: break
                case .closed: throw TestSupportError("closed while writing")
                case .failed(let error): throw error
                }
            }
            let progress = buffer.withUnsafeMutableBytes { receiver.read(into: $0) }
            switch progress {
            case .complete(let count):
                received += buffer[..<count]
                idleTurns = 0
            case .wantRead, .wantWrite, .turnOver: break
            case .closed: return received
            case .failed(let error): throw error
            }
            if idleTurns > 100 { throw TestSupportError("no progress after \(received.count) bytes") }
        }
        return received
    }

    private static func isWaiting(_ progress: TLSProgress) -> Bool {
        progress == .wantRead || progress == .wantWrite
    }
}
