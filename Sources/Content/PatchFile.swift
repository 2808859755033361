/// What a file that turns one content into another says of itself at its beginning, in whichever format it is.
enum PatchFile {
    case patch(PatchHeader)
    case chunks(ChunkDeltaHeader)

    /// The first bytes of either format.
    static let headerLength = max(PatchHeader.length, ChunkDeltaHeader.length)

    /// Reads a file's first bytes; throws `truncated`, `malformed` or `tooLarge`.
    init(_ bytes: [UInt8]) throws(ContentError) {
        self =
            ChunkDeltaHeader.isMarked(bytes)
            ? .chunks(try ChunkDeltaHeader(bytes)) : .patch(try PatchHeader(bytes))
    }

    var old: ContentIdentity {
        switch self {
        case .patch(let header): header.old
        case .chunks(let header): header.old
        }
    }

    var new: ContentIdentity {
        switch self {
        case .patch(let header): header.new
        case .chunks(let header): header.new
        }
    }

    var encoded: [UInt8] {
        switch self {
        case .patch(let header): header.encoded()
        case .chunks(let header): header.encoded()
        }
    }

    /// The child's job that makes what follows the header.
    var makeJob: [String] {
        switch self {
        case .patch(let header): [ContentJob.makePatch.rawValue, "\(header.windowLog)"] + lengths
        case .chunks(let header): [ContentJob.makeChunks.rawValue, "\(header.windowLog ?? 0)"] + lengths
        }
    }

    /// The child's job that applies a file of so many bytes.
    func applyJob(length: Int64) -> [String] {
        switch self {
        case .patch(let header):
            [ContentJob.applyPatch.rawValue, "\(header.windowLog)"] + lengths + ["\(length)"]
        case .chunks(let header):
            [ContentJob.applyChunks.rawValue, "\(header.windowLog ?? 0)"] + lengths + ["\(length)"]
        }
    }

    private var lengths: [String] { ["\(old.length)", "\(new.length)"] }
}
