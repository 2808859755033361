import Hub
import Model
import Protocol
import Rollout
import Testing

@Suite struct LinkLimitTests {
    private let rule = "20 Mbit/s 08:00-18:00 UTC, else 100 Mbit/s"

    private func limits(_ world: HubWorld, _ link: LinkID) -> [BitRate?] {
        world.effects.compactMap { if case .limit(link, let rate) = $0 { .some(rate) } else { nil } }
    }

    private func schedules(_ world: HubWorld) -> [(id: RequestID, schedule: RateSchedule)] {
        world.requests().compactMap {
            if case (_, let id, .setLimit(let body)) = $0 { (id, body.schedule) } else { nil }
        }
    }

    /// The next moment at which the clock shows this hour in UTC.
    private func next(_ hour: Int64, after now: UnixTime) -> UnixTime {
        let today = now.seconds / 86_400 * 86_400 + hour * 3600
        return UnixTime(seconds: today > now.seconds ? today : today + 86_400)
    }

    @Test func aLimitFollowsItsHoursOnALinkThatIsOpen() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        #expect(limits(world, link).isEmpty, "a link without a rule is not touched")
        world.now = next(7, after: world.now)
        try world.run(.limitSpoke(spoke, link: rule, agents: nil))
        #expect(limits(world, link) == [try BitRate("100 Mbit/s")])
        world.effects = []
        // The hub asks to be woken when the hour comes, and only then changes anything.
        let eight = next(8, after: world.now)
        world.now = eight - .milliseconds(1)
        try world.send(.woke)
        #expect(limits(world, link).isEmpty)
        #expect(world.effects.contains(.wake(at: eight)))
        world.now = eight
        try world.send(.woke)
        #expect(limits(world, link) == [try BitRate("20 Mbit/s")])
        world.effects = []
        try world.run(.limitSpoke(spoke, link: "none", agents: nil))
        #expect(limits(world, link) == [nil])
        #expect(
            try world.events(.limitSet).map(\.event.text) == [
                "the limit to s1 is \(rule)", "the limit to s1 is none",
            ])
    }

    @Test func aLimitHoldsFromTheFirstMomentOfALink() throws {
        let world = try HubWorld(.memory)
        let spoke = try world.addSpoke("s1")
        try world.run(.limitSpoke(spoke, link: "3 Mbit/s", agents: nil))
        world.effects = []
        let link = try world.connect(spoke)
        #expect(limits(world, link) == [try BitRate("3 Mbit/s")])
        world.effects = []
        try world.restart()
        let again = try world.connect(spoke)
        #expect(limits(world, again) == [try BitRate("3 Mbit/s")])
    }

    @Test func aSpokeIsToldWhatItsAgentsMayGetUntilItHasStoredIt() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        var link = try world.connect(spoke)
        #expect(schedules(world).isEmpty)
        world.answers = false
        try world.run(.limitSpoke(spoke, link: nil, agents: rule))
        var told = schedules(world)
        #expect(told.count == 1 && limits(world, link).isEmpty)
        #expect(told.first?.schedule.steps.count ?? 0 > 80, "told ahead for the offline horizon")
        // It changes while the answer is under way: the newer one is sent too.
        try world.run(.limitSpoke(spoke, link: nil, agents: "5 Mbit/s"))
        told = schedules(world)
        #expect(told.last?.schedule == RateSchedule([.init(start: world.now, rate: try BitRate("5 Mbit/s"))]))
        try world.send(.link(.reply(link, told[0].id, .ok(OK()))))
        world.effects = []
        link = try world.connect(spoke)
        let again = schedules(world)
        #expect(again.count == 1, "told again on every connection")
        try world.send(.link(.reply(link, again[0].id, .ok(OK()))))
        world.effects = []
        world.now = world.now + .seconds(86_400) - .milliseconds(1)
        try world.send(.woke)
        #expect(schedules(world).isEmpty)
        world.now = world.now + .milliseconds(1)
        try world.send(.woke)
        #expect(schedules(world).count == 1, "and every day, since the rules of a zone may change")
    }

    @Test func anOlderSpokeThatCannotHoldTheLimitIsNamedAndNotAskedAgain() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        world.answers = false
        try world.run(.limitSpoke(spoke, link: nil, agents: "5 Mbit/s"))
        let request = try #require(schedules(world).first).id
        world.effects = []
        let error = ErrorReply(code: .unsupported, text: "unknown message")
        try world.send(.link(.reply(link, request, .error(error))))
        #expect(schedules(world).isEmpty)
        #expect(try world.events(.limitSet).last?.event.severity == .warning)
    }

    @Test func whatPassesOverALinkIsAddedUpForItsSpoke() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        try world.send(.linkUsed(link, sent: 100, received: 7))
        try world.send(.linkUsed(link, sent: .max, received: 3))
        try world.send(.linkUsed(LinkID(4711), sent: 1, received: 1))
        #expect(try world.store.link(of: spoke) == LinkRecord(spoke: spoke, sent: .maximum, received: ByteCount(10)))
        // A limit that is set later does not touch the totals.
        try world.run(.limitSpoke(spoke, link: "none", agents: nil))
        #expect(try world.store.link(of: spoke)?.received == ByteCount(10))
    }

    @Test func aRuleThatCannotBeReadChangesNothing() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        world.effects = []
        for bad in ["fast", "1 Mbit/s 08:00-18:00 Mars/Olympus", ""] {
            #expect(throws: HubRefusal.self) { try world.run(.limitSpoke(spoke, link: bad, agents: nil)) }
            #expect(throws: HubRefusal.self) { try world.run(.limitSpoke(spoke, link: nil, agents: bad)) }
        }
        #expect(throws: HubRefusal.self) { try world.run(.limitSpoke(node(99), link: "none", agents: nil)) }
        #expect(try world.store.link(of: spoke) == nil)
        #expect(limits(world, link).isEmpty)
    }
}

