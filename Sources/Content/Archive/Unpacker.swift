internal import System

/// Puts the members of a tar archive into a folder that is empty; the child's half of unpacking.
///
/// Runs in the process that `ContentWorker.unpackTree` starts, never in a daemon. Names were checked by `TarReader`; the kernel checks again where they
/// lead (`ConfinedFolder`). Names at the top that begin with `.axle-` are Axle's own and refused.
package struct Unpacker {
    private let limits: TarLimits

    package init(limits: TarLimits) { self.limits = limits }

    /// Opens the folder that `unpack` fills.
    package func open(_ folder: String) throws -> FolderSink {
        FolderSink(folder: try ConfinedFolder(folder))
    }

    /// Reads an archive as `source` gives it and makes its members, durable on return.
    package func unpack(
        into folder: FolderSink, from source: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        var reader = TarReader(limits: limits)
        var sink = folder
        try source { bytes in
            try reader.read(bytes.bindMemory(to: UInt8.self).span, into: &sink)
        }
        try reader.finish()
        try sink.synchronize()
    }
}

/// Makes members below a confined folder.
package final class FolderSink: TarSink {
    private let folder: ConfinedFolder
    private var file: FileDescriptor?

    init(folder: consuming ConfinedFolder) { self.folder = folder }

    package func begin(_ entry: TarEntry) throws {
        if let first = entry.path.first, first.hasPrefix(".axle-") {
            throw ContentError(.path, "\(first) is a name of Axle's own")
        }
        do throws(SystemError) {
            switch entry.kind {
            case .directory: try folder.makeFolder(entry.path)
            case .file: file = try folder.makeFile(entry.path, mode: UInt32(entry.mode))
            case .symbolicLink(let target): try folder.makeSymbolicLink(entry.path, to: target)
            case .hardLink(let target): try folder.makeHardLink(entry.path, to: target)
            }
        } catch {
            throw Self.refusal(error, entry)
        }
    }

    package func write(_ bytes: Span<UInt8>) throws {
        try bytes.withUnsafeBufferPointer { buffer in
            switch file {
            case .some(let file): try file.write(UnsafeRawBufferPointer(buffer))
            case .none: throw ContentError(.malformed, "bytes without a file")
            }
        }
    }

    package func end() throws { try file.take()?.close() }

    func synchronize() throws { try folder.synchronizeAll() }

    /// Whom an error is to be blamed on: the archive, which is never tried again then, or the machine.
    ///
    /// Only what no machine says of a sound archive in an empty folder is the archive's. A refusal of the machine (EPERM of a filter or
    /// of a file system without links, EACCES, EROFS, ENOSYS) is not.
    private static func refusal(_ error: SystemError, _ entry: TarEntry) -> ContentError {
        switch error.errno {
        case .exists:
            return ContentError(.duplicate, "\(entry.name) is in the archive twice, or has members as a folder")
        case .notFolder:
            return ContentError(
                .link, "\(entry.name) lies in \(error.path ?? "a name"), which is a file or a link in the archive")
        case .tooManyLinks, .isFolder, .otherDevice:
            return ContentError(.link, "\(entry.name) leads through a link: \(error)")
        case .notFound:
            if case .hardLink = entry.kind {
                return ContentError(.link, "\(entry.name) links to a file that is not there")
            }
        default: break
        }
        return ContentError(
            error.isFull ? .full : .failed,
            "\(entry.name) could not be made: \(error); the fault is this machine's, not the archive's")
    }
}
