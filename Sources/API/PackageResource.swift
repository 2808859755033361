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
    /// Where the hub has it, where it has several pools.
    package var place: PlaceResource?
    package var replicas: [ReplicaResource]
    /// Patches to it from other releases; in the answer for one package only.
    package var patches: [PatchResource]?
    /// All that the catalog says; in the answer for one package only.
    package var metadata: PackageMetadata?

    package init(
        _ package: Package, state: PackageState, held: UInt64, problem: String? = nil,
        place: PlaceResource? = nil, replicas: [ReplicaResource] = [], patches: [PatchResource]? = nil,
        withMetadata: Bool = false
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
        self.place = place
        self.replicas = replicas
        self.patches = patches
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
    /// How its bytes came last, or come now; nil as long as none have.
    package var means: TransferMeans?
    /// Bytes that the hub has sent for it so far, whatever became of them: less than the package's length where a patch took the file's place.
    package var sent: UInt64?
    /// Why it came that way, for people.
    package var reason: String?
    /// Where the spoke has it, where it has several pools.
    package var place: PlaceResource?

    package init(
        spoke: Reference, state: ReplicaState, held: UInt64, problem: String? = nil, means: TransferMeans? = nil,
        sent: UInt64? = nil, reason: String? = nil, place: PlaceResource? = nil
    ) {
        self.spoke = spoke
        self.state = state
        self.held = held
        self.problem = problem
        self.means = means
        self.sent = sent
        self.reason = reason
        self.place = place
    }
}

/// In which of several pools a package is.
package struct PlaceResource: Codable, Hashable, Sendable {
    /// The pool's name.
    package var pool: String
    /// Why it is there and not in a pool before, for people; nil where there is nothing to say.
    package var reason: String?

    package init(pool: String, reason: String?) {
        self.pool = pool
        self.reason = reason
    }
}

/// A spoke's copy of a package, in the answer for one spoke.
package struct HeldReplicaResource: Codable, Hashable, Sendable {
    /// The package's id, and the bytes of its published file.
    package var package: String
    package var length: UInt64
    package var state: ReplicaState
    package var held: UInt64
    package var problem: String?
    /// As in `ReplicaResource`.
    package var means: TransferMeans?
    package var sent: UInt64?
    package var reason: String?
    package var place: PlaceResource?

    package init(package: String, length: UInt64, _ replica: ReplicaResource) {
        self.package = package
        self.length = length
        state = replica.state
        held = replica.held
        problem = replica.problem
        means = replica.means
        sent = replica.sent
        reason = replica.reason
        place = replica.place
    }
}

/// A patch or a chunk delta that turns another release into a package's content.
package struct PatchResource: Codable, Hashable, Sendable {
    /// The package that it is made from.
    package var from: String
    /// `patch`, `chunks` or `plainChunks`.
    package var means: TransferMeans
    package var state: PatchState
    /// Its bytes, once it is made.
    package var length: UInt64?
    /// Why it is not made.
    package var problem: String?
    /// When a spoke was last told to take it, or took it.
    package var used: UnixTime?

    package init(
        from: String, means: TransferMeans, state: PatchState, length: UInt64?, problem: String?, used: UnixTime?
    ) {
        self.from = from
        self.means = means
        self.state = state
        self.length = length
        self.problem = problem
        self.used = used
    }
}
