/// The ways in which a package's bytes can come from a hub to a spoke or from a spoke to an agent.
package enum TransferMeans: UInt8, NamedCode {
    /// The package's file as it was published.
    case published = 1
    /// What is inside the published file (`PackageMetadata.content`), as it is.
    case content = 2
    /// A patch that turns the content of another release, which the receiver holds verified, into this one's.
    case patch = 3
    /// The chunks of the content that the receiver's content of another release lacks, and where the others are in it, compressed as one stream.
    case chunks = 4
    /// As `chunks`, uncompressed: for a side without libzstd.
    case plainChunks = 5

    /// The ways to make a content of another one, the best first.
    package static let fromBase: [TransferMeans] = [.patch, .chunks, .plainChunks]

    /// Whether what comes turns a content that the receiver holds into the one that it wants.
    package var needsBase: Bool { Self.fromBase.contains(self) }

    /// For people, as in "it names a patch against another base".
    package var noun: String { self == .patch ? "a patch" : phrase }

    /// For people, as in "chunks, 5 MB instead of 139 MB".
    package var phrase: String {
        switch self {
        case .published: "file"
        case .content: "content"
        case .patch: "patch"
        case .chunks: "chunks"
        case .plainChunks: "chunks (uncompressed)"
        }
    }
}
