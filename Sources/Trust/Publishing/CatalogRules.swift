package import Model

/// What a product's packages must keep to among each other, so that agents can tell them apart and move between them.
///
/// A catalog that breaks one of these is verified by clients and then does not do what its publisher meant, which is worse
/// than a refusal.
package struct CatalogRules: Sendable {
    /// The product's packages.
    package let packages: [Package]

    package init(packages: [Package]) {
        self.packages = packages
    }

    /// Refuses a package that does not fit to the others; the package itself may be among them.
    package func check(_ package: Package) throws(PublishingError) {
        let others = packages.filter { $0.path != package.path }
        try checkRelease(package, others)
        try checkScheme(package, others)
        try checkCounter(package, others)
        try checkFloor(package, others)
        try checkRange(package)
    }

    /// Refuses to remove the only package with which machines can reach a floor.
    package func checkRemoval(of path: TargetPath) throws(PublishingError) {
        let others = packages.filter { $0.path != path }
        for package in others {
            guard let floor = package.metadata.floor, floor.release == path.release else { continue }
            do throws(PublishingError) {
                try checkFloor(package, others)
            } catch {
                throw refused(
                    path, "is the floor of \(package.path), which nobody could reach without it",
                    "Remove \(package.path) first.")
            }
        }
    }

    /// Refuses a package whose floor nobody can reach.
    package func checkFloor(_ package: Package) throws(PublishingError) {
        try checkFloor(package, packages.filter { $0.path != package.path })
    }

    private func refused(_ path: TargetPath, _ why: String, _ next: String) -> PublishingError {
        .againstRule(path, why, next: next)
    }

    /// A release is in one line with one counter, and has one package for a platform.
    private func checkRelease(_ package: Package, _ others: [Package]) throws(PublishingError) {
        for other in others where other.path.release == package.path.release {
            guard other.metadata.line == package.metadata.line, other.metadata.counter == package.metadata.counter
            else {
                throw refused(
                    package.path,
                    "says line \(package.metadata.line) and counter \(package.metadata.counter), while its release has "
                        + "line \(other.metadata.line) and counter \(other.metadata.counter) for \(other.path.platform)",
                    "Give the same line and counter for every platform of a release, or leave them out.")
            }
            guard other.path.platform != package.path.platform else {
                throw refused(
                    package.path, "is for a platform that the release has \(other.path.file) for",
                    "Remove \(other.path) first, or use a new release.")
            }
        }
        guard package.metadata.kind != .deb || ["linux", "any"].contains(package.metadata.platform.os) else {
            throw refused(
                package.path, "is a deb for \(package.metadata.platform.os)",
                "Give a platform of Linux with --platform.")
        }
    }

    /// All releases of a line that declare how its versions are ordered declare the same, and are versions of that scheme.
    private func checkScheme(_ package: Package, _ others: [Package]) throws(PublishingError) {
        let (release, line) = (package.path.release, package.metadata.line)
        guard let scheme = package.metadata.versionScheme else { return }
        guard scheme.isVersion(release.text) else {
            throw refused(
                package.path, "declares versions by the scheme \(scheme.name), and \(release) is none",
                "Name the release \(scheme.form), or give another scheme with --version-scheme.")
        }
        let other = others.first {
            $0.metadata.line == line && $0.metadata.versionScheme.map { $0 != scheme } ?? false
        }
        if let other, let declared = other.metadata.versionScheme {
            throw refused(
                package.path,
                "declares versions by the scheme \(scheme.name), and line \(line) has \(declared.name) since \(other.path.release)",
                "Leave --version-scheme out, or give the release a --line of its own. If the line has the wrong scheme, take "
                    + "the releases that declare it back with 'axle publish remove' and add them with --version-scheme."
            )
        }
    }

    /// Counters tell which of two releases of a line is the newer one; a new release is the newest.
    private func checkCounter(_ package: Package, _ others: [Package]) throws(PublishingError) {
        let counter = package.metadata.counter
        let line = others.filter {
            $0.metadata.line == package.metadata.line && $0.path.release != package.path.release
        }
        if let same = line.first(where: { $0.metadata.counter == counter }) {
            throw refused(
                package.path,
                "has counter \(counter), which is release \(same.path.release)'s in line \(same.metadata.line)",
                "Leave --counter out: the next one is taken.")
        }
        // Another platform of a release that is there already is no new release.
        guard !others.contains(where: { $0.path.release == package.path.release }) else { return }
        guard let newest = line.max(by: { $0.metadata.counter < $1.metadata.counter }) else { return }
        guard counter > newest.metadata.counter else {
            throw refused(
                package.path,
                "has counter \(counter), below \(newest.metadata.counter) of release \(newest.path.release): machines would "
                    + "take it for a step back",
                "Leave --counter out, or give an older release train a --line of its own.")
        }
        let scheme = package.metadata.versionScheme
        let last = Version(newest.path.release, in: scheme)
        if package.metadata.version.compare(last, in: scheme) < 0 {
            throw refused(
                package.path,
                "is an older version than \(newest.path.release), the newest of line \(newest.metadata.line), in the order of "
                    + (scheme?.name ?? "debian, since no scheme is declared"),
                newest.metadata.versionScheme == nil
                    ? "Name a newer release, give it a line of its own with --line, or say with --version-scheme how this "
                        + "product's versions are ordered."
                    : "Name a newer release, or give it a line of its own with --line. If the line has the wrong scheme, take "
                        + "the releases that declare it back with 'axle publish remove' and add them with --version-scheme."
            )
        }
    }

    /// A floor must be there for the same machines, below the release, and with the counter that it says.
    private func checkFloor(_ package: Package, _ others: [Package]) throws(PublishingError) {
        guard let floor = package.metadata.floor else { return }
        let releases = others.filter { $0.path.release == floor.release && $0.metadata.line == package.metadata.line }
        guard let known = releases.first, known.metadata.counter == floor.counter else {
            throw refused(
                package.path, "has the floor \(floor.release), which is no release of line \(package.metadata.line)",
                "Add that release first, or name another floor.")
        }
        guard floor.counter < package.metadata.counter else {
            throw refused(package.path, "has a floor above itself", "Name an older release with --floor.")
        }
        let reaches = releases.contains { other in
            let platform = other.metadata.platform
            return other.path.platform == package.path.platform
                || (platform.os == "any" && platform.arch == "any" && platform.libc == "any")
        }
        guard reaches else {
            throw refused(
                package.path,
                "has the floor \(floor.release), which is not there for \(package.path.platform): nobody could reach it",
                "Add \(floor.release) for that platform first, or name another floor.")
        }
    }

    /// A range that no version is in keeps everybody out.
    private func checkRange(_ package: Package) throws(PublishingError) {
        let own = package.metadata.requires.versions
        let ranges =
            [(own, package.metadata.versionScheme)]
            + package.metadata.requires.dependencies.map { dependency in
                (dependency.versions, VersionScheme.detect(dependency.versions.bounds.map(\.version.description)))
            }
        for (range, scheme) in ranges where Self.isEmpty(range, in: scheme) {
            throw refused(
                package.path, "wants a version '\(range)', which no version can be",
                "Give a range that has versions in it.")
        }
    }

    /// Whether no version keeps to all bounds. The versions of the bounds stand for all: between two bounds that exclude
    /// both their versions there may be others.
    private static func isEmpty(_ range: VersionRange, in scheme: VersionScheme?) -> Bool {
        for low in range.bounds {
            for high in range.bounds {
                let order = low.version.compare(high.version, in: scheme)
                let isLow = [.greater, .greaterOrEqual, .equal].contains(low.comparison)
                let isHigh = [.less, .lessOrEqual, .equal].contains(high.comparison)
                guard isLow, isHigh else { continue }
                if order > 0 { return true }
                if order == 0, low.comparison == .greater || high.comparison == .less { return true }
            }
        }
        return false
    }
}
