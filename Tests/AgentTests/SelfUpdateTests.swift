import Agent
import Model
import Testing
import Trust

/// The agent as a package of its own, through the core: trial, confirmation, and every way back.
@Suite("Self-update")
struct SelfUpdateTests {
    let world: AgentWorld
    let package: Package
    let old: ReleaseName
    let new: ReleaseName

    init() throws {
        world = try AgentWorld()
        package = try Sample.package([1], product: "axle-agent", release: "2.0", counter: 2)
        old = try ReleaseName("1.0")
        new = package.path.release
        world.facts.installed = [
            InstalledPackage(
                product: package.path.product, release: old, line: package.metadata.line, counter: 1)
        ]
        world.start.runningRelease = old
        try world.boot()
        try world.connect()
        try world.send(try world.order(package), package: package)
    }

    @Test(
        "it asks to be restarted after the switch, and says success only when a report was acknowledged under the new release"
    )
    func success() throws {
        #expect(world.restarts == 1)
        #expect(world.states().last == .restarting)
        world.start = AgentStart(runningRelease: new, isOnTrial: true, bootID: "boot-1")
        try world.boot()
        #expect(world.performed.last == .verify)
        #expect(world.states().last == .restarting)
        #expect(world.trialsConfirmed == 0)
        try world.connect()
        #expect(world.trialsConfirmed == 1)
        #expect(Array(world.states().suffix(2)) == [.verifying, .succeeded])
    }

    @Test("killed between the journal and the end of the process, it is the new release that starts, and goes on")
    func killedBeforeExit() throws {
        world.start = AgentStart(runningRelease: new, isOnTrial: true, bootID: "boot-1")
        try world.boot()
        try world.boot()
        try world.connect()
        #expect(world.states().last == .succeeded)
    }

    @Test("put back by the supervisor, the old release goes the whole way back and says why")
    func putBack() throws {
        world.start = AgentStart(runningRelease: old, trialFailure: "it died 3 times", bootID: "boot-1")
        try world.boot()
        try world.connect()
        #expect(Array(world.states().suffix(2)) == [.rollingBack, .rolledBack])
        #expect(Array(world.performed.suffix(3)) == [.deactivate, .recover, .discard])
        #expect(world.lastReport()?.detail.contains("it died 3 times") == true)
        #expect(try world.store.rejected().map(\.release) == [new])
        #expect(world.restarts == 1)
    }

    @Test("put back while it waited for its first acknowledgement")
    func putBackWhileVerifying() throws {
        world.start = AgentStart(runningRelease: new, isOnTrial: true, bootID: "boot-1")
        try world.boot()
        world.start = AgentStart(runningRelease: old, trialFailure: "it did not report in time", bootID: "boot-1")
        try world.boot()
        try world.connect()
        #expect(world.states().last == .rolledBack)
    }

    @Test("a sick new release puts itself back by another restart")
    func sick() throws {
        world.perform = { $0.step == .verify ? .failed(.healthFailed, "sick") : .done }
        world.start = AgentStart(runningRelease: new, isOnTrial: true, bootID: "boot-1")
        try world.boot()
        #expect(world.restarts == 2)
        #expect(world.performed.last == .deactivate)
        world.start = AgentStart(runningRelease: old, bootID: "boot-1")
        try world.boot()
        try world.connect()
        #expect(world.states().last == .rolledBack)
    }

    @Test("a release before that does not come up either is told, and nothing goes in circles")
    func nothingComesUp() throws {
        world.perform = { $0.step == .verify ? .failed(.healthFailed, "sick") : .done }
        world.start = AgentStart(runningRelease: new, isOnTrial: true, bootID: "boot-1")
        try world.boot()
        try world.boot()
        try world.connect()
        #expect(world.states().last == .rollbackFailed)
        #expect(world.restarts == 2)
    }
}
