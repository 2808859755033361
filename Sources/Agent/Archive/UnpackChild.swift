internal import Model
package import System

/// Unpacks an archive in a child: this program again, as `axle-agent unpack`, with resource limits and nothing open but the archive.
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
    package func unpack(_ archive: borrowing FileDescriptor, into folder: String, limits: TarLimits) throws {
        guard let program = command.first else { throw AgentError(.configInvalid, "no program to unpack with") }
        var child = ChildProcess(
            program,
            command.dropFirst() + [
                "unpack", "--into", folder, "--entries", "\(limits.entries)", "--bytes", "\(limits.bytes)",
            ])
        child.deadline = deadline
        child.noNewPrivileges = true
        child.dieWithParent = true
        child.limits = [
            .core(0), .openFiles(64), .processorSeconds(UInt64(max(1, deadline.components.seconds))),
            .fileSize(UInt64(limits.bytes) + 1), .addressSpace(2 << 30),
        ]
        child.outputLimit = 4096
        let outcome = try child.run(inputFile: archive)
        guard !outcome.isSuccess else { return }
        throw Self.error(outcome)
    }

    /// What the child said, as an error of this process: its first line is `CODE TEXT`.
    private static func error(_ outcome: ChildProcess.Outcome) -> AgentError {
        if outcome.timedOut { return AgentError(.unpackFailed, "unpacking took too long and was ended") }
        let line = Event.singleLine(
            outcome.errorText.split(separator: "\n").first.map(String.init) ?? "", limit: 512)
        let words = line.split(separator: " ", maxSplits: 1)
        if outcome.status == .exited(1), let first = words.first, let code = AgentError.Code(rawValue: String(first)) {
            return AgentError(code, words.dropFirst().first.map(String.init) ?? code.rawValue)
        }
        return AgentError(.unpackFailed, "unpacking ended with \(outcome.status): \(line)")
    }
}
