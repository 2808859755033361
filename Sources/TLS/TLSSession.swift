import COpenSSL

/// What a client keeps of a connection to resume it later (`SSL_SESSION`, from the server's last ticket).
///
/// Holds a secret: keep it in memory only. Usable from many threads at once.
package final class TLSSession: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer

    init(takingOwnership pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit { SSL_SESSION_free(pointer) }
}
