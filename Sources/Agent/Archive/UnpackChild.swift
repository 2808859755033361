internal import Content
package import Model
package import System

/// Unpacks an archive in a child: this program again, as `axle-agent confined unpack`, with nothing open but the archive.
///
/// A crash, a kill or a refusal there is an `AgentError` here. Blocks: call on a named queue.
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
        var job = [
            UnpackCommand.name, folder, "\(limits.entries)", "\(limits.bytes)",
        ]
        if let content { job += [content.coding.name, "\(content.length.bytes)", content.sha256.hex] }
        var child = ConfinedChild(command: command + [ContentWorker.argument] + job, deadline: deadline)
        child.fileSize = UInt64(clamping: limits.bytes) + 1
        let outcome = try child.run(files: [archive.number])
        guard !outcome.isSuccess else { return }
        throw Self.error(outcome)
    }

    /// What the child said, as an error of this process: its first line is `CODE TEXT`.
    private static func error(_ outcome: ConfinedChild.Outcome) -> AgentError {
        if outcome.timedOut { return AgentError(.unpackFailed, "unpacking took too long and was ended") }
        let line = Event.singleLine(outcome.errors.split(separator: "\n").first.map(String.init) ?? "", limit: 512)
        let words = line.split(separator: " ", maxSplits: 1)
        if outcome.status == .exited(1), let first = words.first, let code = AgentError.Code(rawValue: String(first)) {
            return AgentError(code, words.dropFirst().first.map(String.init) ?? code.rawValue)
        }
        return AgentError(.unpackFailed, "unpacking ended with \(outcome.status): \(line)")
    }
}
