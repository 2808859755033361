import Codec
import Model
import Protocol

/// How fast packages may go to the agents: the hub's schedule, kept over restarts and followed by
/// the spoke's own clock.
struct AgentRateLimit {
    /// Nil until the hub has said it.
    private var schedule: RateSchedule?
    /// What the sender has been told; nil before it was told anything.
    private var told: BitRate??

    /// Takes up what the hub said before a restart.
    mutating func start(_ turn: SpokeTurn) throws {
        guard let bytes = try turn.store.setting(.agentLimit) else { return schedule = nil }
        // What cannot be read limits nothing until the hub says it again, on every connection.
        schedule = try? SetLimit(MessageFields(frame: bytes.span, of: SetLimit.name)).schedule
    }

    mutating func keep(_ limit: SetLimit, _ link: LinkID, _ request: RequestID, _ turn: inout SpokeTurn) throws {
        try turn.store.set(.agentLimit, to: CBOREncoder.encode(.map(limit.cbor)))
        schedule = limit.schedule
        turn.reply(link, request, .ok(OK()))
    }

    /// Tells the sender what holds now.
    mutating func settle(_ turn: inout SpokeTurn) {
        guard let current = schedule?.rate(at: turn.now), told != .some(current.rate) else { return }
        told = .some(current.rate)
        turn.effect(.limitAgents(current.rate))
    }

    /// When another rate holds.
    func nextDue(_ turn: SpokeTurn) -> UnixTime? { schedule?.rate(at: turn.now).until }
}
