package import Model

/// A certificate that the hub's authority issued.
package struct CertificateRecord: Hashable, Sendable {
    package var serial: [UInt8]
    package var node: NodeID
    package var role: Role
    package var issued: UnixTime
    package var expires: UnixTime

    package init(serial: [UInt8], node: NodeID, role: Role, issued: UnixTime, expires: UnixTime) {
        self.serial = serial
        self.node = node
        self.role = role
        self.issued = issued
        self.expires = expires
    }
}

/// Certificates, and who may no longer connect.
package protocol CertificateStore: AnyObject {
    /// Keeps a new certificate; refuses a serial that is there.
    func insertCertificate(_ certificate: CertificateRecord) throws
    /// A node's certificates, oldest first.
    func certificates(of node: NodeID) throws -> [CertificateRecord]
    /// Every revoked spoke and client, in the order of ids.
    func revokedNodes() throws -> [NodeID]
    /// Whether a node was revoked; of no use to say that a node is known.
    func isRevoked(_ node: NodeID) throws -> Bool
}
