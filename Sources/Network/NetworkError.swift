package import System
package import TLS

/// Why a connection could not be made or ended.
package enum NetworkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No address answered; the last error and how many addresses were tried.
    case unreachable(endpoint: String, tried: Int, last: SystemError)
    /// The deadline passed during this.
    case timedOut(String)
    /// The listening address cannot be had.
    case cannotListen(endpoint: String, SystemError)
    case system(SystemError)
    case tls(TLSError)
    /// The work was called off.
    case cancelled

    package var description: String {
        switch self {
        case .unreachable(let endpoint, let tried, let last):
            "cannot reach \(endpoint) (\(tried) address\(tried == 1 ? "" : "es") tried): \(last)"
        case .timedOut(let what): "\(what) took too long"
        case .cannotListen(let endpoint, let error): "cannot listen at \(endpoint): \(error)"
        case .system(let error): error.description
        case .tls(let error): error.description
        case .cancelled: "cancelled"
        }
    }

    /// True if trust was violated, so that trying again is of no use before someone has looked.
    package var isTrustFailure: Bool {
        guard case .tls(let error) = self else { return false }
        switch error.code {
        case .certificateRefused, .hostnameMismatch, .certificateMissing, .peerRefused: return true
        default: return false
        }
    }
}
