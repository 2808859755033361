import Foundation
import Hub
import Model
import Protocol
import Rollout
import Testing

/// What `axle status` names: everything that needs a person.
@Suite struct HubWarningTests {
    private func summary(_ world: HubWorld, after seconds: Int64 = 0) throws -> HubSummary {
        try HubQueries(store: world.store, zones: ZoneFolder.find).summary(at: world.now + .seconds(seconds))
    }

    private func codes(_ world: HubWorld, after seconds: Int64 = 0) throws -> [WarningCode] {
        try summary(world, after: seconds).warnings.map(\.code)
    }

    /// A fleet in which all is well: the catalog is good for a month and every disk has space.
    private func well(
        _ kind: StoreKind = .memory, agents: Int = 1, alter: (inout RolloutSpecification) -> Void = { _ in }
    ) throws -> (HubWorld, LinkID, NodeID, [HubWorld.Agent], Package, RolloutID) {
        let world = try HubWorld(kind)
        let (link, spoke, members, package, rollout) = try world.running(agents: agents, alter: alter)
        var catalog = try #require(try world.store.catalog())
        catalog.expires = world.now + .seconds(30 * 86_400)
        try world.store.setCatalog(catalog)
        return (world, link, spoke, members, package, rollout)
    }

    @Test(arguments: StoreKind.allCases) func aFleetInWhichAllIsWellHasNoWarning(kind: StoreKind) throws {
        let (world, _, _, _, _, _) = try well(kind)
        let summary = try summary(world)
        #expect(summary.warnings == [])
        #expect(summary.spokes == 1 && summary.spokesConnected == 1 && summary.clients == 1)
        #expect(summary.packages == [.imported: 1] && summary.rollouts == [.running: 1])
    }

