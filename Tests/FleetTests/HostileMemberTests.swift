import Foundation
import Identity
import Model
import Protocol
import System
import TestSupport
import Testing
import Trust

/// Real daemons, and one member with genuine keys that does what is legal and extreme: it costs itself alone (invariant 21).
@Suite("Hostile member", .serialized)
struct HostileMemberTests {
    /// A fleet with an agent `box`, and one whose keys are in the wrong hands.
    private func fleet() async throws -> (RealFleet, EvilAgent) {
        let fleet = try RealFleet()
        try await fleet.begin(agents: [("box", "{}"), ("evil", "{}")])
        fleet.stop("evil")
        let evil = try EvilAgent(fleet.path("evil"))
        try await eventually("the evil agent at its spoke") { evil.isConnected }
        return (fleet, evil)
    }

    private func lines(_ fleet: RealFleet, _ isMeant: ([String: Any]) -> Bool) throws -> Int {
        try fleet.json(fleet.axle("log", "--json")).count(where: isMeant)
    }

    private func size(_ fleet: RealFleet, _ name: String) -> Int {
        ["", "-wal"].reduce(0) { sum, suffix in
            let attributes = try? FileManager.default.attributesOfItem(atPath: fleet.path(name) + suffix)
            return sum + ((attributes?[.size] as? Int) ?? 0)
        }
    }

    private func count(_ answers: [String: Int], _ code: String) -> Int {
        answers.reduce(0) { $0 + ($1.key.hasPrefix(code) ? $1.value : 0) }
    }

