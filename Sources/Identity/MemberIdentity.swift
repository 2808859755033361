internal import Codec
package import Model
import System
package import TLS
package import Trust

/// Who a joined spoke or agent is, and whom it believes: the folder `identity/` of its state.
///
/// `member.json` (who and where), `chain.pem` (leaf first), `key.pem`, `anchors.pem` (the fleet's root CAs),
/// `hub-order-key.pem`, and for an agent `report-key.pem`. Keys are readable by their owner only. The folder is written
/// whole and renamed into place, so that it is there entirely or not at all. Later `IdentityKeeper` adds `current.pem` (key and chain,
/// in place of those of the join) and `anchors.cose` (the signed set, in place of the roots of the join).
package struct MemberIdentity: Sendable {
    /// What `member.json` says.
    package struct Member: Codable, Hashable, Sendable {
        package var fleet: FleetName
        package var role: Role
        package var id: NodeID
        /// The name that people see.
        package var name: NodeName
        /// Where to dial: the hub for a spoke, the spoke for an agent; `HOST:PORT`.
        package var upstream: String
        /// Who is expected to answer there, by certificate.
        package var upstreamID: NodeID
        /// Where a spoke listens for its agents.
        package var listen: String?

        package init(
            fleet: FleetName, role: Role, id: NodeID, name: NodeName, upstream: String, upstreamID: NodeID,
            listen: String? = nil
        ) {
            self.fleet = fleet
            self.role = role
            self.id = id
            self.name = name
            self.upstream = upstream
            self.upstreamID = upstreamID
            self.listen = listen
        }
    }

    package var member: Member
    package var tls: TLSIdentity
    package var anchors: [Certificate]
    /// The signed set that `anchors` come from; nil for those of the join.
    package var anchorSet: AnchorSet?
    package var hubOrderKey: PublicKey
    package var reportKey: PrivateKey?

    package init(
        member: Member, tls: TLSIdentity, anchors: [Certificate], hubOrderKey: PublicKey, reportKey: PrivateKey? = nil
    ) {
        self.member = member
        self.tls = tls
        self.anchors = anchors
        self.hubOrderKey = hubOrderKey
        self.reportKey = reportKey
    }

    /// Reads the folder; throws what says which file is missing or damaged.
    package init(folder: String) throws {
        let files = IdentityFolder(path: folder)
        member = try files.read("member.json") { try JSONCoder.decode(Member.self, from: $0) }
        if files.has("current.pem") {
            tls = try files.read("current.pem") { try TLSIdentity(chainPEM: $0, keyPEM: $0) }
        } else {
            let key = try files.read("key.pem") { $0 }
            tls = try files.read("chain.pem") { try TLSIdentity(chainPEM: $0, keyPEM: key) }
        }
        let orderKey = try files.read("hub-order-key.pem") { try PublicKey(pem: $0) }
        hubOrderKey = orderKey
        anchors = try files.read("anchors.pem") { try Certificate.parse(pem: $0) }
        let signed = try files.readIfThere("anchors.cose") { bytes in
            let set = try AnchorSet.open(bytes, keys: [orderKey.der], verifier: OpenSSLVerifier())
            return (set: set, roots: try set.roots.map { try Certificate(der: $0) })
        }
        if let signed { (anchorSet, anchors) = (signed.set, signed.roots) }
        reportKey = try files.readIfThere("report-key.pem") { try PrivateKey(pem: $0) }
    }

    /// The member as its certificate names it.
    package var peer: PeerIdentity { PeerIdentity(fleet: member.fleet, role: member.role, id: member.id) }

    /// Whether the certificate is under the root under which the hub issues now, as far as is known.
    package var isUnderIssuingRoot: Bool {
        guard let issuing = anchorSet?.issuing else { return true }
        return tls.chain.last?.publicKeyFingerprint == issuing.bytes
    }

    /// Writes the folder whole, durably.
    package func write(to folder: String) throws {
        let partial = folder + ".new"
        _ = try Directory.removeTree(partial)
        try Directory.create(partial, mode: 0o700)
        func write(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws {
            try AtomicFile.write(bytes, to: Directory.join(partial, name), mode: mode)
        }
        try write("member.json", try JSONCoder.encode(member, indented: true))
        try write("chain.pem", try tls.chain.flatMap { try $0.pem() })
        try tls.key.withPEM { try write("key.pem", [UInt8]($0), mode: 0o600) }
        try write("anchors.pem", try anchors.flatMap { try $0.pem() })
        try write("hub-order-key.pem", try hubOrderKey.pem())
        try reportKey?.withPEM { try write("report-key.pem", [UInt8]($0), mode: 0o600) }
        try Directory.synchronize(partial)
        try File.rename(partial, to: folder)
    }
}
