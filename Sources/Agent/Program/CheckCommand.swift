internal import Model
internal import System

/// `axle-agent check`: gathers the facts of this machine now, as an order would find them, and shows them. Changes nothing.
enum CheckCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let state = try invocation.required("state")
        let configuration = try AgentConfiguration.read(AgentState.configuration(state))
        let installer = TreeInstaller(
            products: AgentState.products(state, configuration), child: UnpackChild(command: []))
        let gatherer = try AgentFacts.gatherer(state: state, configuration, installer)
        let facts = try gatherer.gather(known: try known(state))
        guard !invocation.isSet("json") else {
            streams.line(try ProgramJSON.text(facts))
            return 0
        }
        for (name, value) in rows(facts) { streams.line(name.padded(to: 18) + value) }
        return 0
    }

    private static func known(_ state: String) throws -> FactsGatherer.Known {
        // Before the join there is nothing to know.
        guard try File.status(AgentState.identity(state)) != nil else { return FactsGatherer.Known() }
        let store = try SQLiteAgentStore(reading: AgentState.database(state))
        return FactsGatherer.Known(locked: try store.locked(), rejected: try store.rejected())
    }

    private static func rows(_ facts: ClientFacts) -> [(String, String)] {
        let installed = facts.installed.map { "\($0.product) \($0.release) (\($0.source.name))" }
        let rejected = facts.rejected.map { "\($0.product) \($0.release)" }
        func list(_ texts: [String]) -> String { texts.isEmpty ? "<none>" : texts.joined(separator: ", ") }
        return [
            ("HOST", facts.hostname), ("SYSTEM", facts.osName), ("KERNEL", facts.kernel),
            ("PLATFORM", "\(facts.platform)"), ("USERLAND", "\(facts.userlandBits)-bit"),
            ("AGENT", "\(facts.agentVersion)"), ("ROOT", facts.isRoot ? "yes" : "no"),
            ("AUTODEPLOY", facts.autodeploy.name), ("SCHEDULER", facts.scheduler.name),
            ("PASSWORD", facts.passwordAccess.name), ("FREE", "\(facts.freeSpace)"), ("SESSIONS", "\(facts.sessions)"),
            ("INSTALLED", list(installed)), ("PINNED", list(facts.pinned.map(\.text))),
            ("LOCKED", list(facts.locked.map(\.text))), ("REJECTED", list(rejected)),
            ("IDENTITY", facts.identityChanged ? "changed since the join" : "as at the join"),
        ]
    }
}