    @Test("an agent that reports every other of a thousand counters late stops nobody but itself")
    func lateReports() async throws {
        let (fleet, evil) = try await fleet()
        defer { evil.stop() }
        _ = try await fleet.publish("1.0", counter: 1)
        #expect(await evil.send(try evil.report(1000)) == "ok")
        for step in UInt64(1)...90 { #expect(await evil.send(try evil.report(step * 2 + 1)) == "ok") }
        #expect(await evil.send(try evil.report(1001)) == "ok")
        // All of it has gone through the hub.
        try await fleet.logs("reportGap", "client/evil")
        try await fleet.succeeds(try fleet.rollOut("1.0", to: ["box"]), ["box"])
        #expect(try fleet.says("box") == "tool 1.0")
        #expect(try lines(fleet) { $0["code"] as? String == "spokeDisconnected" } == 0)
        #expect(!fleet.log("hub").contains("trying again"))
    }

    @Test("an agent cannot fill its spoke's disk, signed or not, while the hub is away or not")
    func disk() async throws {
        let (fleet, evil) = try await fleet()
        defer { evil.stop() }
        // Bytes that it has not signed are not kept at all.
        let noise = [UInt8](repeating: 7, count: 40_000)
        var answers: [String: Int] = [:]
        for counter in UInt64(1)...600 {
            var report = try evil.report(counter)
            report.signed = noise
            answers[await evil.send(report), default: 0] += 1
        }
        #expect(count(answers, "refused") > 300 && count(answers, "ok") == 0, "\(answers)")
        #expect(size(fleet, "spoke/spoke.db") < 6 << 20)
        // What it has signed is kept up to its share; then it waits with the agent.
        fleet.kill("hub")
        let text = String(repeating: "x", count: RecordLimits.text)
        answers = [:]
        for counter in UInt64(1_000)...2_200 {
            let report = try evil.report(counter) {
                $0.notes = Array(repeating: Note(.storeNewer, text), count: RecordLimits.reasons)
            }
            answers[await evil.send(report), default: 0] += 1
        }
        #expect(count(answers, "ok") > 10 && count(answers, "busy") > 100, "\(answers)")
        #expect(size(fleet, "spoke/spoke.db") < 16 << 20)
        try fleet.startHub()
        try await eventually("the API") { (try? fleet.axle("token", "list")) != nil }
        _ = try await fleet.publish("1.0", counter: 1)
        try await fleet.succeeds(try fleet.rollOut("1.0", to: ["box"]), ["box"])
    }

    @Test("an agent that shows an order with every report is sent few for it, and its spoke keeps few")
    func shownOrders() async throws {
        let (fleet, evil) = try await fleet()
        defer { evil.stop() }
        #expect(await evil.send(try evil.report(1)) == "ok")
        #expect(await evil.send(try evil.report(5)) == "ok")
        try await eventually("to be asked anew") { !evil.orders.isEmpty }
        let shown = try #require(evil.orders.first).signed
        for counter in UInt64(6)...160 {
            let report = try evil.report(counter) {
                $0.attack = AttackSeen(.replay, "line \(counter)")
                $0.newestOrder = shown
            }
            #expect(await evil.send(report) == "ok")
        }
        // By then the hub has taken in some sixty of them.
        try await fleet.logs("linesLeftOut", "client/evil")
        #expect(evil.orders.count < 15, "an order for each report")
    }

    @Test("a spoke that says that its agents come and go fills the log to its share, and takes nothing of theirs")
    func presence() async throws {
        let (fleet, evil) = try await fleet()
        evil.stop()
        let ids = [try fleet.client("box"), try fleet.client("evil")]
        fleet.stop("spoke")
        let spoke = try EvilSpoke(fleet.path("spoke"), listen: fleet.spokeAddress)
        defer { spoke.stop() }
        try await eventually("the evil spoke at its hub") { spoke.isConnected }
        let before = spoke.answers.count
        for round in 1...150 {
            for id in ids { spoke.say(id, isConnected: round % 2 == 0) }
            if round % 10 == 0 { try await eventually("answers") { spoke.answers.count >= before + round } }
        }
        try await eventually("all answers") { spoke.answers.count >= before + 300 }
        let said = try lines(fleet) { ($0["code"] as? String)?.hasPrefix("agentConnected") == true }
        #expect(said < 40)
        // What the agent itself says is still heard.
        for counter in UInt64(1)...2 {
            spoke.give(try evil.report(counter) { $0.attack = AttackSeen(.replay, "line \(counter)") })
        }
        try await fleet.logs("attackSeen", "client/evil", "line 2")
    }

    @Test(
        "an agent and a spoke fill the hub's log to their shares only, and with neither another's code nor a time of theirs"
    )
    func log() async throws {
        let (fleet, evil) = try await fleet()
        defer { evil.stop() }
        for counter in UInt64(1)...400 {
            _ = await evil.send(try evil.report(counter) { $0.attack = AttackSeen(.replay, "line \(counter)") })
        }
        try await fleet.logs("linesLeftOut", "client/evil")
        #expect(try lines(fleet) { $0["subject"] as? String == "client/evil" } < 200)

        fleet.stop("spoke")
        let spoke = try EvilSpoke(fleet.path("spoke"), listen: fleet.spokeAddress)
        defer { spoke.stop() }
        try await eventually("the evil spoke at its hub") { spoke.isConnected }
        let end = try UnixTime("9999-12-31T23:59:59Z")
        for number in UInt64(1)...2_000 {
            spoke.give(
                EventMessage(
                    sequence: UInt64(Int64.max) - 3_000 + number, time: end, severity: .error, code: .tokenCreated,
                    subject: "token/1", text: "a token was made"))
            if number % 100 == 0 { try await eventually("answers") { spoke.answers.count >= number - 50 } }
        }
        try await eventually("all answers") { spoke.answers.count >= 2_000 }
        let all = try fleet.json(fleet.axle("log", "--json"))
        let said = all.filter { ($0["text"] as? String)?.contains("a token was made") == true }
        #expect(said.count > 100 && said.count < 900)
        #expect(said.allSatisfy { $0["code"] as? String == "spokeEvent" && $0["subject"] as? String == "spoke/site" })
        #expect(said.allSatisfy { ($0["time"] as? String)?.hasPrefix("9999") == false })
        #expect(said.allSatisfy { ($0["peerTime"] as? String)?.hasPrefix("9999") == true })
    }
}
