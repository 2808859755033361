/// One file of a release for one platform, as the signed catalog names it.
package struct Package: Codable, Hashable, Sendable {
    package var path: TargetPath
    /// Bytes of the file.
    package var length: UInt64
    package var sha256: SHA256Digest
    package var metadata: PackageMetadata

    package init(path: TargetPath, length: UInt64, sha256: SHA256Digest, metadata: PackageMetadata) {
        self.path = path
        self.length = length
        self.sha256 = sha256
        self.metadata = metadata
    }

    /// What is inside the file, as it was signed: the file itself where it is not packed or nothing is said.
    package var content: PackageContent {
        if let content = metadata.content, content.coding != .none { return content }
        return PackageContent(coding: .none, length: ByteCount(length), sha256: sha256)
    }

    /// Refuses a package whose path and metadata disagree, or whose metadata no catalog may say.
    package func validate() throws(ModelError) {
        func refuse(_ why: String) -> ModelError { ModelError("package", path.description, why) }
        guard metadata.product == path.product else { throw refuse("says another product inside than its path") }
        guard metadata.release == path.release else { throw refuse("says another release inside than its path") }
        guard metadata.platform.description == path.platform.text else {
            throw refuse("says another platform inside than its path")
        }
        guard length <= UInt64(Int64.max) else { throw refuse("is longer than 2^63 - 1 bytes") }
        try metadata.validate()
    }
}
