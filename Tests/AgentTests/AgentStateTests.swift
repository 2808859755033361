import Agent
import Model
import Protocol
import Rollout
import Testing
import Trust

/// Every state of an action against everything that can happen, whether it fits or not.
@Suite("Agent core, state by event")
struct AgentStateTests {
    static let states: [ActionState] = [
        .offered, .downloading, .waitingForWindow, .installing, .restarting, .verifying, .rollingBack, .succeeded,
        .failed,
        .refused, .cancelled, .rolledBack, .rollbackFailed,
    ]

    enum Happening: String, CaseIterable {
        case cancelOrder, sameOrder, renewedOrder, downloadComplete, downloadMismatch, downloadFailed, downloadNotYet,
            stepsDone,
            stepsFailed,
            stepsRetry, targetAbsent, targetUntrusted, targetUnavailable, strayFacts, linkClosed, linkOpened, wake,
            boot,
            bootElsewhere
    }

    /// A world in which the action has come to the state and waits there.
    private func world(in state: ActionState) throws -> (AgentWorld, Package, Order) {
        let world = try AgentWorld()
        let restart: RestartNeed = state == .restarting ? .machine : .none
        let package = try Sample.package([1], install: InstallSteps(restart: restart))
        try world.boot()
        try world.connect()
        var windows: [TimeSpan] = []
        var lead: UInt32 = 0
        switch state {
        case .offered, .waitingForWindow:
            windows = [try TimeSpan(start: world.now + .seconds(1000), end: world.now + .seconds(2000))]
            lead = state == .offered ? 0 : 5000
        case .downloading: world.download = { _ in nil }
        case .installing: world.perform = { _ in nil }
        case .verifying: world.perform = { $0.step == .verify ? nil : .done }
        case .rollingBack:
            world.perform = { $0.step == .verify ? .failed(.healthFailed, "") : $0.step == .deactivate ? nil : .done }
        case .failed: world.perform = { $0.step == .stage ? .failed(.io, "") : .done }
        case .refused: world.facts.autodeploy = .no
        case .rolledBack: world.perform = { $0.step == .verify ? .failed(.healthFailed, "") : .done }
        case .rollbackFailed:
            world.perform = { [.verify, .recover].contains($0.step) ? .failed(.healthFailed, "") : .done }
        default: break
        }
        let order = try world.order(package, windows: windows, lead: lead)
        if state == .cancelled { try world.send(try world.order(package, kind: .cancel, sequence: 0)) }
        try world.send(order, package: package)
        if state == .rollbackFailed { try world.pass(.seconds(100)) }
        #expect(world.states().last == state)
        return (world, package, order)
    }

    private func make(_ happening: Happening, _ world: AgentWorld, _ package: Package, _ order: Order) throws {
        let action = Sample.action()
        switch happening {
        case .cancelOrder: try world.send(try world.order(package, kind: .cancel))
        case .sameOrder: try world.send(order)
        case .renewedOrder: try world.send(try world.order(package))
        case .downloadComplete: try world.feed(.downloaded(action, .complete))
        case .downloadMismatch: try world.feed(.downloaded(action, .mismatch))
        case .downloadFailed: try world.feed(.downloaded(action, .failed("x")))
        case .downloadNotYet: try world.feed(.downloaded(action, .notYet("x", askAgain: .seconds(5))))
        case .stepsDone: for step in InstallStep.allCases { try world.feed(.performed(action, step, .done)) }
        case .stepsFailed:
            for step in InstallStep.allCases { try world.feed(.performed(action, step, .failed(.io, "x"))) }
        case .stepsRetry:
            for step in InstallStep.allCases { try world.feed(.performed(action, step, .retryLater("x"))) }
        case .targetAbsent: try world.feed(.targetChecked(action, .absent))
        case .targetUntrusted: try world.feed(.targetChecked(action, .untrusted("x", attack: .badMetadata)))
        case .targetUnavailable: try world.feed(.targetChecked(action, .unavailable("x")))
        case .strayFacts: try world.feed(.facts(.action(action), world.facts))
        case .linkClosed: try world.disconnect()
        case .linkOpened: try world.connect()
        case .wake: try world.feed(.wake)
        case .boot: try world.boot()
        case .bootElsewhere:
            world.start.bootID = "boot-2"
            try world.boot()
        }
        if world.link == nil { try world.connect() }
    }

    @Test(
        "nothing that happens makes a transition that the table does not have, and what is over stays over",
        arguments: states)
    func everyPair(state: ActionState) throws {
        for happening in Happening.allCases {
            let (world, package, order) = try world(in: state)
            let before = world.states()
            try make(happening, world, package, order)
            let after = world.states()
            #expect(after.starts(with: before), "\(state) \(happening)")
            for (from, to) in zip(after, after.dropFirst()) {
                #expect(
                    AgentActionEvent.allCases.contains { AgentActionMachine.next(from, $0) == to },
                    "\(happening): \(from) to \(to)")
            }
            if state.isFinal { #expect(after == before, "\(state) \(happening)") }
            let stored = try #require(try world.store.action(Sample.action()))
            #expect(stored.state == after.last, "\(state) \(happening)")
            // A cancel is obeyed until the install has begun, and not after.
            if happening == .cancelOrder, !state.isFinal {
                #expect((after.last == .cancelled) == [.offered, .downloading, .waitingForWindow].contains(state))
            }
            #expect(try world.store.queuedReports(limit: 9).isEmpty, "\(state) \(happening)")
        }
    }
}
