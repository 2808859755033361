import Identity
import Model
import Protocol
import System
import TLS
import TestSupport
import Testing
import Trust

/// A real hub and real agents with a spoke in the wrong hands between them: all it can do is withhold.
@Suite("Hostile spoke", .serialized)
struct HostileSpokeTests {
    @Test(
        "nothing that a spoke forges, replays, alters, mixes or invents is obeyed; each is named, and the fleet recovers"
    )
    func everyAttack() async throws {
        let fleet = try RealFleet()
        try await fleet.begin(agents: [("box", "{}"), ("other", "{}")])
        let (box, other) = (try fleet.client("box"), try fleet.client("other"))
        let first = try await fleet.publish("1.0", counter: 1)
        let early = fleet.vendor.files
        fleet.stop("spoke")
        let evil = try EvilSpoke(fleet.path("spoke"), listen: fleet.spokeAddress)
        defer { evil.stop() }
        func again() async throws {
            let before = evil.agentLinks
            evil.dropAgents()
            try await eventually("the agents to come back: \(fleet.log("box"))") {
                let links = evil.agentLinks
                return [box, other].allSatisfy { links[$0] != nil && links[$0] != before[$0] }
            }
        }
        try await eventually("hub and agents at the evil spoke") { evil.isConnected && evil.agents == [box, other] }

        // As long as it passes on everything, all is well.
        let honest = try fleet.rollOut("1.0", to: ["box", "other"])
        try await fleet.succeeds(honest, ["box", "other"])
        #expect(try fleet.says("box") == "tool 1.0" && fleet.says("other") == "tool 1.0")

        // Forge: an order by a key of its own.
        let own = OpenSSLRecordSigner(try PrivateKey.generate(.p256))
        let known = try #require(evil.orders.first { $0.agent == box })
        var forged = try Order.readUnverified(known.signed)
        forged.action = ActionID(high: 6, low: 6)
        forged.sequence.number += 1000
        var message = known
        message.signed = try forged.signed(by: own)
        evil.give(message, to: box)
        try await fleet.logs("attackSeen", "client/box", "badSignature")

        // Alter: an order of the hub with one bit changed.
        try await again()
        message = known
        message.signed[message.signed.count / 2] ^= 1
        evil.give(message, to: other)
        try await fleet.logs("attackSeen", "client/other", "badSignature")

        // Another agent's order.
        try await again()
        evil.give(try #require(evil.orders.first { $0.agent == other }), to: box)
        try await fleet.logs("attackSeen", "client/box", "wrongRecipient")

        // Replay of an order that was obeyed: it is known and does nothing.
        evil.give(known, to: box)

        // Replay of one that was kept back until a later one was obeyed.
        _ = try await fleet.publish("2.0", counter: 2)
        evil.change { $0.order = { _ in [] } }
        let kept = try fleet.rollOut("2.0", to: ["box"])
        try await eventually("the order to be kept back") { evil.orders.last?.agent == box && evil.orders.count > 2 }
        let held = try #require(evil.orders.last)
        try fleet.axle("rollout", "stop", kept)
        _ = try await fleet.publish("3.0", counter: 3)
        try await eventually("the cancel to be kept back") { evil.orders.last?.kind == 2 }
        evil.behave()
        let later = try fleet.rollOut("3.0", to: ["box"])
        try await fleet.succeeds(later, ["box"])
        evil.give(held, to: box)
        try await fleet.logs("attackSeen", "client/box", "replay")

        // Swap: other bytes than the signed ones.
        try await again()
        _ = try await fleet.publish("4.0", counter: 4)
        evil.change { $0.package = { $0.enumerated().map { $0.offset == 600 ? $0.element ^ 1 : $0.element } } }
        let swapped = try fleet.rollOut("4.0", to: ["box"])
        try await fleet.logs("attackSeen", "client/box", "hashMismatch")
        #expect(try fleet.says("box") == "tool 3.0")
        evil.behave()
        try await fleet.succeeds(swapped, ["box"])

        // Rollback and mix: an older timestamp; then a snapshot of an earlier day, genuinely signed, below today's timestamp.
        try await again()
        _ = try await fleet.publish("5.0", counter: 5)
        evil.change { rules in
            rules.metadata = { name, bytes in name == "timestamp.json" ? early[name] : bytes }
        }
        let rolledBack = try fleet.rollOut("5.0", to: ["box"])
        try await fleet.logs("attackSeen", "client/box", "rollback")
        try await eventually("refused") { try fleet.states(rolledBack) == ["box": "refused"] }
        try await again()
        let snapshot = try #require(early.first { $0.key.hasSuffix("snapshot.json") }?.value)
        evil.change { rules in
            rules.metadata = { name, bytes in name.hasSuffix("snapshot.json") ? snapshot : bytes }
        }
        let mixed = try fleet.rollOut("5.0", to: ["other"])
        try await fleet.logs("attackSeen", "client/other", "snapshot")
        try await eventually("refused") { try fleet.states(mixed) == ["other": "refused"] }
        evil.behave()

        // Reports: invented, altered, of another agent, and played again.
        let genuine = try #require(evil.reports.last { $0.agent == box })
        var report = try Report.readUnverified(genuine.signed)
        report.counter += 1
        report.state = report.action == nil ? nil : .succeeded
        var invented = genuine
        invented.counter = report.counter
        invented.signed = try report.signed(by: own)
        evil.give(invented)
        try await fleet.logs("reportRefused", "client/box", "not signed by a key that is believed")
        var altered = genuine
        altered.signed[altered.signed.count / 2] ^= 1
        evil.give(altered)
        var renamed = genuine
        renamed.agent = other
        evil.give(renamed)
        try await fleet.logs("reportRefused", "client/other")
        func lines() throws -> Int {
            try fleet.json(fleet.axle("log", "--json")).count { $0["subject"] as? String == "client/box" }
        }
        try await eventually("all three are named") {
            try fleet.json(fleet.axle("log", "--json")).count { $0["code"] as? String == "reportRefused" } == 3
        }
        let (before, answers) = (try lines(), evil.answers.count)
        evil.give(genuine)
        try await eventually("an answer") { evil.answers.count > answers }
        #expect(evil.answers.last == "hub: ok")
        #expect(try lines() == before)

        // Nothing of it ran.
        #expect(try fleet.says("box") == "tool 4.0" && fleet.says("other") == "tool 1.0")
        #expect(first.metadata.counter == 1)

        // With the honest spoke back the fleet goes on.
        evil.stop()
        try fleet.startSpoke()
        _ = try await fleet.publish("6.0", counter: 6)
        let last = try fleet.rollOut("6.0", to: ["box", "other"])
        try await fleet.succeeds(last, ["box", "other"])
        #expect(try fleet.says("box") == "tool 6.0" && fleet.says("other") == "tool 6.0")
    }

    @Test("freeze: old metadata that is served for ever is refused once it has expired")
    func freeze() async throws {
        let fleet = try RealFleet()
        try await fleet.begin(agents: [("box", "{}")])
        let box = try fleet.client("box")
        _ = try await fleet.publish("1.0", counter: 1)
        fleet.stop("spoke")
        let evil = try EvilSpoke(fleet.path("spoke"), listen: fleet.spokeAddress)
        defer { evil.stop() }
        try await eventually("all at the evil spoke") { evil.isConnected && evil.agents == [box] }
        try fleet.vendor.publish(freshFor: .seconds(4))
        let frozen = fleet.vendor.files
        try await Task.sleep(for: .seconds(5))
        try fleet.vendor.publish()
        try fleet.axle("catalog", "refresh")
        evil.change { $0.metadata = { name, _ in frozen[name] } }
        let rollout = try fleet.rollOut("1.0", to: ["box"])
        try await fleet.logs("attackSeen", "client/box", "freeze")
        try await eventually("refused") { try fleet.states(rollout) == ["box": "refused"] }
        #expect(try fleet.says("box") == nil)
        evil.behave()
        try await fleet.succeeds(try fleet.rollOut("1.0", to: ["box"]), ["box"])
    }

    @Test("swap after verification: a file that is replaced between download and install is not installed")
    func swapAfterVerification() async throws {
        let fleet = try RealFleet()
        try await fleet.begin(agents: [("box", "{}")])
        let package = try await fleet.publish("1.0", counter: 1)
        let (_, other) = try TestVendor.make("1.0", counter: 1, says: "evil")
        let start = UnixTime(milliseconds: SystemClock.nowMilliseconds) + .seconds(12)
        let rollout = try fleet.rollOut(
            "1.0", to: ["box"],
            more:
                ", leadMinutes: 60, window: {start: \"\(UnixTime(seconds: start.seconds))\", end: \"2999-01-01T00:00:00Z\"}"
        )
        let file = fleet.path("box/downloads/\(package.sha256.hex)")
        try await eventually("the download") { File.exists(file) }
        try AtomicFile.write(other, to: file, mode: 0o600)
        try await fleet.logs("attackSeen", "client/box", "fileSwapped")
        try await eventually("failed") { try fleet.states(rollout) == ["box": "failed"] }
        #expect(try fleet.says("box") == nil)
        try await fleet.succeeds(try fleet.rollOut("1.0", to: ["box"]), ["box"])
        #expect(try fleet.says("box") == "tool 1.0")
    }
}
