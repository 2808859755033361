package import Model

/// A package: `GET /v1/packages`, `GET /v1/packages/ID`.
package struct PackageResource: Codable, Hashable, Sendable {
    /// The target path with colons for slashes, see `TargetPath.id`.
    package var id: String
    package var path: TargetPath
    package var product: ProductName
    package var release: ReleaseName
    package var platform: PlatformName
    package var kind: PackageKind
    package var length: UInt64
    package var sha256: SHA256Digest
    /// Where it stands in the hub's pool.
    package var state: PackageState
    /// Bytes that the hub holds of it.
    package var held: UInt64
    /// Why it is not imported; nil when nothing failed.
    package var problem: String?
    package var replicas: [ReplicaResource]
    /// All that the catalog says; in the answer for one package only.
    package var metadata: PackageMetadata?

    package init(
        _ package: Package, state: PackageState, held: UInt64, problem: String? = nil,
        replicas: [ReplicaResource] = [], withMetadata: Bool = false
    ) {
        id = package.path.id
        path = package.path
        product = package.path.product
        release = package.path.release
        platform = package.path.platform
        kind = package.metadata.kind
        length = package.length
        sha256 = package.sha256
        self.state = state
        self.held = held
        self.problem = problem
        self.replicas = replicas
        metadata = withMetadata ? package.metadata : nil
    }
}

/// A package's copy at one spoke.
package struct ReplicaResource: Codable, Hashable, Sendable {
    package var spoke: Reference
    package var state: ReplicaState
    /// Bytes that the spoke holds.
    package var held: UInt64
    /// Why it is not verified; nil when nothing failed.
    package var problem: String?

    package init(spoke: Reference, state: ReplicaState, held: UInt64, problem: String? = nil) {
        self.spoke = spoke
        self.state = state
        self.held = held
        self.problem = problem
    }
}
