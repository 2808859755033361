import Model
import Protocol
import Trust

/// Bytes that an agent refused although they came from this pool: the copy is read again before
/// anybody is called an attacker.
///
/// A doubt costs only the agent that has it: it alone waits for the check, once in
/// `SpokeLimits.doubtPause` for each object, so that an agent that lies cannot keep the disk busy
/// or a package from others. Keeps what each agent was served with, when it refused what, and which
/// checks are under way.
struct Doubts {
    /// An agent's word against an object.
    private struct Doubt: Hashable {
        let agent: NodeID
        let object: SHA256Digest
    }

    /// What each agent was served with last, until it refuses it.
    private var served: [NodeID: [SHA256Digest]] = [:]
    /// When agents refused objects.
    private var doubts: [Doubt: UnixTime] = [:]
    /// The checks that are under way, with the agents that wait for them.
    private var verifying: [SHA256Digest: Set<NodeID>] = [:]

    /// Remembers what an agent is served with: its refusal says that bytes were wrong, and not
    /// which.
    mutating func noteServed(_ object: SHA256Digest, to agent: NodeID) {
        var objects = served[agent, default: []].filter { $0 != object }
        objects.append(object)
        served[agent] = Array(objects.suffix(SpokeLimits.servedObjects))
    }

    /// Whether the agent waits for the check of an object that it has refused.
    func isDoubted(_ object: SHA256Digest, by agent: NodeID) -> Bool {
        verifying[object]?.contains(agent) == true
    }

    /// An agent says that it got other bytes than the signed ones: what it was served with is
    /// checked.
    mutating func refused(by agent: NodeID, _ pool: PoolContents, _ turn: inout SpokeTurn) {
        let now = turn.now
        for object in served.removeValue(forKey: agent) ?? [] where pool.holds(object) {
            let doubt = Doubt(agent: agent, object: object)
            // A time in the future is of a clock that was wrong.
            if let last = doubts[doubt], last <= now, now - last < SpokeLimits.doubtPause { continue }
            doubts = doubts.filter { $0.value <= now && now - $0.value < SpokeLimits.doubtPause }
            guard doubts.count < SpokeLimits.doubts else { return }
            doubts[doubt] = now
            if verifying.updateValue((verifying[object] ?? []).union([agent]), forKey: object) == nil {
                turn.effect(.verify(object))
            }
        }
    }

    /// The check of an object is over. One that is whole was damaged on its way to those who
    /// refused it.
    mutating func verified(_ object: SHA256Digest, isWhole: Bool, _ turn: inout SpokeTurn) throws {
        let agents = verifying.removeValue(forKey: object) ?? []
        guard isWhole else { return }
        let replica = try turn.store.replicas().first { $0.objects.contains(object) }
        let name = replica?.paths.first.map { "\($0)" } ?? "\(object)"
        for agent in agents.sorted() {
            turn.blame(agent)
            try turn.log(
                .error, .attackSeen, "client/\(agent)",
                "the agent refused the bytes of \(name), and the copy here is whole: they were changed on the way, "
                    + "or the machine's disk or memory is damaged")
        }
    }
}
