/// The order of a product's releases where only their names are at hand: by the scheme that the names show, else
/// Debian's.
package struct ReleaseOrder: Sendable {
    private let scheme: VersionScheme?
    private let newest: Version?

    package init(_ releases: [ReleaseName]) {
        let scheme = VersionScheme.detect(releases.map(\.text))
        self.scheme = scheme
        newest = releases.map { Version($0, in: scheme) }.max { $0.compare($1, in: scheme) < 0 }
    }

    /// −1, 0 or 1.
    package func compare(_ left: ReleaseName, _ right: ReleaseName) -> Int {
        Version(left, in: scheme).compare(Version(right, in: scheme), in: scheme)
    }

    /// Whether none of the releases is newer.
    package func isNewest(_ release: ReleaseName) -> Bool {
        newest.map { Version(release, in: scheme).compare($0, in: scheme) >= 0 } ?? true
    }
}
