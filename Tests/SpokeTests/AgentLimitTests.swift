import Model
import Protocol
import Spoke
import Testing

@Suite struct AgentLimitTests {
    private func limits(_ bench: SpokeBench) -> [BitRate?] {
        bench.effects.compactMap { if case .limitAgents(let rate) = $0 { .some(rate) } else { nil } }
    }

    @Test func theHubsScheduleIsFollowedWithoutTheHubAndOverRestarts() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        #expect(limits(bench).isEmpty)
        let rate = try BitRate("20 Mbit/s")
        let later = bench.now + .seconds(3600)
        let schedule = RateSchedule([.init(start: bench.now, rate: rate), .init(start: later, rate: nil)])
        #expect(try bench.ask(SpokeBench.hub, .setLimit(SetLimit(schedule: schedule))) == .ok(OK()))
        #expect(limits(bench) == [rate])
        try bench.tell(.woke)
        #expect(limits(bench).isEmpty, "told once")
        try bench.restart()
        #expect(limits(bench) == [rate])
        #expect(bench.wakeTime() ?? .distantFuture <= later)
        bench.now = later
        try bench.tell(.woke)
        #expect(limits(bench) == [nil])
        bench.now = later + .seconds(86_400)
        try bench.restart()
        #expect(limits(bench) == [nil])
    }

    @Test func onlyTheHubSetsALimit() throws {
        var bench = try SpokeBench()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        let schedule = RateSchedule([.init(start: bench.now, rate: try BitRate("8 kbit/s"))])
        let answer = try bench.ask(SpokeBench.agentLink, .setLimit(SetLimit(schedule: schedule)))
        guard case .error? = answer else { return #expect(Bool(false), "\(String(describing: answer))") }
        #expect(limits(bench).isEmpty)
    }
}
