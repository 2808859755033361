internal import Model

/// A patch between two contents of the simulated vendor: their hashes, and a stretch of the new bytes for its length.
///
/// Making is checked by the hashes alone, and applying takes the new content from the vendor: what is simulated is the way that it comes, not the algorithm.
enum SimulatedPatch {
    /// A patch of about a sixteenth of the new content.
    static func make(from old: SHA256Digest, to new: SHA256Digest, _ bytes: [UInt8]) -> [UInt8] {
        old.bytes + new.bytes + bytes.prefix(bytes.count / 16)
    }

    /// What applying gives; nil if the patch is not between these two. `contents` are the vendor's, by hash.
    static func apply(
        _ patch: [UInt8], to old: SHA256Digest, wanting new: SHA256Digest, _ contents: [SHA256Digest: [UInt8]]
    ) -> [UInt8]? {
        patch.starts(with: old.bytes + new.bytes) ? contents[new] : nil
    }
}
