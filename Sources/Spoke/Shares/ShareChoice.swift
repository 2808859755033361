package import Model

/// Which release a share shows; pure.
///
/// The newest of those that it may show: that the trusted catalog names and the pool holds verified. Within a line the counter says which of two is newer, as everywhere; between lines the version does.
package enum ShareChoice: Equatable, Sendable {
    case package(Package)
    /// Nothing that it could show is here.
    case nothing
    /// The newest release is here for several platforms, and the share names none.
    case ambiguous([PlatformName])

    /// Chooses among the packages that may be shown.
    package init(_ share: Share, among packages: [Package]) {
        let here = packages.filter { package in
            package.path.product == share.product
                && (share.platform.map { $0 == package.path.platform } ?? true)
                && (share.line.map { $0 == package.metadata.line } ?? true)
        }
        var newest: [LineName: Package] = [:]
        for package in here {
            let line = package.metadata.line
            if let other = newest[line], other.metadata.counter >= package.metadata.counter { continue }
            newest[line] = package
        }
        let schemes = Set(newest.values.map(\.metadata.versionScheme))
        // Lines of different schemes have no common order but Debian's.
        let scheme = schemes.count == 1 ? schemes.first ?? nil : nil
        let inOrder = newest.values.sorted {
            let order = $0.metadata.version.compare($1.metadata.version, in: scheme)
            return order == 0 ? $0.metadata.line.text < $1.metadata.line.text : order < 0
        }
        guard let best = inOrder.last else {
            self = .nothing
            return
        }
        let forms = here.filter { $0.path.release == best.path.release }.sorted { $0.path < $1.path }
        self = forms.count == 1 ? .package(forms[0]) : .ambiguous(forms.map(\.path.platform))
    }
}
