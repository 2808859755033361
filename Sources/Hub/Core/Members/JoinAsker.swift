import Model
import Protocol

/// Who waits for the answer to a join or a renewal.
enum JoinAsker {
    /// At the hub's own listener.
    case direct(JoinID)
    /// An agent's, through its spoke.
    case relayed(LinkID, RequestID, spoke: NodeID)

    /// The spoke that it came through.
    var relay: NodeID? {
        switch self {
        case .direct: nil
        case .relayed(_, _, let spoke): spoke
        }
    }

    func answer(_ message: Message, _ turn: inout HubTurn) {
        switch self {
        case .direct(let join): turn.effect(.answerJoin(join, message))
        case .relayed(let link, let request, _): turn.reply(link, request, message)
        }
    }
}
