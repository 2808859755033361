import Model
import Protocol

/// Events of spokes for the activity log.
enum SpokeEvents {

    /// A line for the log; each sequence number of a spoke is stored once.
    ///
    /// The spoke chooses code, subject, severity and time. The line has the hub's own time beside
    /// the spoke's, says which spoke told it, has a code that spokes have, and names only what is
    /// the spoke's.
    static func reported(
        _ message: EventMessage, _ id: NodeID, _ link: LinkID, _ request: RequestID, _ turn: inout HubTurn
    ) throws {
        guard var spoke = try turn.store.spoke(id), let sequence = Int64(exactly: message.sequence) else {
            return turn.refuse(link, request, .invalid, "event sequence \(message.sequence) is out of range")
        }
        if sequence > spoke.lastEvent {
            guard turn.mayLogEvent() else {
                return turn.refuse(
                    link, request, .busy,
                    "the log takes no more events of this spoke now; it keeps them and sends them later",
                    retryAfter: 30)
            }
            spoke.lastEvent = sequence
            try turn.store.updateSpoke(spoke)
            let known = SpokeEventCode(rawValue: message.code.rawValue)
            try turn.append(
                known == nil && message.severity == .error ? .warning : message.severity, known?.code ?? .spokeEvent,
                try subject(message.subject, at: spoke, turn),
                "at \(spoke.name): \(known == nil ? "\(message.code.rawValue): " : "")\(message.text)",
                peerTime: message.time)
            if known == .machineCloned { try Alarms.spokeSawClone(message, at: spoke, &turn) }
        }
        turn.reply(link, request, .ok(OK()))
    }

    /// What a spoke says that its event is about: as it is where that is the spoke's own, else as a
    /// part of the spoke, so that it names nothing of the hub or of another member.
    private static func subject(_ claimed: String, at spoke: SpokeRecord, _ turn: HubTurn) throws -> String {
        let parts = claimed.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let id = parts.count == 2 ? parts[1] : ""
        // Text that is no id or path names nothing.
        switch parts.first {
        case "client":
            guard let client = try (try? NodeID(id)).flatMap(turn.store.client), client.spoke == spoke.id else { break }
            return "client/\(client.name)"
        case "action":
            guard let action = try (try? ActionID(id)).flatMap(turn.store.action), action.spoke == spoke.id else {
                break
            }
            return claimed
        case "package":
            // As above.
            let replica = try (try? TargetPath(id)).flatMap { try turn.store.replica(spoke: spoke.id, path: $0) }
            if replica != nil { return claimed }
            return "spoke/\(spoke.name)/\(claimed)"
        case "catalog", "pool", "share": return "spoke/\(spoke.name)/\(claimed)"
        default: break
        }
        return "spoke/\(spoke.name)"
    }
}