/// Limits whose time zone changes or goes, under a hub that runs.
@Suite struct ZoneChangeTests {
    /// A zone that the test moves: seconds east of UTC, nil when tzdata is gone.
    private final class Clock: @unchecked Sendable {
        var offset: Int? = 0
    }

    private func world(_ clock: Clock) throws -> HubWorld {
        try HubWorld { (_) throws(ZoneError) in
            guard let offset = clock.offset else { throw .noDatabase(folder: "/zones") }
            return FixedZone(seconds: offset)
        }
    }

    private func limits(_ world: HubWorld) -> [BitRate?] {
        world.effects.compactMap { if case .limit(_, let rate) = $0 { .some(rate) } else { nil } }
    }

    @Test func newRulesCountWithinAnHour() throws {
        let clock = Clock()
        let world = try world(clock)
        let spoke = try world.addSpoke("s1")
        _ = try world.connect(spoke)
        world.now = UnixTime(seconds: (world.now.seconds / 86_400 + 1) * 86_400)
        try world.run(.limitSpoke(spoke, link: "20 Mbit/s 08:00-18:00 Some/Where, else 100 Mbit/s", agents: nil))
        #expect(limits(world) == [try BitRate("100 Mbit/s")])
        clock.offset = 9 * 3600
        world.effects = []
        world.now = world.now + .seconds(3600)
        try world.send(.woke)
        #expect(limits(world) == [try BitRate("20 Mbit/s")])
    }

    @Test func withoutTzdataTheLowestRateHoldsAndTheHubGoesOn() throws {
        let clock = Clock()
        let world = try world(clock)
        let spoke = try world.addSpoke("s1")
        _ = try world.connect(spoke)
        world.now = UnixTime(seconds: (world.now.seconds / 86_400 + 1) * 86_400)
        let rule = "20 Mbit/s 08:00-18:00 Some/Where, else 100 Mbit/s"
        try world.run(.limitSpoke(spoke, link: rule, agents: rule))
        clock.offset = nil
        world.effects = []
        for _ in 0..<3 {
            world.now = world.now + .seconds(3600)
            try world.send(.woke)
        }
        #expect(limits(world) == [try BitRate("20 Mbit/s")])
        let said = try world.events(.limitSet).filter { $0.event.severity == .error }
        #expect(said.count == 1 && said[0].event.text.contains("tzdata"))
        // A new rule is refused, and says why.
        #expect(throws: HubRefusal.self) {
            try world.run(.limitSpoke(spoke, link: "1 Mbit/s 08:00-09:00 Some/Where", agents: nil))
        }
        clock.offset = 0
        world.effects = []
        world.now = world.now + .seconds(3600)
        try world.send(.woke)
        #expect(limits(world) == [try BitRate("100 Mbit/s")])
    }
}