    @Test(arguments: StoreKind.allCases) func everySourceOfTroubleIsNamed(kind: StoreKind) throws {
        let (world, link, spoke, _, package, _) = try well(kind)
        var pool = PoolRecord(
            node: spoke, name: try name("main"), quota: ByteCount(1_000_000), used: ByteCount(960_000),
            freeOnDisk: ByteCount(12_000_000), reported: world.now)
        try world.store.putPool(pool)
        var warnings = try summary(world).warnings
        #expect(warnings.map(\.code) == [.diskLow, .poolFull])
        #expect(warnings.first?.text.contains("s1/main has 12 MB free") == true)
        pool.problem = "/b is gone"
        try world.store.putPool(pool)
        #expect(try codes(world) == [.poolUnavailable])
        try world.store.removePool(node: spoke, name: pool.name)

        let full = Replica(
            path: package.path, sha256: package.sha256, state: .pending, bytesHeld: 0, text: "no space", lacking: 500)
        #expect(try world.ask(link, .replica(full)) == .ok(OK()))
        warnings = try summary(world).warnings
        #expect(warnings.map(\.code) == [.spokeLacksSpace] && warnings.first?.text.contains("s1 lacks 500 B") == true)
        try world.verified(package, link)
        #expect(try codes(world) == [])

        var standing = StandingRecord(
            node: spoke, anchors: 0, heard: world.now, clockError: -400_000, root: [], expires: at(90 * 86_400))
        try world.store.putStanding(standing)
        #expect(try summary(world).warnings.map(\.text) == ["wrong clocks: spoke/s1 (400 s behind)"])
        (standing.clockError, standing.expires) = (0, at(86_400))
        try world.store.putStanding(standing)
        #expect(try codes(world) == [.certificateExpiring])
        standing.expires = at(365 * 86_400)
        try world.store.putStanding(standing)

        var catalog = try #require(try world.store.catalog())
        (catalog.error, catalog.expires) = ("answers 404", at(100))
        try world.store.setCatalog(catalog)
        #expect(try codes(world) == [.catalogFailed, .catalogExpiring])
        #expect(try codes(world, after: 100) == [.catalogFailed, .catalogExpired])
        (catalog.error, catalog.expires) = (nil, at(400 * 86_400))
        try world.store.setCatalog(catalog)

        try world.send(.link(.closed(link, .init(code: .timedOut, text: "silence"))))
        #expect(try codes(world) == [.spokeOffline])
        #expect(
            try codes(world, after: 86_401)
                == [.rolloutStalled, .spokeOffline, .clientsSilent])
        #expect(try codes(world, after: 31 * 86_400).contains(.siteExpiring))
        try world.run(.members(.revokeSpoke(spoke)))
        warnings = try summary(world).warnings.filter { $0.code == .parentRevoked }
        #expect(warnings.map(\.text) == ["1 machine is behind revoked spokes: s1 (1)"])
    }

    @Test(arguments: StoreKind.allCases) func rolloutsThatNeedAPersonAreNamed(kind: StoreKind) throws {
        var (world, link, _, agents, _, rollout) = try well(kind, agents: 2) {
            $0.waves = [.init(size: .count(1)), .init(size: .rest)]
        }
        let actions = try world.actions(rollout)
        #expect(try world.report(&agents[0], link, action: actions[0].id, state: .rolledBack) == .ok(OK()))
        var warnings = try summary(world).warnings
        #expect(
            warnings.map(\.code) == [.rolloutPaused] && warnings.first?.text.contains("rollout first is paused") == true
        )
        try world.run(.rollouts(.resume(rollout)))
        #expect(try world.report(&agents[1], link, action: actions[1].id, state: .installing) == .ok(OK()))
        let begun = world.now
        world.now = world.now + HubLimits.longestRun
        try world.send(.woke)
        warnings = try summary(world).warnings
        #expect(warnings.map(\.code) == [.rolloutFailed, .actionsUncertain])
        #expect(warnings.first?.text == "rollout first is failed: succeeded 0, failed 1, uncertain 1")
        #expect(warnings.last?.text.contains("a1 ruff:1.0") == true)
        // It is named for a week, or until a later rollout of the product goes well.
        world.now = begun
        let made = try world.create(try sampleSpecification(name: "second"))
        try world.run(.rollouts(.start(made.id)))
        for (index, action) in try world.actions(made.id).enumerated() {
            #expect(try world.report(&agents[index], link, action: action.id, state: .succeeded) == .ok(OK()))
        }
        world.now = begun + HubLimits.longestRun + .seconds(1)
        #expect(try world.state(made.id) == .completed)
        #expect(try !codes(world).contains(.rolloutFailed))
    }

    @Test(arguments: StoreKind.allCases) func nothingIsExpectedOfAMachineThatIsRevokedOrRemoved(kind: StoreKind) throws
    {
        var (world, link, _, agents, _, rollout) = try well(kind, agents: 2)
        for (index, action) in try world.actions(rollout).enumerated() {
            #expect(try world.report(&agents[index], link, action: action.id, state: .installing) == .ok(OK()))
        }
        world.now = world.now + HubLimits.longestRun
        try world.send(.woke)
        #expect(try summary(world).warnings.first { $0.code == .actionsUncertain }?.count == 2)
        try world.run(.members(.revokeClient(agents[0].id)))
        let left = try summary(world).warnings.first { $0.code == .actionsUncertain }
        #expect(left?.count == 1 && left?.examples == ["a1 ruff:1.0"])
        try world.run(.members(.revokeClient(agents[1].id)))
        #expect(try !codes(world).contains(.actionsUncertain))
        try world.run(.members(.removeClient(agents[1].id)))
        #expect(try !codes(world).contains(.actionsUncertain))
    }

    @Test func aWarningNamesAFewAndCountsAll() throws {
        let (world, _, _, _, _, _) = try well(agents: 9)
        let silent = try summary(world, after: 86_401).warnings.first { $0.code == .clientsSilent }
        #expect(silent?.count == 9 && silent?.examples.count == HubLimits.warningExamples)
        #expect(silent?.text.hasSuffix("a0, a1, a2, a3, a4 and 4 more") == true, "\(silent?.text ?? "")")
    }

    @Test func theTableOfTheDocumentationIsThatOfTheCode() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/status.md"), encoding: .utf8)
        func rows(_ title: String) -> [[String]] {
            let part = text.components(separatedBy: "## \(title)\n").dropFirst().first ?? ""
            let lines = (part.components(separatedBy: "\n## ").first ?? "").split(separator: "\n")
            return lines.filter { $0.hasPrefix("| `") }.map { line in
                line.split(separator: "|").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `")) }
            }
        }
        #expect(
            rows("Warnings")
                == WarningCode.allCases.map {
                    [$0.rawValue, $0.isNotice ? "notice" : "warning", $0.meaning, $0.next]
                })
        #expect(rows("Reasons") == ReasonCode.all.map { [$0.rawValue, $0.meaning, $0.next] })
        #expect(rows("What is waited for") == NoteCode.waits.map { [$0.rawValue, $0.meaning, $0.next] })
        #expect(rows("Why a rollout pauses") == PauseCause.allCases.map { [$0.rawValue, $0.meaning] })
    }
}
