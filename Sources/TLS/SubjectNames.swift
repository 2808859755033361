import COpenSSL
import Glibc

/// The subject alternative names of a certificate or a request, as text.
struct SubjectNames {
    /// The most names that are read; a certificate with more is refused.
    static let maximumCount = 256

    var uris: [String] = []
    var dnsNames: [String] = []
    var ipAddresses: [String] = []

    init() {}

    /// Reads the extension of an `X509`. None is fine; a malformed or doubled one is refused, and so is a name with a
    /// control character or a byte beyond ASCII (the NUL trick among them).
    init(of certificate: OpaquePointer) throws(TLSError) {
        var found: Int32 = 0
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        guard let raw = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, nil) else {
            // −1: there is none; −2: more than one; else: it cannot be read.
            guard found == -1 else { throw TLSError(.malformed, "the subject alternative name is malformed") }
            return
        }
        let names = OpaquePointer(raw)
        defer { GENERAL_NAMES_free(names) }
        let count = axle_names_count(names)
        guard count <= Self.maximumCount else { throw TLSError(.malformed, "too many subject alternative names") }
        for index in 0..<max(0, count) {
            guard let name = axle_names_get(names, index) else { continue }
            try add(name)
        }
    }

    private mutating func add(_ name: UnsafeMutablePointer<GENERAL_NAME>) throws(TLSError) {
        var kind: Int32 = 0
        guard let value = GENERAL_NAME_get0_value(name, &kind) else { return }
        let string = value.assumingMemoryBound(to: ASN1_STRING.self)
        switch kind {
        case GEN_URI: uris.append(try Self.text(string))
        case GEN_DNS: dnsNames.append(try Self.text(string))
        case GEN_IPADD: ipAddresses.append(try Self.address(string))
        default: break
        }
    }

    private static func bytes(_ string: UnsafeMutablePointer<ASN1_STRING>) -> [UInt8] {
        [UInt8](UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string))))
    }

    private static func text(_ string: UnsafeMutablePointer<ASN1_STRING>) throws(TLSError) -> String {
        let bytes = bytes(string)
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw TLSError(.malformed, "a subject alternative name has a character that does not belong there")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func address(_ string: UnsafeMutablePointer<ASN1_STRING>) throws(TLSError) -> String {
        let bytes = bytes(string)
        guard bytes.count == 4 || bytes.count == 16 else {
            throw TLSError(.malformed, "an IP address of \(bytes.count) bytes")
        }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            let family = bytes.count == 4 ? AF_INET : AF_INET6
            guard let text = inet_ntop(family, bytes, buffer.baseAddress, socklen_t(buffer.count)) else { return "" }
            return String(cString: text)
        }
    }
}
