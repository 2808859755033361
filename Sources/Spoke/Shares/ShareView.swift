package import Model

/// What a share's folder shows, after somebody has seen to it.
package struct ShareView: Hashable, Sendable {
    /// The folder of the release that `current` points to: `RELEASE-HASH`; nil when there is none yet.
    package var shown: String?
    /// The rule by which that was chosen.
    package var shownBy: ShareRule
    /// `current` was switched just now.
    package var isNew: Bool

    package init(shown: String?, shownBy: ShareRule = .newest, isNew: Bool = false) {
        self.shown = shown
        self.shownBy = shownBy
        self.isNew = isNew
    }

    /// The name of a release's folder: the release, and enough of the published file's hash that two can never be taken for one.
    package static func name(of package: Package) -> String {
        name(of: package.path.release, package.sha256)
    }

    package static func name(of release: ReleaseName, _ sha256: SHA256Digest) -> String {
        "\(release)-\(sha256.description.prefix(12))"
    }

    /// The release that the folder of this name is of.
    package static func release(of name: String) -> String {
        name.lastIndex(of: "-").map { String(name[..<$0]) } ?? name
    }
}

/// How seeing to a share ended.
package enum ShareOutcome: Equatable, Sendable {
    case done(ShareView)
    /// The release could not be put there, or the folder cannot be used; what is shown stays as it was. One sentence, with what to do next.
    case failed(String)
    /// Only a form of the package is here that cannot be shown: the published file has to come first.
    case needsPublishedFile
}
