internal import Codec
package import Model
internal import System

/// What a share's folder holds, and how a release gets into it.
///
/// ```
/// FOLDER/current                    a link to .releases/RELEASE-HASH, switched by one rename
/// FOLDER/.releases/RELEASE-HASH/    a release, whole and on the disk before it has this name
/// FOLDER/.releases/.new/            one that is being made
/// FOLDER/.releases/.axle-share      whose folder it is, which releases belong to it, the newest first, and by which rule
///                                   `current` was chosen
/// ```
/// After a cut at any point `current` is the old release or the new one, whole; the next look removes what is half-way. What is not of this share is never
/// touched, and refused when it is in the way. Blocks; one thread at a time for each folder.
package struct ShareFolder {
    /// Why a folder cannot be used or a release not be put there: one sentence with what to do next.
    package struct Problem: Error, CustomStringConvertible {
        package let description: String

        init(_ description: String) { self.description = description }
    }

    /// `.axle-share`.
    private struct Marker: Codable {
        var format = 1
        /// The spoke and its share.
        var owner: String
        var share: String
        var releases: [String]
        /// By which rule `current` was chosen; without it, by the newest release.
        var rule: ShareRule?
    }

    private static let markerLimit = 1 << 20

    private let share: Share
    /// This spoke, as the marker says it.
    private let owner: String
    private let messages: (String) -> Void

    package init(share: Share, owner: String, messages: @escaping (String) -> Void) {
        self.share = share
        self.owner = owner
        self.messages = messages
    }

    private var releases: String { Directory.join(share.folder, ".releases") }
    private var current: String { Directory.join(share.folder, "current") }
    private var staging: String { Directory.join(releases, ".new") }
    private var markerFile: String { Directory.join(releases, ".axle-share") }

    private func path(_ name: String) -> String { Directory.join(releases, name) }

    /// Removes what is half-way and says what is shown.
    package func tidy() throws -> ShareView {
        let shown = try check()
        guard File.exists(releases) else { return ShareView(shown: nil) }
        let marker = try marker()
        try clean(marker, shown: shown)
        return ShareView(shown: shown, shownBy: marker.rule ?? .newest)
    }

    /// Shows the release of this name, which `fill` puts into the empty folder that it is given, durable.
    ///
    /// - Parameters:
    ///   - needed: bytes that it takes.
    package func publish(_ name: String, needed: ByteCount, fill: (String) throws -> Void) throws -> ShareView {
        let shown = try check()
        if !File.exists(releases) {
            try Directory.create(releases)
            try File.setMode(releases, 0o755)
        }
        var marker = try marker()
        // Before anything is in the folder it is said whose it is.
        if !File.exists(markerFile) { try write(marker) }
        try clean(marker, shown: shown)
        if marker.releases.contains(name), File.exists(path(name)) {
            guard shown != name else {
                if marker.rule ?? .newest != share.shows {
                    marker.rule = share.shows
                    try write(marker)
                }
                return ShareView(shown: shown, shownBy: share.shows)
            }
        } else {
            let free = ByteCount(try Directory.space(releases).available)
            guard free >= needed else {
                throw Problem(
                    "\(share.folder) has no room for \(Self.release(name)): \(needed) are needed, \(free) are free; "
                        + "make room, it is tried again by itself")
            }
            try make(name, fill)
        }
        marker.releases = [name] + marker.releases.filter { $0 != name }
        try write(marker)
        try File.swapLink(current, to: ".releases/\(name)")
        marker.releases = Array(marker.releases.prefix(share.keep))
        // After the switch: a cut before it leaves what the old rule chose.
        marker.rule = share.shows
        try write(marker)
        do {
            try clean(marker, shown: name)
        } catch {
            // The new release is shown; the old one goes with the next look.
            messages("share \(share.name): an older release could not be removed: \(error)")
        }
        return ShareView(shown: name, shownBy: share.shows, isNew: true)
    }

    private func make(_ name: String, _ fill: (String) throws -> Void) throws {
        try Directory.create(staging)
        try File.setMode(staging, 0o755)
        do {
            try fill(staging)
            try File.rename(staging, to: path(name))
        } catch {
            // The first failure is the one to tell; what is left here goes with the next look.
            _ = try? Directory.removeTree(staging)
            throw error
        }
    }

    private static func release(_ name: String) -> String { ShareView.release(of: name) }

    // MARK: - What is there

    /// Refuses a folder that is not there, that is a link, or that holds something of somebody else's; says what is shown.
    private func check() throws -> String? {
        guard let status = try File.status(share.folder, followLinks: false) else {
            throw Problem("\(share.folder) is not there: make it, or mount what it is on")
        }
        guard status.kind != .symbolicLink else {
            throw Problem("\(share.folder) is a link: name the folder that it leads to with 'axle-spoke share'")
        }
        guard status.kind == .folder else { throw Problem("\(share.folder) is no folder") }
        if let status = try File.status(releases, followLinks: false) {
            guard status.kind == .folder else { throw inTheWay(releases) }
            if try File.status(markerFile, followLinks: false) == nil {
                // Without a marker only a folder that was made a moment before a cut is ours.
                guard try Directory.list(releases).allSatisfy({ $0.hasPrefix(".new") }) else {
                    throw inTheWay(releases)
                }
            }
        }
        guard let status = try File.status(current, followLinks: false) else { return nil }
        guard status.kind == .symbolicLink, let target = try File.linkTarget(current) else { throw inTheWay(current) }
        let parts = target.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == ".releases", !parts[1].isEmpty, parts[1] != ".", parts[1] != ".." else {
            throw inTheWay(current)
        }
        let name = String(parts[1])
        // A link to a release that somebody has removed shows nothing.
        return try File.status(path(name), followLinks: false)?.kind == .folder ? name : nil
    }

    private func inTheWay(_ path: String) -> Problem {
        Problem(
            "\(path) is there and not of this share: move it away, or choose another folder with 'axle-spoke share'")
    }

    /// Removes what belongs to nothing: what is half-way, and releases that the marker no longer names.
    private func clean(_ marker: Marker, shown: String?) throws {
        let kept = Set(marker.releases + [".axle-share"] + (shown.map { [$0] } ?? []))
        for name in try Directory.list(releases) where !kept.contains(name) {
            try Directory.removeTree(path(name))
        }
    }

    /// What is written down; a new one where there is none.
    private func marker() throws -> Marker {
        let none = Marker(owner: owner, share: share.name.text, releases: [])
        guard File.exists(markerFile) else { return none }
        let bytes = try File.read(markerFile, limit: Self.markerLimit)
        // Whatever is wrong with it, it is not what this program wrote.
        guard let marker = try? JSONCoder.decode(Marker.self, from: bytes), marker.format == 1 else {
            throw inTheWay(markerFile)
        }
        guard marker.owner == owner, marker.share == share.name.text else {
            throw Problem(
                "\(share.folder) belongs to share \(marker.share) of spoke \(marker.owner): choose another folder, or remove "
                    + "\(releases) and \(current) when no client uses them")
        }
        return marker
    }

    private func write(_ marker: Marker) throws {
        try AtomicFile.write(try JSONCoder.encode(marker), to: markerFile)
    }
}
