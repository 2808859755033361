internal import Model
internal import System
internal import TLS

/// Unpacks the tar in file 3 into a folder; the child's half of `ContentWorker.unpackTree`. Arguments: FOLDER ENTRIES BYTES [CODING LENGTH SHA256].
///
/// Where nothing is said of what is inside, the file's first bytes say how it is packed.
struct UnpackJob {
    private let folder: String
    private let unpacker: Unpacker
    private let content: PackageContent?
    private let decoder: ContentDecoder

    init(_ arguments: [String]) throws {
        guard let folder = arguments.first, arguments.count == 3 || arguments.count == 6 else {
            throw ContentError(.failed, "unpack takes a folder, two limits and what is inside")
        }
        self.folder = folder
        unpacker = Unpacker(
            limits: TarLimits(
                entries: Int(clamping: try ContentJob.number(arguments, 1)),
                bytes: Int64(clamping: try ContentJob.number(arguments, 2))))
        content = arguments.count == 6 ? try Self.content(arguments) : nil
        // Loaded while files can still be opened.
        decoder = try ContentDecoder(
            try content?.coding ?? Self.coding(), limits: ContentLimits(length: content?.length.bytes ?? .max))
    }

    /// The coding of file 3 by its mark; a Debian package is none that holds a tree.
    private static func coding() throws -> ContentCoding {
        let archive = FileDescriptor(takingOwnership: 3)
        let head = try archive.read(count: ContentCoding.markLength, at: 0)
        _ = archive.release()
        guard let coding = ContentCoding(mark: head), coding != .deb else { return .none }
        return coding
    }

    func run() throws {
        let archive = FileDescriptor(takingOwnership: 3)
        let sink = try unpacker.open(folder)
        try Confinement.enter(.folder(folder))
        try unpacker.unpack(into: sink) { take in
            guard let content else { return try decoder.run(archive, output: take) }
            var hash = SHA256()
            var length: UInt64 = 0
            try decoder.run(archive) { bytes in
                hash.update(bytes)
                length += UInt64(bytes.count)
                try take(bytes)
            }
            guard length == content.length.bytes, hash.finish() == content.sha256.bytes else {
                throw ContentError(.hashMismatch, "the archive inside the file is not the one that was signed")
            }
        }
    }

    private static func content(_ arguments: [String]) throws -> PackageContent {
        guard let coding = ContentCoding(name: arguments[3]) else { throw ContentError(.failed, "no such coding") }
        return PackageContent(
            coding: coding, length: ByteCount(try ContentJob.number(arguments, 4)),
            sha256: try SHA256Digest(arguments[5]))
    }
}
