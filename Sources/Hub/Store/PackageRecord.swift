package import Model

/// A package of the catalog and how far the hub is with it.
package struct PackageRecord: Hashable, Sendable {
    package var package: Package
    package var state: PackageState
    /// Bytes in the hub's pool so far.
    package var bytesHeld: Int64
    package var announced: UnixTime
    package var changed: UnixTime
    /// Why the last import failed.
    package var error: String?
    /// Failures in a row.
    package var failures: Int
    /// When the import is tried again; nil when it is not waiting for that.
    package var nextTry: UnixTime?

    /// Whether its bytes are in the hub's pool; those of a retired package stay for the sites that still want them.
    package var isHere: Bool { state == .imported || (state == .retired && bytesHeld > 0) }

    package init(
        package: Package, state: PackageState = .announced, bytesHeld: Int64 = 0, announced: UnixTime,
        changed: UnixTime? = nil, error: String? = nil, failures: Int = 0, nextTry: UnixTime? = nil
    ) {
        self.package = package
        self.state = state
        self.bytesHeld = bytesHeld
        self.announced = announced
        self.changed = changed ?? announced
        self.error = error
        self.failures = failures
        self.nextTry = nextTry
    }
}

/// Packages, by their path in the catalog.
package protocol PackageStore: AnyObject {
    /// Keeps or replaces a package's record.
    func putPackage(_ package: PackageRecord) throws
    func package(_ path: TargetPath) throws -> PackageRecord?
    /// Packages in the order of their paths, behind `path`.
    func packages(after path: TargetPath?, limit: Int) throws -> [PackageRecord]
    /// The packages of one release, retired ones too.
    func packages(product: ProductName, release: ReleaseName) throws -> [PackageRecord]
    /// The packages in a state, in the order of paths.
    func packages(in state: PackageState) throws -> [PackageRecord]
    /// The earliest moment at which a failed import is tried again.
    func nextImport() throws -> UnixTime?
}

extension PackageStore {
    /// Every package, in the order of paths.
    package func packages() throws -> [PackageRecord] { try packages(after: nil, limit: .max) }
}
