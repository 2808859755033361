internal import Model
internal import Protocol
internal import System
internal import Transport

/// Fetches one package's file from the spoke into the downloads folder: goes on where an attempt before broke off, then checks length and hash.
///
/// The file has `.part` at the end of its name until its bytes are the signed ones and durable; a file without it may be installed from.
struct AgentDownload: Sendable {
    let package: Package
    let folder: String
    let links: Links
    let queue: NamedQueue

    func run(from link: LinkID) async -> DownloadOutcome {
        let final = InstallExecutor.download(package, in: folder)
        let part = final + ".part"
        let (package, queue) = (package, queue)
        do {
            guard let file = try await queue.run({ try Part(final: final, part: part, package: package) }) else {
                return .complete
            }
            if file.offset < package.length {
                let request = FetchPackage(
                    path: package.path, sha256: package.sha256, length: package.length, offset: file.offset)
                let priority: Priority = package.metadata.severity == .hotfix ? .urgent : .normal
                _ = try await links.fetch(
                    link, .fetchPackage(request), priority: priority, limit: package.length,
                    into: .writer(queue) { bytes, offset in try file.write(bytes, at: offset) })
            }
            return try await queue.run { try file.finish() }
        } catch {
            return .failed("\(error)")
        }
    }

    /// The unfinished file.
    private final class Part: Sendable {
        private let file: FileDescriptor
        private let final: String
        private let part: String
        private let package: Package
        /// What is there already.
        let offset: UInt64

        /// nil when the complete file is there from an attempt before.
        init?(final: String, part: String, package: Package) throws {
            try Directory.create(Directory.parent(of: final), mode: 0o700)
            if File.exists(final) { return nil }
            file = try FileDescriptor.open(part, [.readWrite, .create, .noFollow])
            let size = UInt64(clamping: try file.status().size)
            if size > package.length { try file.truncate(to: 0) }
            offset = size > package.length ? 0 : size
            self.final = final
            self.part = part
            self.package = package
        }

        func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
            guard let end = Int64(exactly: offset).map({ $0.addingReportingOverflow(Int64(bytes.count)) }),
                !end.overflow, end.partialValue <= Int64(clamping: package.length)
            else { throw AgentError(.peer, "the spoke sends more than the package") }
            try file.write(bytes, at: Int64(clamping: offset))
        }

        /// Checks the bytes through the descriptor they were written to, and gives the file its name.
        func finish() throws -> DownloadOutcome {
            guard UInt64(clamping: try file.status().size) == package.length else {
                return .failed("the transfer ended before the package was complete")
            }
            do {
                try TreeInstaller.verify(file, package)
            } catch let error as AgentError where error.code == .hashMismatch {
                try File.remove(part)
                return .mismatch
            }
            try file.synchronize()
            try File.rename(part, to: final)
            return .complete
        }
    }
}
