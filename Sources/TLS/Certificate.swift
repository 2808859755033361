import COpenSSL
import Glibc

/// An X.509 certificate. Immutable and usable from many threads at once; equal when its DER is equal.
///
/// What is read here is what the certificate says of itself. It is believed only after `verify(…)` or a handshake.
package final class Certificate: Sendable, Hashable, CustomStringConvertible {
    /// The largest accepted DER in bytes.
    package static let maximumLength = 1 << 16
    /// The most certificates taken from one PEM file.
    package static let maximumCount = 64

    nonisolated(unsafe) let pointer: OpaquePointer
    /// First second of validity, in seconds since 1970 UTC.
    package let notBefore: Int64
    /// End of validity, in seconds since 1970 UTC: the first second in which it is no longer valid, as OpenSSL counts.
    package let notAfter: Int64

    /// Takes over one reference; frees it and throws if a field that we read is malformed.
    init(takingOwnership pointer: OpaquePointer) throws(TLSError) {
        do {
            notBefore = try Self.seconds(X509_get0_notBefore(pointer))
            notAfter = try Self.seconds(X509_get0_notAfter(pointer))
            _ = try SubjectNames(of: pointer)
        } catch {
            X509_free(pointer)
            throw error
        }
        self.pointer = pointer
    }

    deinit { X509_free(pointer) }

    /// Adds a reference to a certificate that OpenSSL owns.
    static func retaining(_ pointer: OpaquePointer) throws(TLSError) -> Certificate {
        X509_up_ref(pointer)
        return try Certificate(takingOwnership: pointer)
    }

    /// From DER; refuses trailing bytes.
    package convenience init(der: [UInt8]) throws(TLSError) {
        let pointer = try DER.parse(
            der, limit: Self.maximumLength, "certificate", free: { (made: OpaquePointer) in X509_free(made) },
            { d2i_X509(nil, $0, $1) })
        try self.init(takingOwnership: pointer)
    }

    /// From PEM that holds exactly one certificate.
    package convenience init(pem: [UInt8]) throws(TLSError) {
        let all = try Self.parse(pem: pem)
        guard all.count == 1, let only = all.first else {
            throw TLSError(.malformed, "\(all.count) certificates where one is expected")
        }
        X509_up_ref(only.pointer)
        try self.init(takingOwnership: only.pointer)
    }

    /// All certificates of a PEM file, in order; at least one, at most `maximumCount`. Other kinds of PEM block and text
    /// between the blocks are skipped.
    package static func parse(pem: [UInt8]) throws(TLSError) -> [Certificate] {
        guard pem.count <= 2 * maximumCount * maximumLength else {
            throw TLSError(.malformed, "the certificate file is too large")
        }
        let source = try MemoryBIO(reading: pem)
        var all: [Certificate] = []
        while true {
            ErrorQueue.clear()
            guard let next = PEM_read_bio_X509(source.pointer, nil, nil, nil) else { break }
            let certificate = try Certificate(takingOwnership: next)
            guard all.count < maximumCount else {
                throw TLSError(.malformed, "more than \(maximumCount) certificates in one file")
            }
            all.append(certificate)
        }
        let entries = ErrorQueue.drain()
        let isEnd = entries.contains { $0.library == ERR_LIB_PEM && $0.reason == PEM_R_NO_START_LINE }
        guard isEnd, !all.isEmpty else {
            throw TLSError(.malformed, "not a PEM certificate", reasons: entries.map(\.text))
        }
        return all
    }

    /// DER, byte for byte as it was signed.
    package var der: [UInt8] {
        // A certificate that was parsed can be written; there is nothing to do about want of memory.
        (try? DER.encode("certificate") { i2d_X509(pointer, $0) }) ?? []
    }

    /// PEM (`BEGIN CERTIFICATE`), UTF-8.
    package func pem() throws(TLSError) -> [UInt8] {
        let target = try MemoryBIO()
        try ErrorQueue.check(.library, "cannot write the certificate") {
            PEM_write_bio_X509(target.pointer, pointer)
        }
        return target.contents
    }

    /// The subject as RFC 2253 text, control characters escaped. For people only: identity is in `uris`.
    package var subject: String { Self.text(of: X509_get_subject_name(pointer)) }

    /// The issuer's name as RFC 2253 text, control characters escaped.
    package var issuer: String { Self.text(of: X509_get_issuer_name(pointer)) }

    /// The URIs of the subject alternative name, as written.
    package var uris: [String] { names.uris }

    /// The DNS names of the subject alternative name, as written.
    package var dnsNames: [String] { names.dnsNames }

    /// The IP addresses of the subject alternative name, in their usual text form.
    package var ipAddresses: [String] { names.ipAddresses }

    /// The serial number, big endian, without leading zeros (empty for 0).
    package var serial: [UInt8] {
        guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(pointer), nil) else { return [] }
        defer { BN_free(number) }
        return [UInt8](unsafeUninitializedCapacity: Int(BN_num_bits(number) + 7) / 8) { buffer, count in
            count = Int(BN_bn2bin(number, buffer.baseAddress))
        }
    }

    /// DER of the SubjectPublicKeyInfo as it stands in the certificate.
    package var publicKeyInfo: [UInt8] {
        // As for `der`: what was parsed can be written.
        (try? DER.encode("public key") { i2d_X509_PUBKEY(X509_get_X509_PUBKEY(pointer), $0) }) ?? []
    }

    /// SHA-256 of `publicKeyInfo` (32 bytes): what a join token pins.
    package var publicKeyFingerprint: [UInt8] { SHA256.hash(publicKeyInfo) }

    /// The decoded public key; throws if it is of a kind that Axle does not use.
    package func publicKey() throws(TLSError) -> PublicKey {
        try PublicKey(der: publicKeyInfo)
    }

    /// Whether it may issue certificates (basic constraints).
    package var isAuthority: Bool { X509_check_ca(pointer) == 1 }

    /// Whether `moment` (seconds since 1970 UTC) lies within its dates.
    package func isValid(at moment: Int64) -> Bool { notBefore <= moment && moment < notAfter }

    /// Whether `issuer`'s name, key id and key fit this certificate, and its key has signed it.
    package func isIssued(by issuer: Certificate) -> Bool {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        guard X509_check_issued(issuer.pointer, pointer) == X509_V_OK, let key = X509_get0_pubkey(issuer.pointer) else {
            return false
        }
        return X509_verify(pointer, key) == 1
    }

    package static func == (one: Certificate, other: Certificate) -> Bool { X509_cmp(one.pointer, other.pointer) == 0 }

    package func hash(into hasher: inout Hasher) { hasher.combine(serial) }

    package var description: String { "certificate of \(subject)" }

    // Read at init already, so that a failure here can only be want of memory.
    private var names: SubjectNames { (try? SubjectNames(of: pointer)) ?? SubjectNames() }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) throws(TLSError) -> Int64 {
        var parts = tm()
        guard ASN1_TIME_to_tm(time, &parts) == 1 else {
            throw TLSError(.malformed, "a certificate's date is malformed")
        }
        return Int64(timegm(&parts))
    }

    private static func text(of name: OpaquePointer?) -> String {
        // Want of memory gives the empty text; the text is for people only.
        guard let name, let target = try? MemoryBIO() else { return "" }
        guard axle_print_name(target.pointer, name) >= 0 else { return "" }
        return String(decoding: target.contents, as: UTF8.self)
    }
}
