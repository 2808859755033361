package import Content
package import Model
package import System

/// Unpacks an archive in a limited child (`ContentWorker.unpackTree`) and says in the agent's words what went wrong.
///
/// Blocks: call on a named queue.
package struct UnpackChild: Sendable {
    /// How the child is started: the program and the arguments before its own.
    package var command: [String]
    /// How long it may take.
    package var deadline: Duration

    package init(command: [String], deadline: Duration = .seconds(3600)) {
        self.command = command
        self.deadline = deadline
    }

    /// Unpacks `archive` from its beginning into the empty folder `folder`.
    ///
    /// - Parameters:
    ///   - content: what is inside a compressed file, as it was signed; a plain tar if nil.
    package func unpack(
        _ archive: borrowing FileDescriptor, into folder: String, limits: TarLimits, content: PackageContent? = nil
    ) throws {
        guard !command.isEmpty else { throw AgentError(.configInvalid, "no program to unpack with") }
        do {
            try ContentWorker(command: command).unpackTree(
                archive, into: folder, limits: limits, content: content, deadline: deadline)
        } catch let error as ContentError {
            throw AgentError(Self.code(error.code), error.message)
        }
    }

    private static func code(_ code: ContentError.Code) -> AgentError.Code {
        switch code {
        case .unavailable: .unsupportedPackage
        case .malformed: .archiveMalformed
        case .truncated: .archiveTruncated
        case .tooLarge: .archiveTooLarge
        case .path: .archivePath
        case .link: .archiveLink
        case .special: .archiveSpecial
        case .duplicate: .archiveDuplicate
        case .hashMismatch: .hashMismatch
        case .full, .failed: .io
        default: .unpackFailed
        }
    }
}
