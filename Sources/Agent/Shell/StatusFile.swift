internal import Codec
internal import Model
internal import System

/// What the running agent says of itself in `status.json` of its state folder, for `axle-agent status`.
struct StatusFile: Codable, Equatable, Sendable {
    var processID: Int32
    /// `idle`, `connecting`, `connected`, `waiting` or `refused`.
    var link: String
    /// For people; empty when there is nothing to say.
    var reason: String
    var since: UnixTime
    /// What the kernel lacks for the confinement of children, as a sentence; nil for nothing, and
    /// from an agent of the previous release.
    var confinementLack: String?

    static func read(_ folder: String) throws -> StatusFile? {
        let path = AgentState.status(folder)
        guard File.exists(path) else { return nil }
        // A file of another release of the agent says nothing.
        return try? JSONCoder.decode(StatusFile.self, from: try File.read(path, limit: 65_536))
    }

    func write(_ folder: String) throws {
        try AtomicFile.write(try JSONCoder.encode(self), to: AgentState.status(folder))
    }
}
