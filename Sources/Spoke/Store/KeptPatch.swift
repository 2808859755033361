package import Model

/// A patch or a chunk delta that came from the hub and stays in the pool for the agents, under its own hash.
package struct KeptPatch: Hashable, Sendable {
    package var sha256: SHA256Digest
    package var length: UInt64
    /// `patch`, `chunks` or `plainChunks`: who takes it must accept that.
    package var means: TransferMeans
    /// The content that it is made against.
    package var base: SHA256Digest
    /// The content that it gives.
    package var content: SHA256Digest
    /// The package whose content that is.
    package var path: TargetPath

    package init(
        sha256: SHA256Digest, length: UInt64, means: TransferMeans = .patch, base: SHA256Digest, content: SHA256Digest,
        path: TargetPath
    ) {
        self.sha256 = sha256
        self.length = length
        self.means = means
        self.base = base
        self.content = content
        self.path = path
    }
}
