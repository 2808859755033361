import Codec
import Model
import Protocol

/// How fast packages may go to the agents: the hub's schedule, kept over restarts and followed by the spoke's own clock.
extension SpokeCore {
    mutating func keep(_ limit: SetLimit) throws {
        try store.set(.agentLimit, to: CBOREncoder.encode(.map(limit.cbor)))
        agentLimit = limit.schedule
    }

    /// What the hub said before a restart.
    func storedAgentLimit() throws -> RateSchedule? {
        guard let bytes = try store.setting(.agentLimit) else { return nil }
        // What cannot be read limits nothing until the hub says it again, on every connection.
        return try? SetLimit(MessageFields(frame: bytes.span, of: SetLimit.name)).schedule
    }

    /// Tells the sender what holds now; gives when that changes.
    mutating func followAgentLimit(at now: UnixTime) -> UnixTime? {
        guard let current = agentLimit?.rate(at: now) else { return nil }
        if agentRate != .some(current.rate) {
            agentRate = .some(current.rate)
            effects.append(.limitAgents(current.rate))
        }
        return current.until
    }
}
