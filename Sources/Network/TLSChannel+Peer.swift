internal import System
package import TLS

/// What is known of the peer after the handshake.
extension TLSChannel {
    /// The application protocol (ALPN).
    package var negotiatedProtocol: String? { connection?.negotiatedProtocol }
    /// The peer's verified certificate.
    package var peerCertificate: Certificate? { connection?.peerCertificate }
    /// The verified chain, leaf first; empty on a resumed connection.
    package var verifiedChain: [Certificate] { connection?.verifiedChain ?? [] }
    package var isResumed: Bool { connection?.isResumed ?? false }
    /// What a client may resume with next time.
    package var session: TLSSession? { connection?.session }
    package var cipherSuite: String { connection?.cipherSuite ?? "none" }

    /// Whether the socket is of no further use.
    static func isBroken(_ readiness: Poller.Readiness) -> Bool {
        !readiness.isDisjoint(with: [.failed, .hungUp])
    }

    /// Whether OpenSSL told the peer by an alert.
    static func hasAlert(_ code: TLSError.Code) -> Bool {
        switch code {
        case .connectionFailed, .truncated, .peerRefused, .timedOut: false
        default: true
        }
    }
}
