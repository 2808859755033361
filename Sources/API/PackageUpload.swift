/// `POST` and `PUT /v1/packages/ID/content`: how much of a package that an operator brings is here.
package struct PackageUpload: Codable, Hashable, Sendable {
    /// The package, as in `PackageResource`.
    package var id: String
    /// Bytes here: where the next piece belongs.
    package var held: UInt64
    package var length: UInt64
    /// Whether it is whole, verified and in the hub's pool.
    package var isImported: Bool

    package init(id: String, held: UInt64, length: UInt64, isImported: Bool) {
        self.id = id
        self.held = held
        self.length = length
        self.isImported = isImported
    }
}

/// Bytes of one piece of content, up or down, at the most.
package enum ContentPiece {
    package static let limit = 1 << 20
}
