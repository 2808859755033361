package import Model
package import System

extension ContentWorker {
    /// Unpacks a tar archive, packed or not, into the empty folder `folder`; durable on return. What it leaves when it throws is the caller's to remove.
    ///
    /// - Parameters:
    ///   - archive: read from its beginning, its position does not matter.
    ///   - content: what is inside the file, as it was signed: the archive counts only with this length and hash, said after the last member. If nil,
    ///     the caller has hashed the file already, which is a tar, plain or packed as its first bytes say.
    /// - Throws: `ContentError`; those of `path`, `link`, `special`, `duplicate`, `malformed`, `truncated` and `tooLarge` are the archive's fault.
    package func unpackTree(
        _ archive: borrowing FileDescriptor, into folder: String, limits: TarLimits, content: PackageContent? = nil,
        deadline: Duration = .seconds(3600), cancellation: Cancellation? = nil
    ) throws {
        var job = [ContentJob.unpack.rawValue, folder, "\(limits.entries)", "\(limits.bytes)"]
        if let content { job += [content.coding.name, "\(content.length.bytes)", "\(content.sha256)"] }
        var child = child(job, deadline: deadline)
        child.fileSize = UInt64(clamping: limits.bytes) + 1
        try run(child, "unpacking", files: [archive.number], cancellation: cancellation) { _ in }
    }
}
