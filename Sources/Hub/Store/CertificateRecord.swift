package import Model

/// A certificate that the hub's authority issued.
package struct CertificateRecord: Hashable, Sendable {
    package var serial: [UInt8]
    package var node: NodeID
    package var role: Role
    package var issued: UnixTime
    package var expires: UnixTime
    /// SHA-256 of its DER; empty for one of a release that did not keep it.
    package var fingerprint: [UInt8]

    package init(
        serial: [UInt8], node: NodeID, role: Role, issued: UnixTime, expires: UnixTime, fingerprint: [UInt8] = []
    ) {
        self.serial = serial
        self.node = node
        self.role = role
        self.issued = issued
        self.expires = expires
        self.fingerprint = fingerprint
    }
}

/// Certificates, and who may no longer connect.
package protocol CertificateStore: AnyObject {
    /// Keeps a new certificate; refuses a serial that is there.
    func insertCertificate(_ certificate: CertificateRecord) throws
    /// A node's certificates, oldest first.
    func certificates(of node: NodeID) throws -> [CertificateRecord]
    /// Forgets a node's certificates that end before a time.
    func removeCertificates(of node: NodeID, endingBefore time: UnixTime) throws
    /// Forgets a certificate; one that is not known is no error.
    func removeCertificate(serial: [UInt8]) throws
    /// Every revoked spoke, in the order of ids.
    func revokedSpokes() throws -> [NodeID]
    /// Whether a node was revoked; of no use to say that a node is known.
    func isRevoked(_ node: NodeID) throws -> Bool
}
