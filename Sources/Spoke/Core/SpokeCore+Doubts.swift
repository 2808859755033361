import Model
import Protocol
import Trust

/// Bytes that an agent refused although they came from this pool: the copy is read again before
/// anybody is called an attacker.
///
/// A doubt costs only the agent that has it: it alone waits for the check, once in
/// `SpokeLimits.doubtPause` for each object, so that an agent that lies cannot keep the disk busy or
/// a package from others.
extension SpokeCore {
    /// An agent's word against an object.
    struct Doubt: Hashable {
        let agent: NodeID
        let object: SHA256Digest
    }

    /// Remembers what an agent is served with: its refusal says that bytes were wrong, and not which.
    mutating func noteServed(_ object: SHA256Digest, on link: LinkID) {
        guard let agent = agentOfLink[link] else { return }
        var objects = served[agent, default: []].filter { $0 != object }
        objects.append(object)
        served[agent] = Array(objects.suffix(SpokeLimits.servedObjects))
    }

    /// Whether the agent on this link waits for the check of an object that it has refused.
    func isDoubted(_ object: SHA256Digest, on link: LinkID) -> Bool {
        guard let agent = agentOfLink[link] else { return false }
        return verifying[object]?.contains(agent) == true
    }

    /// An agent says that it got other bytes than the signed ones: what it was served with is checked.
    mutating func refused(by agent: NodeID, at now: UnixTime) {
        for object in served.removeValue(forKey: agent) ?? [] where held.contains(object) {
            let doubt = Doubt(agent: agent, object: object)
            // A time in the future is of a clock that was wrong.
            if let last = doubts[doubt], last <= now, now - last < SpokeLimits.doubtPause { continue }
            doubts = doubts.filter { $0.value <= now && now - $0.value < SpokeLimits.doubtPause }
            guard doubts.count < SpokeLimits.doubts else { return }
            doubts[doubt] = now
            if verifying.updateValue((verifying[object] ?? []).union([agent]), forKey: object) == nil {
                effects.append(.verify(object))
            }
        }
    }

    /// The check of an object is over. One that is whole was damaged on its way to those who refused it.
    mutating func verified(_ object: SHA256Digest, isWhole: Bool, at now: UnixTime) throws {
        let agents = verifying.removeValue(forKey: object) ?? []
        guard isWhole else { return }
        let replica = try store.replicas().first { $0.objects.contains(object) }
        let name = replica?.paths.first.map { "\($0)" } ?? "\(object)"
        for agent in agents.sorted() {
            blame(agent)
            try log(
                .error, .attackSeen, "client/\(agent)",
                "the agent refused the bytes of \(name), and the copy here is whole: they were changed on the way, "
                    + "or the machine's disk or memory is damaged", at: now)
        }
    }
}
