import Model
import Protocol

/// Whether agents are connected, as their spokes say.
enum Presences {

    /// An agent came or went; the answer tells the spoke whether the agent is its own.
    static func reported(
        _ presence: Presence, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, _ turn: inout HubTurn
    ) throws {
        let known = try turn.store.client(presence.agent)
        // The agent's doing, or the word of its spoke: it takes nothing of what either may cause
        // besides.
        if let known { turn.blame(.carried(known.id, by: spoke)) }
        guard var client = known, client.spoke == spoke else {
            try turn.log(
                .warning, .peerRefused, "agent/\(presence.agent)",
                "an agent is at a spoke that it does not belong to")
            return turn.refuse(link, request, .refused, "this agent does not belong to this spoke")
        }
        guard client.revoked == nil else { return turn.refuse(link, request, .refused, "this agent has been revoked") }
        if client.isConnected != presence.isConnected {
            client.isConnected = presence.isConnected
            client.since = min(presence.since, turn.now)
            try turn.store.updateClient(client)
            let word = presence.isConnected ? "has connected" : "is no longer connected"
            try turn.log(
                .info, presence.isConnected ? .agentConnected : .agentDisconnected, "client/\(client.name)",
                "\(client.name) \(word)")
        }
        turn.reply(link, request, .ok(OK(reportKey: client.reportKey)))
    }
}
