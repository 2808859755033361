import COpenSSL
import Glibc

/// One TLS connection over a connected, non-blocking socket (`SSL`).
///
/// It does not own the socket: whoever made it closes it, after this. Not thread-safe: one thread, queue or actor at a time.
/// Never raises SIGPIPE. After `complete` call `read` again until `wantRead` before waiting for the socket: with `lend` bytes may be here that the
/// kernel no longer has.
package final class TLSConnection {
    /// Whom a client wants to reach.
    package enum Expectation: Sendable, Equatable {
        /// The certificate has to name this host (DNS name or IP address); DNS names are sent as SNI.
        case host(String)
        /// The chain alone is checked; the caller reads the name out of `peerCertificate` (Axle identities).
        case checkedByCaller
    }

    /// Its context, kept alive.
    package let context: TLSContext
    private let pointer: OpaquePointer
    private let certificateTime: Int64?
    /// Set by the first failure; every later call answers it.
    private var failure: TLSError?
    private var isEstablished = false
    private var emptyRecords = EmptyRecordLimit()
    /// Encrypted bytes wait here that the socket did not take.
    package private(set) var hasUnsent = false

    /// The listening side of `descriptor`.
    ///
    /// - Parameter certificateTime: the moment by which certificates are judged, seconds since 1970 UTC; the system's
    ///   clock if nil.
    package init(
        server context: TLSContext, descriptor: Int32, certificateTime: Int64? = nil
    ) throws(TLSError) {
        precondition(context.side == .server, "a client's context was given to a server")
        self.context = context
        self.certificateTime = certificateTime
        pointer = try Self.make(context, descriptor, certificateTime)
        SSL_set_accept_state(pointer)
    }

    /// The dialling side of `descriptor`.
    ///
    /// - Parameter session: of an earlier connection to the same server, to resume it; a server that does not want it makes
    ///   a full handshake.
    package init(
        client context: TLSContext, descriptor: Int32, expecting expectation: Expectation,
        session: TLSSession? = nil, certificateTime: Int64? = nil
    ) throws(TLSError) {
        precondition(context.side == .client, "a server's context was given to a client")
        self.context = context
        self.certificateTime = certificateTime
        pointer = try Self.make(context, descriptor, certificateTime)
        SSL_set_connect_state(pointer)
        if case .host(let host) = expectation { try expect(host) }
        if let session { SSL_set_session(pointer, session.pointer) }
    }

    deinit {
        // A connection that merely broke leaves its session fit for resumption; OpenSSL would void it.
        if failure.map({ [.truncated, .connectionFailed, .timedOut].contains($0.code) }) ?? true {
            SSL_set_shutdown(pointer, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        }
        SSL_free(pointer)
    }

    // MARK: Verbs

    /// Goes on with the handshake. A server's refusal of the client's certificate shows at the client only at its first
    /// read.
    package func handshake() -> TLSProgress {
        if let failure { return .failed(failure) }
        ErrorQueue.clear()
        let result = SSL_do_handshake(pointer)
        guard axle_bio_reads(SSL_get_rbio(pointer)) <= 2 * Self.handshakeRecords else {
            return fail(
                TLSError(.protocolViolation, "the handshake came in more than \(Self.handshakeRecords) records"))
        }
        guard result == 1 else { return progress(of: result, during: "the handshake") }
        if let refusal = establishedRefusal() {
            failure = refusal
            return .failed(refusal)
        }
        isEstablished = true
        return .complete(0)
    }

    /// The most records that a peer may cut its part of the handshake into. OpenSSL reads each in two steps.
    package static let handshakeRecords = 512

    /// What a peer may make this side work for before `read` and `handshake` say `turnOver`.
    package struct Turn: Sendable {
        /// Encrypted bytes.
        package var bytes: Int
        /// Records, with or without data.
        package var records: Int

        package init(bytes: Int, records: Int) {
            self.bytes = max(bytes, 1)
            self.records = max(records, 1)
        }
    }

    /// Whether the peer has sent anything yet.
    package var hasHeard: Bool { axle_bio_reads(SSL_get_rbio(pointer)) > 0 }

    /// How much is read from the socket at a time through a lent buffer: what one has to have room for.
    package static let intakeSize = 128 * 1024

    /// From here on the socket is read into `intake`, as much at a time as it holds; else each record costs two system calls.
    ///
    /// OpenSSL's own reading ahead would move all that is left in its buffer before every record (3.0, `ssl3_read_n`), and have a buffer of that size
    /// for each connection. The buffer is used in `handshake` and `read`, until it is taken back or the connection is gone. With a turn no more than
    /// it allows is done until then.
    package func lend(_ intake: UnsafeMutableRawBufferPointer, for turn: Turn? = nil) {
        let bio = SSL_get_rbio(pointer)
        axle_bio_lend(bio, intake.baseAddress, intake.count)
        if let turn { axle_bio_allow(bio, turn.bytes, 2 * turn.records) }
    }

    /// Ends that: the buffer is anyone's again. What came and was not read is kept, and read first.
    package func takeBack() {
        let bio = SSL_get_rbio(pointer)
        axle_bio_allow(bio, Int.max, Int.max)
        guard axle_bio_take_back(bio) == 0, failure == nil else { return }
        failure = TLSError(.library, "no memory for bytes that came")
    }

    /// Fills `buffer` as far as decrypted bytes can be had without waiting.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> TLSProgress {
        if let failure { return .failed(failure) }
        var filled = 0
        while filled < buffer.count {
            var count = 0
            ErrorQueue.clear()
            let result = SSL_read_ex(pointer, buffer.baseAddress.map { $0 + filled }, buffer.count - filled, &count)
            guard result == 1 else {
                let progress = progress(of: result, during: "reading")
                // The socket has more: what stopped OpenSSL was a record without data.
                if progress == .wantRead, axle_bio_starved(SSL_get_rbio(pointer)) == 0 {
                    guard emptyRecords.take() else { return fail(Self.tooManyEmptyRecords) }
                    continue
                }
                // What was read counts first; the reason why there is no more comes with the next call.
                return filled > 0 ? .complete(filled) : progress
            }
            emptyRecords.count(data: count)
            filled += count
        }
        return .complete(filled)
    }

    /// Writes of `bytes` as much as the socket takes without waiting. After `wantRead` or `wantWrite` call again with the
    /// same bytes (the buffer may have moved, more may follow).
    package func write(_ bytes: UnsafeRawBufferPointer) -> TLSProgress {
        if let failure { return .failed(failure) }
        var written = 0
        while written < bytes.count {
            var count = 0
            ErrorQueue.clear()
            let result = SSL_write_ex(pointer, bytes.baseAddress.map { $0 + written }, bytes.count - written, &count)
            guard result == 1 else {
                let progress = progress(of: result, during: "writing")
                return written > 0 ? .complete(written) : progress
            }
            written += count
        }
        return .complete(written)
    }

    /// How many bytes `write(_:through:)` encrypts before it sends them: what a stage has to have room for, and a bit more.
    ///
    /// Four times as much saves system calls and costs more than they do: the copies no longer fit into a core's cache (a fifth of a stream's speed).
    package static let gatheredBytes = 64 * 1024
    /// The size of a stage: five records of 16 KiB with their headers and tags.
    package static let stageSize = gatheredBytes + 17 * 1024

    /// Writes as `write` does, but gathers the records of up to `gatheredBytes` in `stage` and sends them in one piece: a
    /// quarter of the system calls. All bytes that it says count as written, but some may wait here, encrypted, for the socket
    /// (`hasUnsent`): call `sendRest` when it is writable. `stage` is anyone's again after the call.
    package func write(
        _ bytes: UnsafeRawBufferPointer, through stage: UnsafeMutableRawBufferPointer
    ) -> TLSProgress {
        let rest = sendRest()
        guard case .complete = rest else { return rest }
        guard bytes.count > 16 * 1024, stage.count >= Self.stageSize else { return write(bytes) }
        let bio = SSL_get_wbio(pointer)
        var written = 0
        while written < bytes.count, !hasUnsent {
            let end = min(bytes.count, written + Self.gatheredBytes)
            axle_bio_gather(bio, stage.baseAddress, stage.count)
            let progress = write(UnsafeRawBufferPointer(rebasing: bytes[written..<end]))
            let outcome = axle_bio_send_gathered(bio)
            guard case .complete(let count) = progress else { return written > 0 ? .complete(written) : progress }
            written += count
            if outcome < 0 { return failSending() }
            hasUnsent = outcome == 0
        }
        return .complete(written)
    }

    /// Sends what `write(_:through:)` left: `complete` when nothing is left, `wantWrite` while the socket is full.
    package func sendRest() -> TLSProgress {
        if let failure { return .failed(failure) }
        guard hasUnsent else { return .complete(0) }
        switch axle_bio_send_rest(SSL_get_wbio(pointer)) {
        case 1:
            hasUnsent = false
            return .complete(0)
        case 0: return .wantWrite
        default: return failSending()
        }
    }

    private func failSending() -> TLSProgress {
        fail(TLSError(.connectionFailed, "writing failed: \(String(cString: strerror(errno)))"))
    }

    /// Ends our direction. `complete` when that is on its way to the peer, `closed` when the peer has ended its own too.
    package func shutdown() -> TLSProgress {
        if let failure { return .failed(failure) }
        guard isEstablished else { return .closed }
        ErrorQueue.clear()
        let result = SSL_shutdown(pointer)
        if result == 1 { return .closed }
        if result == 0 { return .complete(0) }
        return progress(of: result, during: "the end of the connection")
    }

    // MARK: What is known after the handshake

    /// The application protocol that both chose (ALPN).
    package var negotiatedProtocol: String? {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(pointer, &start, &count)
        guard let start, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    /// The peer's certificate, verified; on a resumed connection that of the full handshake before it, within its dates.
    /// Revocation and role are for the caller to check, every time.
    package var peerCertificate: Certificate? {
        guard let certificate = SSL_get1_peer_certificate(pointer) else { return nil }
        // What cannot be read was refused in the handshake.
        return try? Certificate(takingOwnership: certificate)
    }

    /// The verified chain, leaf first, anchor last; empty on a resumed connection and without a certificate.
    package var verifiedChain: [Certificate] {
        // What cannot be read was refused in the handshake.
        (try? CertificateStack.copy(SSL_get0_verified_chain(pointer))) ?? []
    }

    /// Whether it continues an earlier session: no certificate was sent this time.
    package var isResumed: Bool { SSL_session_reused(pointer) == 1 }

    /// For a client: what to hand in next time to resume, once the server has sent a ticket (it comes with the first bytes
    /// read).
    package var session: TLSSession? {
        guard let session = SSL_get1_session(pointer) else { return nil }
        guard SSL_SESSION_is_resumable(session) == 1 else {
            SSL_SESSION_free(session)
            return nil
        }
        return TLSSession(takingOwnership: session)
    }

    /// Name of the cipher suite, for logs.
    package var cipherSuite: String {
        SSL_get_current_cipher(pointer).flatMap { SSL_CIPHER_get_name($0) }.map { String(cString: $0) } ?? "none"
    }

    // MARK: Set-up and errors

    private static func make(
        _ context: TLSContext, _ descriptor: Int32, _ certificateTime: Int64?
    ) throws(TLSError) -> OpaquePointer {
        let made = try ErrorQueue.require(.library, "cannot make a TLS connection") { SSL_new(context.pointer) }
        guard let bio = axle_bio_socket(descriptor) else {
            SSL_free(made)
            throw ErrorQueue.error(.library, "cannot make a TLS connection")
        }
        SSL_set_bio(made, bio, bio)
        if let certificateTime { X509_VERIFY_PARAM_set_time(SSL_get0_param(made), time_t(certificateTime)) }
        return made
    }

    private func expect(_ host: String) throws(TLSError) {
        guard !host.isEmpty, host.utf8.count <= 253, !host.utf8.contains(0) else {
            throw TLSError(.malformed, "not a host name: \(host.debugDescription)")
        }
        let parameters = SSL_get0_param(pointer)
        try ErrorQueue.check(.malformed, "not a host name: \(host.debugDescription)") {
            if X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1 { return 1 }
            X509_VERIFY_PARAM_set_hostflags(
                parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
            guard X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count) == 1 else { return 0 }
            return axle_ssl_set_server_name(pointer, host)
        }
    }

    /// What OpenSSL let pass and we do not.
    private func establishedRefusal() -> TLSError? {
        let name = negotiatedProtocol
        if context.rules.requiresProtocol && name == nil {
            return TLSError(.protocolMismatch, "the peer chose no application protocol")
        }
        // A resumed session without a certificate must not pass where one is demanded.
        let isDemanded = context.side == .client || context.rules.demandsCertificate(name)
        guard isDemanded else { return nil }
        guard let certificate = peerCertificate else {
            return TLSError(.certificateMissing, "the peer showed no certificate")
        }
        // In a full handshake the chain was judged; a resumed one looks at no date by itself.
        guard !isResumed || certificate.isValid(at: certificateTime ?? Int64(time(nil))) else {
            return TLSError(.certificateRefused, "the certificate is refused: outside its dates")
        }
        return nil
    }

    private func progress(of result: Int32, during what: String) -> TLSProgress {
        let systemError = errno
        switch SSL_get_error(pointer, result) {
        case SSL_ERROR_WANT_READ: return axle_bio_starved(SSL_get_rbio(pointer)) == 2 ? .turnOver : .wantRead
        case SSL_ERROR_WANT_WRITE: return .wantWrite
        case SSL_ERROR_ZERO_RETURN:
            // Once close_notify came, OpenSSL does not touch the socket again: a socket that ended was cut off.
            guard axle_ssl_socket_ended(pointer) == 0 && isEstablished else {
                return fail(TLSError(.truncated, "the peer went away during \(what)"))
            }
            return .closed
        case SSL_ERROR_SYSCALL:
            let entries = ErrorQueue.drain()
            let reason = systemError == 0 ? "the peer went away" : String(cString: strerror(systemError))
            return fail(
                TLSError(.connectionFailed, "\(what) failed: \(reason)", reasons: entries.map(\.text)))
        default: return fail(classify(ErrorQueue.drain(), what))
        }
    }

    private static var tooManyEmptyRecords: TLSError {
        TLSError(.protocolViolation, "the peer sends records without data")
    }

    private func fail(_ error: TLSError) -> TLSProgress {
        failure = error
        return .failed(error)
    }

    private func classify(_ entries: [ErrorQueue.Entry], _ what: String) -> TLSError {
        let reasons = entries.map(\.text)
        guard let first = entries.first(where: { $0.library == ERR_LIB_SSL }) else {
            return TLSError(.protocolViolation, "\(what) failed", reasons: reasons)
        }
        switch first.reason {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return TLSError.refusedCertificate(Int32(truncatingIfNeeded: SSL_get_verify_result(pointer)))
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return TLSError(.certificateMissing, "the peer showed no certificate", reasons: reasons)
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_VERSION_NUMBER, SSL_R_VERSION_TOO_LOW,
            SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_WRONG_SSL_VERSION:
            return TLSError(.versionMismatch, "the peer does not speak TLS 1.3", reasons: reasons)
        case SSL_R_NO_APPLICATION_PROTOCOL, SSL_R_CALLBACK_FAILED, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
            SSL_R_BAD_EXTENSION:
            return TLSError(.protocolMismatch, "no application protocol in common", reasons: reasons)
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return TLSError(.truncated, "the peer went away during \(what)", reasons: reasons)
        // OpenSSL numbers a received alert as 1000 plus its code.
        case 1000...1255:
            return TLSError(.peerRefused, "the peer refused: \(first.text)", reasons: reasons)
        default:
            return TLSError(.protocolViolation, "\(what) failed: \(first.text)", reasons: reasons)
        }
    }
}
