package import Model

/// Which content a patch turns into which, and in what form it is.
package struct PatchKey: Hashable, Sendable {
    package var old: SHA256Digest
    package var new: SHA256Digest
    /// `patch`, or a chunk delta: `chunks` or `plainChunks`.
    package var means: TransferMeans

    package init(old: SHA256Digest, new: SHA256Digest, means: TransferMeans = .patch) {
        self.old = old
        self.new = new
        self.means = means
    }
}

/// A patch or a chunk delta between the contents of two releases: wished for, made, or why it is not.
package struct PatchRecord: Hashable, Sendable {
    package var key: PatchKey
    /// The packages whose contents they are; others may have the same.
    package var oldPath: TargetPath
    package var newPath: TargetPath
    package var state: PatchState
    /// The patch's own hash and length, once it is made.
    package var sha256: SHA256Digest?
    package var length: UInt64
    /// Why the last attempt failed, or why it is not worth it.
    package var problem: String?
    /// Failures in a row; none where it was given up since it would be of no use, in whatever form.
    package var failures: Int
    /// When it is to be made; not nil as long as it is wanted, and only then.
    package var nextTry: UnixTime?
    package var wished: UnixTime
    package var changed: UnixTime
    /// When somebody was told to take it, or took it; what was used longest ago makes room first.
    package var lastUsed: UnixTime

    package init(key: PatchKey, oldPath: TargetPath, newPath: TargetPath, wished: UnixTime) {
        self.key = key
        self.oldPath = oldPath
        self.newPath = newPath
        state = .wanted
        length = 0
        failures = 0
        nextTry = wished
        self.wished = wished
        changed = wished
        lastUsed = wished
    }
}

/// Patches, by the contents that they are between.
package protocol PatchStore: AnyObject {
    /// Keeps or replaces a patch's record.
    func putPatch(_ patch: PatchRecord) throws
    func patch(_ key: PatchKey) throws -> PatchRecord?
    /// The made patch with this hash.
    func patch(sha256: SHA256Digest) throws -> PatchRecord?
    func removePatch(_ key: PatchKey) throws
    /// Every patch, in the order of new and old contents.
    func patches() throws -> [PatchRecord]
    /// The patches to a content, in the order of old ones.
    func patches(to new: SHA256Digest) throws -> [PatchRecord]
    /// The patches that are to be made by now, the earliest wish first.
    func patches(dueBy time: UnixTime) throws -> [PatchRecord]
    /// The earliest moment at which one is to be made.
    func nextPatch() throws -> UnixTime?
}
