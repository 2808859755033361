package import Model
package import System
package import Trust

/// A bundle on a medium: a catalog and its packages, as a folder laid out like the vendor's own.
///
/// ```
/// BUNDLE/metadata/N.root.json, timestamp.json, …        byte for byte as the vendor signed them, all roots
/// BUNDLE/targets/PRODUCT/RELEASE/PLATFORM/HASH.FILE     packages
/// BUNDLE/bundle.json                                    what was put in, for people and progress; nobody believes it
/// ```
/// Nothing in it is believed: metadata goes through TUF's workflow, packages are hashed as they are read. Only names that verified
/// metadata gives are opened, and the kernel refuses every link on the way. Blocks; any thread.
package struct BundleFolder: Sendable {
    package let path: String

    package init(_ path: String) {
        self.path = path
    }

    /// A metadata file by its name at the repository, as the workflow's answer.
    package func metadata(_ name: String, limit: Int) -> RefreshAnswer {
        guard Self.isMetadataName(name) else { return .notFound }
        do {
            let file = try ConfinedFolder(path).openFile(["metadata", name])
            let size = try file.status().size
            guard size <= limit else { return .tooLarge }
            return .bytes(try file.read(count: Int(size), at: 0))
        } catch {
            return error.errno == .notFound ? .notFound : .failed(Self.explain(error))
        }
    }

    /// Opens a package's file; nil if it is not in the bundle.
    package func open(_ package: TargetPath, _ sha256: SHA256Digest) throws(SystemError) -> FileDescriptor? {
        let folder = ["targets", package.product.text, package.release.text, package.platform.text]
        // With consistent snapshots the name begins with the hash.
        for name in ["\(sha256).\(package.file)", package.file.text] {
            do throws(SystemError) {
                return try ConfinedFolder(path).openFile(folder + [name])
            } catch {
                if error.errno == .notFound { continue }
                throw SystemError(call: error.call, errno: error.errno, path: error.path, text: Self.explain(error))
            }
        }
        return nil
    }

    /// Names of metadata are one plain path component that ends in `.json`.
    package static func isMetadataName(_ name: String) -> Bool {
        (6...255).contains(name.utf8.count) && name.hasSuffix(".json") && name.utf8.first != 0x2E
            && name.utf8.allSatisfy { byte in
                ASCII.isDigit(byte) || ASCII.isLowercase(byte | 0x20) || [0x25, 0x2D, 0x2E, 0x5F, 0x7E].contains(byte)
            }
    }

    /// A link and the like in words.
    private static func explain(_ error: SystemError) -> String {
        switch error.errno {
        case .tooManyLinks: "\(error.path ?? "it") is a link, or leads over one: a bundle has none"
        case .otherDevice: "\(error.path ?? "it") leads out of the bundle"
        default: error.description
        }
    }
}
