internal import Content
internal import Model
internal import System
internal import TLS

/// `axle-agent confined unpack DIR ENTRIES BYTES [CODING LENGTH SHA256]`: the child that `UnpackChild` starts, with the archive as file 3.
///
/// Its only word is a line `CODE TEXT` on standard error when it refuses.
enum UnpackCommand {
    static let name = "unpack"

    static func run(_ arguments: [String], _ streams: ProgramStreams) -> Int32 {
        do {
            try run(arguments)
            return 0
        } catch let error as AgentError {
            streams.message("\(error.code.rawValue) \(error.message)")
        } catch let error as ContentError {
            streams.message("\(code(error).rawValue) \(error.message)")
        } catch {
            streams.message("\(AgentError.Code.io.rawValue) \(error)")
        }
        return 1
    }

    private static func run(_ arguments: [String]) throws {
        guard arguments.count == 3 || arguments.count == 6, let entries = Int(arguments[1]), entries > 0,
            let bytes = Int64(arguments[2]), bytes >= 0
        else { throw AgentError(.configInvalid, "unpack takes a folder, two limits and what is inside") }
        let unpacker = Unpacker(limits: TarLimits(entries: entries, bytes: bytes))
        let archive = FileDescriptor(takingOwnership: 3)
        let packed = arguments.count == 6 ? try content(arguments) : nil
        // Loaded while files can still be opened.
        let decoder = try ContentDecoder(
            packed?.coding ?? .none, limits: ContentLimits(length: packed?.length.bytes ?? .max))
        let sink = try unpacker.open(arguments[0])
        try Confinement.enter(.folder(arguments[0]))
        try unpacker.unpack(into: sink) { take in
            guard let packed else { return try decoder.run(archive, output: take) }
            var hash = SHA256()
            var length: UInt64 = 0
            try decoder.run(archive) { bytes in
                hash.update(bytes)
                length += UInt64(bytes.count)
                try take(bytes)
            }
            guard length == packed.length.bytes, hash.finish() == packed.sha256.bytes else {
                throw AgentError(.hashMismatch, "the archive inside the file is not the one that was signed")
            }
        }
    }

    private static func content(_ arguments: [String]) throws -> PackageContent {
        guard let coding = ContentCoding(name: arguments[3]), let length = UInt64(arguments[4]) else {
            throw AgentError(.configInvalid, "unpack takes a coding and a length")
        }
        return PackageContent(
            coding: coding, length: ByteCount(length), sha256: try SHA256Digest(arguments[5]))
    }

    private static func code(_ error: ContentError) -> AgentError.Code {
        switch error.code {
        case .unavailable: .unsupportedPackage
        case .malformed: .archiveMalformed
        case .truncated: .archiveTruncated
        case .tooLarge: .archiveTooLarge
        case .hashMismatch: .hashMismatch
        case .full, .failed: .io
        default: .unpackFailed
        }
    }
}
