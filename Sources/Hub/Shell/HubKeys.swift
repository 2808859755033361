internal import Model
internal import System
internal import TLS

/// The hub's keys and certificates, in `identity/`: the root CA, the issuing CA, the hub's own leaf, the API's leaf and the
/// key that signs orders. Keys are readable by their owner only; the root's key may be taken away after `init`.
struct HubKeys: Sendable {
    private static let day: Int64 = 86_400
    /// A leaf lives 90 days and is replaced at half of that.
    static let leafLife: Int64 = 90 * day
    private static let issuingLife: Int64 = 5 * 365 * day
    private static let rootLife: Int64 = 20 * 365 * day

    let root: Certificate
    let issuing: CertificateAuthority
    let orderKey: PrivateKey
    /// What spokes see.
    var wire: TLSIdentity
    /// What browsers and `axle` see.
    var api: TLSIdentity

    /// Makes everything new in the folder; `hosts` are the names and addresses of the API beside localhost.
    static func create(_ folder: String, identity: PeerIdentity, name: NodeName, hosts: [String], now: Int64) throws {
        try Directory.create(folder, mode: 0o700)
        // A clock that is a little behind elsewhere must not refuse the very first contact.
        let begin = now - day
        let root = try CertificateAuthority.root(
            name: "Axle \(identity.fleet) root", dates: begin...begin + rootLife)
        let issuing = try root.issuing(
            name: "Axle \(identity.fleet) hub", dates: begin...begin + issuingLife)
        let orderKey = try PrivateKey.generate(.p256)
        try save(folder, "root", root.key, [root.certificate])
        try save(folder, "issuing", issuing.key, [issuing.certificate])
        try save(folder, "order", orderKey, [])
        try AtomicFile.write(hosts.joined(separator: "\n") + "\n", to: Directory.join(folder, "api-hosts"))
        try issueWire(folder, issuing, root.certificate, identity, name, now)
        try issueAPI(folder, issuing, root.certificate, name, hosts, now)
    }

    /// Reads the folder, and replaces leaves that are past half of their life.
    init(folder: String, identity: PeerIdentity, name: NodeName, now: Int64) throws {
        func read(_ file: String) throws -> [UInt8] { try File.read(Directory.join(folder, file), limit: 1 << 20) }
        root = try Certificate(pem: try read("root.pem"))
        let issuing = try CertificateAuthority(
            certificate: try Certificate(pem: try read("issuing.pem")),
            key: try PrivateKey(pem: try read("issuing.key")))
        self.issuing = issuing
        orderKey = try PrivateKey(pem: try read("order.key"))
        func leaf(_ file: String, renew: () throws -> Void) throws -> TLSIdentity {
            func load() throws -> TLSIdentity {
                try TLSIdentity(chainPEM: try read("\(file).pem"), keyPEM: try read("\(file).key"))
            }
            let found = try load()
            guard found.leaf.notAfter - now < Self.leafLife / 2 else { return found }
            try renew()
            return try load()
        }
        let root = self.root
        wire = try leaf("wire") { try Self.issueWire(folder, issuing, root, identity, name, now) }
        let hosts = String(decoding: try read("api-hosts"), as: UTF8.self).split(separator: "\n").map(String.init)
        api = try leaf("api") { try Self.issueAPI(folder, issuing, root, name, hosts, now) }
    }

    private static func issueWire(
        _ folder: String, _ issuing: CertificateAuthority, _ root: Certificate, _ identity: PeerIdentity,
        _ name: NodeName, _ now: Int64
    ) throws {
        let profile = LeafProfile(
            name: name.text, uris: [identity.description], dnsNames: [], ipAddresses: [], isServer: true,
            isClient: true, dates: now - day...now + leafLife)
        try issue(folder, "wire", issuing, root, profile)
    }

    private static func issueAPI(
        _ folder: String, _ issuing: CertificateAuthority, _ root: Certificate, _ name: NodeName, _ hosts: [String],
        _ now: Int64
    ) throws {
        let isAddress = { (host: String) in
            host.contains(":") || host.utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) }
        }
        let profile = LeafProfile(
            name: name.text, uris: [], dnsNames: ["localhost"] + hosts.filter { !isAddress($0) && $0 != "localhost" },
            ipAddresses: ["127.0.0.1", "::1"] + hosts.filter { isAddress($0) && $0 != "127.0.0.1" && $0 != "::1" },
            isServer: true, isClient: false, dates: now - day...now + leafLife)
        try issue(folder, "api", issuing, root, profile)
    }

    private static func issue(
        _ folder: String, _ file: String, _ issuing: CertificateAuthority, _ root: Certificate, _ profile: LeafProfile
    ) throws {
        let key = try PrivateKey.generate(.p256)
        let leaf = try issuing.issue(profile, for: key.publicKey)
        // The root goes along: a machine that joins knows it by its hash only.
        try save(folder, file, key, [leaf, issuing.certificate, root])
    }

    private static func save(_ folder: String, _ file: String, _ key: PrivateKey, _ chain: [Certificate]) throws {
        try key.withPEM { pem in
            try AtomicFile.write([UInt8](pem), to: Directory.join(folder, "\(file).key"), mode: 0o600)
        }
        guard !chain.isEmpty else { return }
        try AtomicFile.write(try chain.flatMap { try $0.pem() }, to: Directory.join(folder, "\(file).pem"))
    }
}
