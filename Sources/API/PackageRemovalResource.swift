package import Model

/// What removing a package takes: `GET /v1/packages/ID/removal`. `POST /v1/packages/ID/remove` does it, where nothing is against it.
package struct PackageRemovalResource: Codable, Hashable, Sendable {
    package var package: String
    package var state: PackageState
    /// The bytes of the published file.
    package var length: UInt64
    /// Bytes that go from the hub's pool at the most; 0 where it has none.
    package var held: UInt64
    /// The spokes that are told to remove it.
    package var spokes: [Reference]
    /// Why it must stay; empty where it may go.
    package var refused: [String]

    package init(
        package: String, state: PackageState, length: UInt64, held: UInt64, spokes: [Reference], refused: [String]
    ) {
        self.package = package
        self.state = state
        self.length = length
        self.held = held
        self.spokes = spokes
        self.refused = refused
    }
}
