import Model
import Protocol

/// What is sent to one spoke that has something to be sent, as the parts offer it one after the
/// other.
struct SpokeDelivery {
    let spoke: NodeID
    private let held: Set<SpokeErrand>
    private let underWay: Set<SpokeErrand>

    init(to spoke: NodeID, held: Set<SpokeErrand>, underWay: Set<SpokeErrand>) {
        self.spoke = spoke
        self.held = held
        self.underWay = underWay
    }

    /// Whether the spoke has asked for patience with an errand.
    func isHeld(_ errand: SpokeErrand) -> Bool { held.contains(errand) }

    /// Whether an errand can go out now.
    func isFree(_ errand: SpokeErrand) -> Bool { !held.contains(errand) && !underWay.contains(errand) }
}
