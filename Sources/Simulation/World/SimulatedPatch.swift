internal import Model

/// A patch or a chunk delta between two contents of the simulated vendor: its means, their hashes, and a stretch of the new bytes for its length.
///
/// Making is checked by the hashes alone, and applying takes the new content from the vendor: what is simulated is the way that it comes, not the algorithm.
enum SimulatedPatch {
    /// A patch of about a sixteenth of the new content; chunks are twice that, uncompressed four times.
    static func make(_ means: TransferMeans, from old: SHA256Digest, to new: SHA256Digest, _ bytes: [UInt8]) -> [UInt8]
    {
        let share =
            switch means {
            case .patch: 16
            case .chunks: 8
            default: 4
            }
        return [means.rawValue] + old.bytes + new.bytes + bytes.prefix(bytes.count / share)
    }

    /// What applying gives; nil if the patch is not between these two, or needs a library that is not there. `contents` are the vendor's, by hash.
    static func apply(
        _ patch: [UInt8], to old: SHA256Digest, wanting new: SHA256Digest, hasLibrary: Bool,
        _ contents: [SHA256Digest: [UInt8]]
    ) -> [UInt8]? {
        guard let means = patch.first.flatMap({ TransferMeans(rawValue: $0) }), hasLibrary || means == .plainChunks
        else { return nil }
        return patch.dropFirst().starts(with: old.bytes + new.bytes) ? contents[new] : nil
    }
}
