import COpenSSL
import Glibc

/// A set of trust anchors: the roots that a chain may end in.
///
/// A set, so that a fleet's CA can be changed: old and new stand side by side for a while. Immutable and usable from many
/// threads at once.
package final class TrustStore: Sendable {
    /// Where Linux systems keep the authorities of the public web, in the order tried.
    package static let systemFiles = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/pki/tls/cacert.pem", "/etc/ssl/cert.pem",
    ]

    nonisolated(unsafe) let pointer: OpaquePointer
    /// The anchors, where they were given one by one; empty for a file.
    package let anchors: [Certificate]

    /// From certificates; at least one anchor.
    ///
    /// - Parameter issuers: authorities below the anchors that peers need not send: they are no anchors themselves, but
    ///   knowing them spares each handshake the decoding of the peer's copy, and memory.
    package init(_ anchors: [Certificate], issuers: [Certificate] = []) throws(TLSError) {
        guard !anchors.isEmpty else { throw TLSError(.certificateRefused, "no trust anchor was given") }
        let store = try ErrorQueue.require(.library, "no memory for trust anchors") { X509_STORE_new() }
        pointer = store
        self.anchors = anchors
        for certificate in anchors + issuers {
            try ErrorQueue.check(.library, "cannot keep a trust anchor") {
                X509_STORE_add_cert(store, certificate.pointer)
            }
        }
    }

    /// From a PEM file, for example that of the system.
    package init(file path: String) throws(TLSError) {
        let store = try ErrorQueue.require(.library, "no memory for trust anchors") { X509_STORE_new() }
        pointer = store
        anchors = []
        try ErrorQueue.check(.malformed, "no trust anchors in \(path)") { X509_STORE_load_file(store, path) }
    }

    /// The authorities of the public web as the system keeps them.
    package static func system() throws(TLSError) -> TrustStore {
        guard let path = systemFiles.first(where: { access($0, R_OK) == 0 }) else {
            throw TLSError(.certificateRefused, "this system has no file of certificate authorities; name one")
        }
        return try TrustStore(file: path)
    }

    deinit { X509_STORE_free(pointer) }
}
