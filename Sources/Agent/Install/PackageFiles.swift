package import Model
package import System

/// The files of one package in the downloads folder; all their names begin with the published file's hash.
///
/// Packages of the same bytes share them: downloads of one hash take turns, and a file stays as long as an open action needs it.
///
/// ```
/// HASH            the published file, whole and verified
/// HASH.content    what is inside it, whole and verified
/// HASH….part      bytes of a transfer that go on later
/// HASH.patch-H    a patch, whole, of the hash H; HASH.made: what it gives, until that is verified
/// ```
package struct PackageFiles: Sendable {
    package let folder: String
    package let package: Package

    package init(_ package: Package, in folder: String) {
        self.package = package
        self.folder = folder
    }

    package var published: String { Directory.join(folder, package.sha256.hex) }
    package var content: String { published + ".content" }
    package var made: String { published + ".made" }
    package func patch(_ sha256: SHA256Digest) -> String { published + ".patch-\(sha256.hex)" }
    package static func part(_ file: String) -> String { file + ".part" }

    /// What a release is installed from.
    package enum Archive: Hashable, Sendable {
        case published(String)
        case content(String)
    }

    /// What is there whole, the content first, which needs no unpacking; nil while neither form is.
    package var archive: Archive? {
        if File.exists(content) { return .content(content) }
        return File.exists(published) ? .published(published) : nil
    }

    /// How much of the published file is here of a transfer that goes on, in bytes.
    package var begun: UInt64 {
        get throws(SystemError) { UInt64(clamping: try File.status(PackageFiles.part(published))?.size ?? 0) }
    }

    /// Removes the published file, whole or in part.
    package func removePublished() throws(SystemError) {
        for file in [published, PackageFiles.part(published)] where File.exists(file) { try File.remove(file) }
    }

    /// Removes all of them.
    package func remove() throws(SystemError) {
        guard File.exists(folder) else { return }
        for name in try Directory.list(folder) where name.hasPrefix(package.sha256.hex) {
            try File.remove(Directory.join(folder, name))
        }
    }

    /// Removes what is left of transfers, when one form is whole.
    package func removeRest() throws(SystemError) {
        let kept = [published, content].map { String($0.dropFirst(folder.utf8.count + 1)) }
        for name in try Directory.list(folder) where name.hasPrefix(package.sha256.hex) && !kept.contains(name) {
            try File.remove(Directory.join(folder, name))
        }
    }
}
