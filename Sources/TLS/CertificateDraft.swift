import COpenSSL

/// A certificate being made: an `X509` that is filled, then signed once.
final class CertificateDraft {
    private let pointer: OpaquePointer

    /// Begins with subject, dates, key and a random serial.
    init(name: String, dates: ClosedRange<Int64>, publicKey: PublicKey) throws(TLSError) {
        pointer = try ErrorQueue.require(.library, "no memory for a certificate") { X509_new() }
        try setSubject(name)
        try setSerial()
        try ErrorQueue.check(.library, "cannot make a certificate") { [pointer] in
            guard X509_set_version(pointer, Int(X509_VERSION_3)) == 1,
                ASN1_TIME_set(X509_getm_notBefore(pointer), time_t(dates.lowerBound)) != nil,
                ASN1_TIME_set(X509_getm_notAfter(pointer), time_t(dates.upperBound)) != nil
            else { return 0 }
            return X509_set_pubkey(pointer, publicKey.handle.pointer)
        }
        try add(NID_subject_key_identifier, "hash", issuer: nil)
    }

    deinit { X509_free(pointer) }

    /// Adds an extension in OpenSSL's configuration syntax; `value` is always a constant of ours, never outside text.
    /// `ownKey` is the key of a certificate that signs itself, where the extension names it.
    func add(_ kind: Int32, _ value: String, issuer: Certificate?, ownKey: PrivateKey? = nil) throws(TLSError) {
        var context = X509V3_CTX()
        axle_x509v3_context(&context, issuer?.pointer ?? pointer, pointer, ownKey?.handle.pointer)
        let made = try ErrorQueue.require(.library, "cannot make a certificate extension") {
            X509V3_EXT_conf_nid(nil, &context, kind, value)
        }
        defer { X509_EXTENSION_free(made) }
        try ErrorQueue.check(.library, "cannot add a certificate extension") { X509_add_ext(pointer, made, -1) }
    }

    /// Adds the subject alternative names of `profile`. Built value by value, so that no text can smuggle in another.
    func addNames(of profile: LeafProfile) throws(TLSError) {
        guard !(profile.uris.isEmpty && profile.dnsNames.isEmpty && profile.ipAddresses.isEmpty) else { return }
        let names = try ErrorQueue.require(.library, "no memory for names") { GENERAL_NAMES_new() }
        defer { GENERAL_NAMES_free(names) }
        for uri in profile.uris { try push(names, GEN_URI, try Self.ia5(uri)) }
        for name in profile.dnsNames { try push(names, GEN_DNS, try Self.ia5(name)) }
        for address in profile.ipAddresses {
            let value = try ErrorQueue.require(.malformed, "not an IP address: \(address.debugDescription)") {
                a2i_IPADDRESS(address)
            }
            try push(names, GEN_IPADD, value)
        }
        try ErrorQueue.check(.library, "cannot add names to a certificate") {
            X509_add1_ext_i2d(pointer, NID_subject_alt_name, UnsafeMutableRawPointer(names), 0, 0)
        }
    }

    /// Names the issuer (itself if nil), signs, and answers the certificate.
    func sign(issuer: Certificate?, with key: PrivateKey) throws(TLSError) -> Certificate {
        if let issuer {
            // An operator's own CA may have no identifier; then there is none to name.
            try add(NID_authority_key_identifier, "keyid", issuer: issuer)
        } else {
            // OpenSSL leaves it out of a certificate that signs itself, unless it must not.
            try add(NID_authority_key_identifier, "keyid:always", issuer: nil, ownKey: key)
        }
        let digest = key.kind == .ed25519 ? nil : DigestAlgorithm.sha256.pointer
        try ErrorQueue.check(.library, "cannot sign a certificate") {
            guard X509_set_issuer_name(pointer, X509_get_subject_name(issuer?.pointer ?? pointer)) == 1 else {
                return 0
            }
            return X509_sign(pointer, key.handle.pointer, digest)
        }
        // Through its encoding, so that what is used is what others will read.
        return try Certificate(der: DER.encode("certificate") { i2d_X509(pointer, $0) })
    }

    private func setSubject(_ name: String) throws(TLSError) {
        let bytes = [UInt8](name.utf8)
        guard (1...64).contains(bytes.count), !bytes.contains(0) else {
            throw TLSError(.malformed, "a certificate's name has 1 to 64 bytes")
        }
        try ErrorQueue.check(.library, "cannot name a certificate") {
            X509_NAME_add_entry_by_NID(
                X509_get_subject_name(pointer), NID_commonName, MBSTRING_UTF8, bytes, Int32(bytes.count), -1, 0)
        }
    }

    private func setSerial() throws(TLSError) {
        // 127 random bits below a leading one: positive, never zero, always 16 bytes.
        var bytes = try SecureRandom.bytes(16)
        bytes[0] = bytes[0] & 0x7F | 0x40
        let number = try ErrorQueue.require(.library, "no memory for a serial") {
            BN_bin2bn(bytes, Int32(bytes.count), nil)
        }
        defer { BN_free(number) }
        _ = try ErrorQueue.require(.library, "cannot set a serial") {
            BN_to_ASN1_INTEGER(number, X509_get_serialNumber(pointer))
        }
    }

    private static func ia5(_ text: String) throws(TLSError) -> UnsafeMutablePointer<ASN1_STRING> {
        let bytes = [UInt8](text.utf8)
        guard (1...1024).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw TLSError(.malformed, "not a name for a certificate: \(text.debugDescription)")
        }
        let string = try ErrorQueue.require(.library, "no memory for names") { ASN1_IA5STRING_new() }
        guard ASN1_STRING_set(string, bytes, Int32(bytes.count)) == 1 else {
            ASN1_STRING_free(string)
            throw ErrorQueue.error(.library, "no memory for names")
        }
        return string
    }

    /// Takes over `value`.
    private func push(
        _ names: OpaquePointer, _ kind: Int32, _ value: UnsafeMutablePointer<ASN1_STRING>
    ) throws(TLSError) {
        guard let name = GENERAL_NAME_new() else {
            ASN1_STRING_free(value)
            throw TLSError(.library, "no memory for names")
        }
        GENERAL_NAME_set0_value(name, kind, value)
        guard axle_names_push(names, name) > 0 else {
            GENERAL_NAME_free(name)
            throw TLSError(.library, "no memory for names")
        }
    }
}
