package import Model

/// An agent that the hub has named as this spoke's own.
package struct KnownAgent: Hashable, Sendable {
    package var id: NodeID
    /// The public key of its reports (SubjectPublicKeyInfo, DER); nil until the hub has said it.
    package var reportKey: [UInt8]?

    package init(id: NodeID, reportKey: [UInt8]? = nil) {
        self.id = id
        self.reportKey = reportKey
    }
}
