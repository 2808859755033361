import Hub
import Model
import System
import TestSupport
import Testing
import Trust

/// Two hundred thousand revoked members in a fleet of real processes.
@Suite("Revocation of many", .serialized)
struct RevocationFleetTests {
    static let count: UInt64 = 200_000

    private func names(_ fleet: RealFleet, _ member: String) -> [String] {
        // Not there yet is empty.
        (try? Directory.list(fleet.path("\(member)/revocations"))) ?? []
    }

    private func bytes(_ fleet: RealFleet, _ member: String) throws -> Int {
        try names(fleet, member).reduce(0) {
            $0 + Int(try File.status(fleet.path("\(member)/revocations/\($1)"))?.size ?? 0)
        }
    }

    /// Revokes in the store of a hub that is stopped; the next revocation moves them into segments.
    private func revoke(_ revocations: [RevocationRecord], _ fleet: RealFleet) throws {
        let store = try SQLiteHubStore(
            path: fleet.path("hub/hub.db"), now: UnixTime(milliseconds: SystemClock.nowMilliseconds))
        try store.transaction { for revocation in revocations { try store.putRevocation(revocation) } }
    }

    private func startHub(_ fleet: RealFleet) async throws {
        try fleet.startHub()
        try await eventually("the hub is back") { (try? fleet.axle("token", "list")) != nil }
    }

    /// A member that has joined and does not run.
    private func join(_ name: String, _ fleet: RealFleet) throws {
        try fleet.run(
            "axle-agent",
            ["join", "--state", fleet.path(name), "--spoke", fleet.spokeAddress, "--token-file", "-", "--name", name],
            input: try fleet.axle("token", "create", "--role", "agent"))
    }

    private func isConnected(_ name: String, _ fleet: RealFleet) throws -> Bool {
        try fleet.json(fleet.axle("client", "list", "--json")).contains {
            $0["name"] as? String == name && $0["connected"] as? Bool == true
        }
    }

    @Test("200,000 revoked members reach a spoke and stay out, through kills, damage and a hub that is away")
    func manyReachASpoke() async throws {
        let fleet = try RealFleet()
        try await fleet.begin(agents: [("box", "{}"), ("other", "{}")])
        let other = try fleet.client("other")
        try join("spare", fleet)
        try join("late", fleet)
        fleet.stop("hub")
        let ends = UnixTime(milliseconds: SystemClock.nowMilliseconds)
        var revocations = (1...Self.count).map { number in
            RevocationRecord(
                node: NodeID(high: number &* 0x9E37_79B9_7F4A_7C15, low: number), role: .agent,
                ends: ends + .seconds(Int64(number % 120 + 1) * 86_400))
        }
        // A segment names it, and nothing else does.
        revocations[1234].node = other
        revocations += (1...1100).map {
            RevocationRecord(node: NodeID(high: 3, low: $0), role: .spoke, ends: ends + .seconds(86_400 * 9))
        }
        try revoke(revocations, fleet)
        try await startHub(fleet)
        #expect(try isConnected("other", fleet) || !fleet.log("other").contains("revoked"))
        try fleet.axle("client", "revoke", "spare", "--confirm", "spare")

        // Killed again and again while segments come.
        for _ in 0..<3 {
            let before = names(fleet, "spoke").count
            try await eventually("a segment comes: \(fleet.log("spoke"))") { names(fleet, "spoke").count > before }
            fleet.kill("spoke")
            try fleet.startSpoke()
        }
        // With the one that was revoked last.
        let whole = (Int(Self.count) + 1 + 1100) * 16
        try await eventually("all segments at the spoke: \(try bytes(fleet, "spoke")) of \(whole)") {
            try bytes(fleet, "spoke") == whole
        }
        try await eventually("the revoked agent to be out: \(fleet.log("other"))") {
            try fleet.log("other").contains("revoked") && !isConnected("other", fleet)
        }
        try await eventually("the other agent to be in") { try isConnected("box", fleet) }
        // An agent has the segment of spokes and no other.
        try await eventually("the segment of spokes at the agent: \(fleet.log("box"))") {
            try bytes(fleet, "box") == 1100 * 16
        }

        // One more needs no segment.
        let held = names(fleet, "spoke")
        try fleet.axle("client", "revoke", "late", "--confirm", "late")

        // A damaged segment is fetched again.
        fleet.stop("spoke")
        try AtomicFile.write([1, 2, 3], to: fleet.path("spoke/revocations/\(held[0])"))
        try fleet.startSpoke()
        try await eventually("the damaged segment to be fetched again") { try bytes(fleet, "spoke") == whole }
        #expect(names(fleet, "spoke") == held)

        // Without the hub the spoke refuses by what it has.
        fleet.stop("hub")
        fleet.kill("spoke")
        fleet.stop("other")
        try fleet.startSpoke()
        let before = fleet.log("other").utf8.count
        try fleet.start("other", "axle-agent", ["run", "--state", fleet.path("other")])
        try await eventually("the revoked agent to be refused: \(fleet.log("other"))") {
            String(decoding: fleet.log("other").utf8.dropFirst(before), as: UTF8.self).contains("revoked")
        }
    }

    @Test("a spoke that alters segments keeps no agent from its work, and gets in no segment of its own")
    func hostileSpoke() async throws {
        let fleet = try RealFleet()
        try await fleet.begin(agents: [("box", "{}")])
        let spoke = try #require(try fleet.json(fleet.axle("spoke", "list", "--json")).first?["id"] as? String)
        try join("spare", fleet)
        try join("more", fleet)
        fleet.stop("hub")
        let ends = UnixTime(milliseconds: SystemClock.nowMilliseconds) + .seconds(86_400 * 9)
        try revoke(
            (1...1100).map { RevocationRecord(node: NodeID(high: 3, low: $0), role: .spoke, ends: ends) }, fleet)
        try await startHub(fleet)
        fleet.stop("spoke")
        let evil = try EvilSpoke(fleet.path("spoke"), listen: fleet.spokeAddress)
        defer { evil.stop() }
        evil.change { rules in
            rules.metadata = { name, bytes in
                guard name.hasPrefix("revocations."), let bytes else { return bytes }
                return Array(bytes.reversed())
            }
        }
        try await eventually("hub and agent at the evil spoke") { evil.isConnected && evil.agents.count == 1 }
        try fleet.axle("client", "revoke", "spare", "--confirm", "spare")
        try await eventually("the agent to refuse the segment: \(fleet.log("box"))") {
            fleet.log("box").contains("its SHA-256 is not the one that the list names")
        }
        #expect(names(fleet, "box").isEmpty && evil.agents.count == 1)
        evil.behave()
        try await eventually("the true segment") { try bytes(fleet, "box") == 1100 * 16 }
        #expect(evil.agents.count == 1)

        // The spoke itself is revoked by a segment: the agent ends the session and opens no other.
        fleet.stop("hub")
        var revocations = (2001...3100).map {
            RevocationRecord(node: NodeID(high: 3, low: $0), role: .spoke, ends: ends)
        }
        revocations[5].node = try NodeID(spoke)
        try revoke(revocations, fleet)
        try await startHub(fleet)
        try await eventually("the hub at the evil spoke") { evil.isConnected }
        try fleet.axle("client", "revoke", "more", "--confirm", "more")
        try await eventually("the agent to leave: \(fleet.log("box"))") {
            fleet.log("box").contains("join again through another spoke")
        }
        try await eventually("no session of the agent") { evil.agents.isEmpty }
    }
}
