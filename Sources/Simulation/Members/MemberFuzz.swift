internal import Model
internal import System

/// Drives the cores of hub, spoke and agent over databases on disk with what a hostile member may
/// send: valid, signed, extreme, in any order. Invariant 21 must hold: no batch fails, whoever else is in it is
/// served, and what was stored can be read back.
package enum MemberFuzz {
    /// A rule that did not hold.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    /// How often the databases are opened anew by another core, in messages.
    static let readBack = 1000

    /// Sends so many messages, a third of them to each daemon, with the files in `folder`; throws the first `Failure`.
    package static func run(seed: UInt64, messages: Int, folder: String, progress: (String) -> Void) throws {
        let share = messages / 3
        try drive(try HubMemberFuzz(folder, seed), messages: messages - 2 * share, seed, progress)
        try drive(try SpokeMemberFuzz(folder, seed), messages: share, seed, progress)
        try drive(try AgentMemberFuzz(folder, seed), messages: share, seed, progress)
    }

    private static func drive(
        _ daemon: some FuzzedDaemon, messages: Int, _ seed: UInt64, _ progress: (String) -> Void
    ) throws {
        var (sent, look) = (0, readBack)
        do {
            while sent < messages {
                sent += try daemon.batch()
                guard sent >= look else { continue }
                look += readBack
                try daemon.readBack()
            }
            try daemon.readBack()
        } catch {
            throw Failure("seed \(seed), \(daemon.name), after about \(sent) messages: \(error)")
        }
        progress("\(daemon.name): \(sent) messages of hostile members, each batch handled and read back")
    }
}

/// A daemon's core with honest and hostile peers around it.
protocol FuzzedDaemon {
    var name: String { get }
    /// Handles one batch of honest and hostile events in one transaction; gives how many were hostile.
    func batch() throws -> Int
    /// Opens the database anew and reads all that the hostile ones could put there.
    func readBack() throws
}
