import Codec
package import Model

extension Package {
    /// The package that a target is.
    ///
    /// Refuses a name that is not `PRODUCT/RELEASE/PLATFORM/FILE` of safe parts (so `..`, absolute names, NUL and
    /// backslashes), a target without SHA-256 or `custom`, and metadata that contradicts the name.
    package init(_ target: TargetFile) throws(MetadataError) {
        guard let sha256 = target.hashes.sha256 else {
            throw MetadataError(.unknownHash, role: target.path, "a package needs a SHA-256")
        }
        guard let custom = target.custom else {
            throw MetadataError(.malformedMetadata, role: target.path, "a package needs custom data")
        }
        let metadata = try PackageMetadata(custom: custom, path: target.path)
        do {
            self.init(
                path: try TargetPath(target.path.string), length: UInt64(max(0, target.length)),
                sha256: try SHA256Digest(bytes: sha256), metadata: metadata)
            try validate()
        } catch {
            throw MetadataError(.malformedMetadata, role: target.path, "\(error)")
        }
    }

    /// The target that names this package.
    package var target: TargetFile {
        TargetFile(
            path: RoleName(path.description), length: Int64(clamping: length),
            hashes: FileHashes(sha256: sha256.bytes), custom: metadata.custom)
    }
}

extension TrustedMetadata {
    /// Every package of the verified roles, by ascending path, and why other targets are none.
    package func packages() -> (packages: [Package], refused: [MetadataError]) {
        var packages: [Package] = []
        var refused: [MetadataError] = []
        for target in allTargets() {
            do throws(MetadataError) {
                packages.append(try Package(target.file))
            } catch {
                refused.append(error)
            }
        }
        return (packages, refused)
    }
}
