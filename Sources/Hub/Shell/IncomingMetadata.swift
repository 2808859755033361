internal import Identity
internal import Model
internal import System

/// Metadata files that an operator brings, until TUF's workflow has looked at them. Files are bounded in number and size; names
/// are one plain path component. Blocks; any thread.
final class IncomingMetadata: Sendable {
    /// Files, and bytes of one and of all, at the most.
    static let fileLimit = 4096
    static let byteLimit = 8 << 20
    static let totalLimit = 256 << 20

    enum Refusal: Error {
        case wrongName(String)
        case tooLarge(String)
        /// The next piece belongs there.
        case wrongOffset(Int)
    }

    /// Laid out as a bundle.
    let folder: BundleFolder
    private let sizes = NativeLock<[String: Int]>([:])

    init(_ path: String) {
        folder = BundleFolder(path)
    }

    /// Forgets what was brought.
    func clear() throws {
        sizes.withLock { $0 = [:] }
        _ = try Directory.removeTree(folder.path)
    }

    /// Writes a piece; offset 0 begins the file anew. How much of it is here then.
    func write(_ name: String, at offset: Int, _ bytes: [UInt8]) throws -> Int {
        guard BundleFolder.isMetadataName(name) else { throw Refusal.wrongName(name) }
        return try sizes.withLock { sizes in
            let known = offset == 0 ? 0 : sizes[name] ?? 0
            guard offset == known else { throw Refusal.wrongOffset(known) }
            let total = sizes.values.reduce(0, +)
            guard sizes[name] != nil || sizes.count < Self.fileLimit, known + bytes.count <= Self.byteLimit,
                total + bytes.count <= Self.totalLimit
            else { throw Refusal.tooLarge(name) }
            let metadata = Directory.join(folder.path, "metadata")
            try Directory.create(metadata, mode: 0o700)
            let access: FileDescriptor.Access =
                offset == 0 ? [.write, .create, .truncate, .noFollow] : [.write, .noFollow]
            let file = try FileDescriptor.open(Directory.join(metadata, name), access, mode: 0o600)
            try file.write(bytes, at: Int64(offset))
            sizes[name] = offset + bytes.count
            return offset + bytes.count
        }
    }
}
