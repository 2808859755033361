/// Why a cryptographic or TLS operation did not succeed.
///
/// `code` says whose fault it is and what to do; `message` says what was being done; `reasons` are OpenSSL's own words,
/// oldest first. No secret and no byte of a key ever appears in it.
package struct TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it was. A closed set: callers switch on it.
    package enum Code: String, Sendable, CaseIterable {
        /// Bytes from outside are not what they have to be (truncated, trailing bytes, too large, wrong form).
        case malformed
        /// A well-formed key, curve or algorithm that Axle does not use.
        case unsupportedKey
        /// An encrypted key and no passphrase, or the wrong one.
        case wrongPassphrase
        /// A signature or MAC does not fit.
        case badSignature
        /// The certificate chain or its dates are not believed (trust violated: do not retry).
        case certificateRefused
        /// The peer's certificate does not name the host that was asked for.
        case hostnameMismatch
        /// The peer showed no certificate where one is required.
        case certificateMissing
        /// The peer has no TLS version in common with us (we speak 1.3 only).
        case versionMismatch
        /// The peer has no application protocol (ALPN) in common with us.
        case protocolMismatch
        /// The peer sent a fatal alert: it refused us.
        case peerRefused
        /// The peer broke the TLS protocol.
        case protocolViolation
        /// The connection ended without a proper TLS end: what was received may be cut short.
        case truncated
        /// The socket failed (reset, unreachable, …): retry later.
        case connectionFailed
        /// A deadline passed: retry later.
        case timedOut
        /// OpenSSL refused an operation for a reason of our own making or for want of memory.
        case library
    }

    /// The kind of failure.
    package let code: Code
    /// What was being done or what is wrong, for people.
    package let message: String
    /// OpenSSL's own reasons, oldest first; may be empty.
    package let reasons: [String]

    package init(_ code: Code, _ message: String, reasons: [String] = []) {
        self.code = code
        self.message = message
        self.reasons = reasons
    }

    package var description: String {
        reasons.isEmpty ? message : "\(message) (\(reasons.joined(separator: "; ")))"
    }
}
