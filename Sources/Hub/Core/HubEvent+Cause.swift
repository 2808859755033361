import Model
import Protocol

extension HubEvent {
    /// Who brought an event; within it an agent's report becomes the agent's own. `spokeOf` says
    /// whose session a link is.
    func cause(_ spokeOf: (LinkID) -> NodeID?) -> LogCause {
        func cause(of link: LinkID) -> LogCause { spokeOf(link).map { .spoke($0) } ?? .joiners }
        switch self {
        case .link(let event):
            switch event {
            case .opened(_, let peer, _): return .spoke(peer.id)
            case .closed(let link, _), .request(let link, _, _), .reply(let link, _, _), .failed(let link, _, _):
                return cause(of: link)
            }
        case .faulted(let fault):
            switch fault.origin {
            case .request(let link, _), .link(let link): return fault.peer.map { .spoke($0.id) } ?? cause(of: link)
            case .member(let node): return .spoke(node)
            case .join: return .joiners
            }
        case .linkUsed(let link, _, _): return cause(of: link)
        case .objectSent(_, let spoke, _): return .spoke(spoke)
        case .joinAsked: return .joiners
        case .started, .catalog, .packageImport, .pool, .confinementMissing, .packageEvicted, .poolChecked, .patches,
            .woke:
            return .hub
        }
    }
}
