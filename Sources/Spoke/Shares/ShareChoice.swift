package import Model

/// Which release a share shows, and what a person has to know about it; pure.
///
/// Only packages that the trusted catalog names and the pool holds verified are shown; what is
/// shown counts as held. Within a line the counter says which of two is newer, as everywhere;
/// between lines the version does. A share goes back only when its owner changes the rule or the
/// catalog no longer names what it shows: clients run from it.
package struct ShareChoice: Equatable, Sendable {
    /// The package to show; nil when what is shown stays, or there is nothing to show.
    package private(set) var package: Package?
    /// Why the share cannot be carried out as it is set.
    package private(set) var problem: String?
    /// Why nothing is shown, or why something else than the rule names; empty when there is nothing
    /// to say.
    package private(set) var note = ""
    /// The note belongs into the log.
    package private(set) var isWarning = false

    /// Chooses among the packages that the catalog names.
    ///
    /// - Parameters:
    ///   - shown: the release's folder that the share shows.
    ///   - shownBy: the rule by which that was chosen.
    ///   - isHere: whether the pool holds a package.
    package init(
        _ share: Share, in catalog: [Package], shown: String?, shownBy: ShareRule, completed: CompletedKnowledge,
        isHere: (Package) -> Bool
    ) {
        let listed = catalog.filter { package in
            package.path.product == share.product
                && (share.platform.map { $0 == package.path.platform } ?? true)
                && (share.line.map { $0 == package.metadata.line } ?? true)
        }
        let current = shown.flatMap { name in listed.first { ShareView.name(of: $0) == name } }
        let named = listed.filter { Self.names($0, by: share.shows, completed) }
        let newest = Self.newest(named)
        let here = named.filter { isHere($0) || $0 == current }
        let best = Self.newest(here)
        let followsRollouts = share.shows == .completed && shownBy == .completed
        if let best, !(followsRollouts && current.map { Self.isNewer($0, than: best) } ?? false) {
            let forms = here.filter { $0.path.release == best.path.release }.sorted { $0.path < $1.path }
            if forms.count == 1 {
                package = forms[0]
            } else {
                let names = forms.map(\.path.platform.text).joined(separator: ", ")
                problem = "\(best.path.release) is here for \(names): set the share again with --platform"
            }
            return
        }
        let lines = Self.lines(of: share, completed)
        note = Self.reason(share, isListed: !listed.isEmpty, newest: newest?.path.release, lines, completed)
        guard let shown else { return }
        let release = ShareView.release(of: shown)
        if current == nil {
            note = "the catalog no longer names \(release), which is shown, and nothing else is here"
            isWarning = true
        } else if followsRollouts, let current,
            newest.map({ Self.isNewer(current, than: $0) }) ?? (lines?.isEmpty ?? false)
        {
            note =
                "\(release) stays, since clients run from it, but its rollout no longer counts as completed"
                + (newest.map { "; the newest that does is \($0.path.release)" } ?? "")
                + ". To go back, remove the share and set it again with --shows RELEASE"
            isWarning = true
        } else {
            note += "; \(release) stays"
        }
    }

    /// Whether the rule names the package.
    private static func names(_ package: Package, by rule: ShareRule, _ completed: CompletedKnowledge) -> Bool {
        switch rule {
        case .newest: true
        case .pinned(let release): package.path.release == release
        case .completed:
            completed.releases(of: package.path.product)?[package.metadata.line] == package.path.release
        }
    }

    /// The releases that completed, of the lines that the share may show; nil when the hub has not
    /// said it.
    private static func lines(of share: Share, _ completed: CompletedKnowledge) -> [LineName: ReleaseName]? {
        completed.releases(of: share.product)?.filter { line, _ in share.line.map { $0 == line } ?? true }
    }

    /// Why the rule leads to nothing that could be shown; `newest` is the newest release that it
    /// names.
    private static func reason(
        _ share: Share, isListed: Bool, newest: ReleaseName?, _ lines: [LineName: ReleaseName]?,
        _ completed: CompletedKnowledge
    ) -> String {
        let product = share.product
        switch share.shows {
        case .newest:
            return isListed
                ? "no package of \(product) for this share is in the pool yet"
                : "the catalog names no package of \(product) for this share"
        case .pinned(let release):
            return newest == nil
                ? "the catalog does not name \(product) \(release) for this share"
                : "\(product) \(release) is not in the pool yet"
        case .completed:
            guard let lines else {
                return completed.isUntold
                    ? "the hub does not say which rollouts completed: upgrade axle-hub, or set the share again with "
                        + "--shows newest or --shows RELEASE"
                    : "the hub has not said yet which rollouts of \(product) completed"
            }
            if let newest { return "a rollout of \(product) \(newest) completed, and it is not in the pool yet" }
            guard let unlisted = lines.min(by: { $0.key < $1.key })?.value else {
                return "no rollout of \(product)\(share.line.map { " in line \($0)" } ?? "") has completed yet"
            }
            return "a rollout of \(product) \(unlisted) completed, and the catalog does not name it for this share"
        }
    }

    // MARK: - Order

    private static func newest(_ packages: [Package]) -> Package? {
        var best: [LineName: Package] = [:]
        for package in packages {
            let line = package.metadata.line
            if let other = best[line], other.metadata.counter >= package.metadata.counter { continue }
            best[line] = package
        }
        let scheme = scheme(of: best.values)
        return best.values.max { left, right in
            let order = left.metadata.version.compare(right.metadata.version, in: scheme)
            return order == 0 ? left.metadata.line.text < right.metadata.line.text : order < 0
        }
    }

    private static func isNewer(_ one: Package, than other: Package) -> Bool {
        if one.metadata.line == other.metadata.line { return one.metadata.counter > other.metadata.counter }
        return one.metadata.version.compare(other.metadata.version, in: scheme(of: [one, other])) > 0
    }

    /// Lines of different schemes have no common order but Debian's.
    private static func scheme(of packages: some Sequence<Package>) -> VersionScheme? {
        let schemes = Set(packages.map(\.metadata.versionScheme))
        return schemes.count == 1 ? schemes.first ?? nil : nil
    }
}
