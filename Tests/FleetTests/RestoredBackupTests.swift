import Model
import System
import TestSupport
import Testing

/// Yesterday's backup of a state folder is put back; everybody else has gone on meanwhile.
@Suite("Restored backups", .serialized)
struct RestoredBackupTests {
    private func copy(_ fleet: RealFleet, _ from: String, _ to: String) throws {
        try Program.run("rm", ["-rf", fleet.path(to)])
        try Program.run("cp", ["-a", fleet.path(from), fleet.path(to)])
    }

    /// Starts it and waits until it answers.
    private func startHub(_ fleet: RealFleet) async throws {
        try fleet.startHub()
        try await eventually("the hub is back") { (try? fleet.axle("token", "list")) != nil }
    }

    @Test(
        "a restored hub begins an epoch, hears what it missed and completes a rollout; so does one with a restored spoke"
    )
    func hubAndSpoke() async throws {
        let fleet = try RealFleet()
        try await fleet.begin(agents: [("box", "{}"), ("other", "{}")])
        _ = try await fleet.publish("1.0", counter: 1)
        try await fleet.succeeds(try fleet.rollOut("1.0", to: ["box", "other"]), ["box", "other"])

        // The hub.
        fleet.stop("hub")
        try copy(fleet, "hub", "backup")
        try await startHub(fleet)
        _ = try await fleet.publish("2.0", counter: 2)
        try await fleet.succeeds(try fleet.rollOut("2.0", to: ["box", "other"]), ["box", "other"])
        fleet.kill("hub")
        try copy(fleet, "backup", "hub")
        try await startHub(fleet)
        try await fleet.logs("hubRestored", "epoch 2 begins")
        try await fleet.isHeld("2.0")
        _ = try await fleet.publish("3.0", counter: 3)
        try await fleet.succeeds(try fleet.rollOut("3.0", to: ["box", "other"]), ["box", "other"])
        try await fleet.logs("reportGap", "client/box")
        try await fleet.logs("agentRestored", "client/box", "says everything anew, as it was asked to")

        // The spoke: of two orders that it acknowledged one has reached its agent, the other only the lost future.
        fleet.stop("spoke")
        try copy(fleet, "spoke", "backup")
        fleet.kill("other")
        try fleet.startSpoke()
        _ = try await fleet.publish("4.0", counter: 4)
        let rollout = try fleet.rollOut("4.0", to: ["box", "other"])
        try await eventually("box done, other offered: \(try fleet.states(rollout))") {
            try fleet.states(rollout) == ["box": "succeeded", "other": "offered"]
        }
        fleet.kill("spoke")
        try copy(fleet, "backup", "spoke")
        // The agent asks at once; the order waits until the spoke has the newer catalog and the package again.
        try fleet.start("other", "axle-agent", ["run", "--state", fleet.path("other")])
        try fleet.startSpoke()
        try await fleet.logs("spokeRestored", "spoke/site", "sent again")
        try await fleet.succeeds(rollout, ["box", "other"])
        #expect(try fleet.says("box") == "tool 4.0" && fleet.says("other") == "tool 4.0")
    }
}
