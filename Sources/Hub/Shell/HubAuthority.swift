package import Model
internal import System
package import TLS
internal import Trust

/// A CA of the hub: an issuing authority with its key, and the certificates from it up to the root. In a folder: `issuing.key`, `issuing.pem` (the
/// issuing certificate and those between it and the root), `root.pem`, and `root.key` where the hub made the root itself; that file may be taken away.
package struct HubAuthority: Sendable {
    private static let day: Int64 = 86_400
    private static let issuingLife: Int64 = 5 * 365 * day
    private static let rootLife: Int64 = 20 * 365 * day
    /// 2025: every fleet is younger.
    static let epoch: Int64 = 1_735_689_600
    /// Bytes of a chain in DER: with a second root, during a change of CA, it still fits into the
    /// answer to a join or a renewal.
    private static let chainLimit = 16 << 10

    package let issuing: CertificateAuthority
    /// What is shown behind a leaf: the issuing certificate first, the root last.
    package let chain: [Certificate]
    package let root: Certificate
    package let pin: SHA256Digest

    /// Makes a root and an issuing authority in the folder, which must be there.
    package static func create(_ folder: String, fleet: FleetName, now: Int64) throws {
        // The beginning protects nothing, and a clock that is ahead here or behind elsewhere must not make
        // a CA that nobody believes.
        let begin = min(now - day, epoch)
        let root = try CertificateAuthority.root(name: "Axle \(fleet) root", dates: begin...now + rootLife)
        let issuing = try root.issuing(name: "Axle \(fleet) hub", dates: begin...now + issuingLife)
        try save(folder, "root", root.key, [root.certificate])
        try save(folder, "issuing", issuing.key, [issuing.certificate])
    }

    /// Puts the operator's own CA into the folder: `chain` is PEM with the issuing certificate first and the root last, `key` PEM of the issuing key.
    ///
    /// Refuses what could not issue: it is tried with a leaf of each role.
    package static func adopt(
        _ folder: String, chain chainPEM: [UInt8], key keyPEM: [UInt8], fleet: FleetName, now: Int64
    ) throws {
        let chain = try Certificate.parse(pem: chainPEM)
        guard chain.count >= 2, let first = chain.first, let root = chain.last else {
            throw HubAuthorityError(
                "the CA file holds \(chain.count) certificate\(chain.count == 1 ? "" : "s"); it must hold the issuing certificate first and the root last"
            )
        }
        guard root.isIssued(by: root) else {
            throw HubAuthorityError(
                "the last certificate of the CA file (\(root.subject)) is no root: it is not signed by itself")
        }
        guard chain.count <= 4 else { throw HubAuthorityError("the CA file holds more than 4 certificates") }
        guard chain.reduce(0, { $0 + $1.der.count }) <= chainLimit, root.der.count <= RecordLimits.certificate else {
            throw HubAuthorityError(
                "the certificates of the CA file have more than \(chainLimit) bytes together, or the root more than "
                    + "\(RecordLimits.certificate) (in DER); members could not be told of them")
        }
        let key = try PrivateKey(pem: keyPEM)
        let issuing = try CertificateAuthority(certificate: first, key: key)
        guard first.isValid(at: now), first.notAfter - now > 2 * HubKeys.leafLife else {
            throw HubAuthorityError("the issuing certificate must be valid now and for 180 days at least")
        }
        let trial = HubAuthority(
            issuing: issuing, chain: chain, root: root, pin: try SHA256Digest(bytes: root.publicKeyFingerprint))
        try trial.check(fleet: fleet, now: now)
        try key.withPEM { try AtomicFile.write([UInt8]($0), to: Directory.join(folder, "issuing.key"), mode: 0o600) }
        try AtomicFile.write(try chain.dropLast().flatMap { try $0.pem() }, to: Directory.join(folder, "issuing.pem"))
        try AtomicFile.write(try root.pem(), to: Directory.join(folder, "root.pem"))
    }

    /// Whether leaves of this authority are accepted: path length, key usage, name constraints and dates are all judged by OpenSSL.
    private func check(fleet: FleetName, now: Int64) throws {
        let key = try PrivateKey.generate(.p256).publicKey
        for role in [Role.hub, .spoke, .agent] {
            let identity = PeerIdentity(fleet: fleet, role: role, id: NodeID(high: 0, low: 1))
            let profile = LeafProfile(
                name: "trial", uris: [identity.description], isServer: true, isClient: true,
                dates: now...now + HubKeys.leafLife)
            do {
                try issuing.issue(profile, for: key).verify(
                    through: chain, to: try TrustStore([root]), for: role == .agent ? .client : .server, at: now)
            } catch {
                throw HubAuthorityError("a certificate issued by this CA would not be accepted: \(error)")
            }
        }
    }

    /// When a leaf begins that is issued now: a day earlier, since clocks differ, and no later than `earliest`, which
    /// somebody else vouches for; never before the CA itself.
    func begin(of now: Int64, earliest: Int64) -> Int64 {
        max(min(now, earliest) - Self.day, min(issuing.certificate.notBefore, now - Self.day))
    }

    /// Reads the folder.
    package init(folder: String) throws {
        func read(_ file: String) throws -> [UInt8] { try File.read(Directory.join(folder, file), limit: 1 << 20) }
        let root = try Certificate(pem: try read("root.pem"))
        let chain = try Certificate.parse(pem: try read("issuing.pem"))
        guard let first = chain.first else { throw HubAuthorityError("\(folder)/issuing.pem holds no certificate") }
        issuing = try CertificateAuthority(certificate: first, key: try PrivateKey(pem: try read("issuing.key")))
        self.root = root
        self.chain = chain + [root]
        pin = try SHA256Digest(bytes: root.publicKeyFingerprint)
    }

    private init(issuing: CertificateAuthority, chain: [Certificate], root: Certificate, pin: SHA256Digest) {
        self.issuing = issuing
        self.chain = chain
        self.root = root
        self.pin = pin
    }

    private static func save(_ folder: String, _ file: String, _ key: PrivateKey, _ chain: [Certificate]) throws {
        try key.withPEM { pem in
            try AtomicFile.write([UInt8](pem), to: Directory.join(folder, "\(file).key"), mode: 0o600)
        }
        try AtomicFile.write(try chain.flatMap { try $0.pem() }, to: Directory.join(folder, "\(file).pem"))
    }
}

/// A CA that the hub cannot use; says what is wrong with it.
package struct HubAuthorityError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
