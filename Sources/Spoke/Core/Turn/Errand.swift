import Model
import Protocol
import Trust

/// What a request of the spoke to a peer is for.
enum Errand: Hashable {
    case poolStatus(NodeName)
    case poolChecked
    case replica(TargetPath, SHA256Digest)
    case presence(NodeID)
    case report(agent: NodeID, incarnation: UInt64, counter: UInt64)
    case event(UInt64)
    /// With the signature, since an order may be replaced by a newer one while it is under way.
    case order(agent: NodeID, action: ActionID, kind: UInt8, signature: [UInt8])
    case newestOrder
    case join(JoinID)
    case catalogChanged(NodeID)
    case signedList(SignedList, NodeID)
    case shares
    /// How the hub advises to fetch a replica.
    case plan(SHA256Digest)
    /// An agent's renewal: where its answer goes.
    case renewal(LinkID, RequestID)

    /// Whether it tells a state, of which only the newest one of the same subject matters.
    var isState: Bool {
        switch self {
        case .poolStatus, .poolChecked, .replica, .presence, .newestOrder, .catalogChanged, .signedList, .shares: true
        case .report, .event, .order, .join, .plan, .renewal: false
        }
    }
}

/// What the hub signs about the fleet and a spoke passes on.
enum SignedList: Hashable {
    case revocations, anchors
}
