import Agent
import Identity
import Model
import Protocol
import Rollout
import Testing
import Trust

/// A digester to which all bytes are the same.
private struct ConstantDigester: Digester {
    func sha256(_ bytes: [UInt8]) -> [UInt8] { [UInt8](repeating: 0, count: 32) }
    func sha512(_ bytes: [UInt8]) -> [UInt8] { [UInt8](repeating: 0, count: 64) }
}

@Suite("Agent core")
struct AgentCoreTests {
    let world: AgentWorld
    let package: Package

    init() throws {
        world = try AgentWorld()
        package = try Sample.package([1, 2, 3])
        try world.boot()
        try world.connect()
    }

    @Test(
        "kept metadata that does not name the package, or is of two states, is no refusal: the refresh that brings newer may have broken off",
        arguments: [TargetCheck.absent, .untrusted("tool: lengthMismatch", attack: .badMetadata)])
    func keptMetadataSaysNoNo(check: TargetCheck) throws {
        let order = try world.order(package)
        world.targets[package.path] = check.outOfKeptMetadata
        try world.send(order)
        #expect(world.states() == [.offered])
        world.name(package)
        try world.pass(.seconds(10))
        #expect(world.states().last == .succeeded)
    }

    @Test("an order is obeyed from offer to success, each state reported once, in order")
    func wholeWay() throws {
        #expect(try world.send(try world.order(package), package: package) == .ok(OK()))
        #expect(
            world.states() == [.offered, .downloading, .downloaded, .installing, .verifying, .succeeded])
        #expect(world.performed == [.enter, .stage, .place, .activate, .verify, .commit])
        #expect(world.lastReport()?.installed?.map(\.sha256) == [package.sha256])
        let counters = world.reports.map(\.counter)
        #expect(counters == Array(1...UInt64(counters.count)))
        #expect(try world.store.queuedReports(limit: 9).isEmpty)
    }

    @Test("packages of the same bytes share their files: the first install leaves them to the second")
    func sameBytes() throws {
        let other = try Sample.package([1, 2, 3], product: "other")
        #expect(other.sha256 == package.sha256)
        var shared: [String: Bool] = [:]
        world.perform = { job in
            if job.step == .commit { shared[job.package.path.product.text] = job.sharesFiles }
            return .done
        }
        // The second is downloaded and waits for its window while the first is installed.
        let start = world.now + .seconds(3600)
        let window = try TimeSpan(start: start, end: start + .seconds(3600))
        try world.send(try world.order(other, action: Sample.action(2), windows: [window]), package: other)
        try world.send(try world.order(package), package: package)
        #expect(world.states().last == .succeeded)
        #expect(shared == ["tool": true])
        try world.pass(.seconds(4000))
        #expect(world.states(Sample.action(2)).last == .succeeded)
        #expect(shared == ["tool": true, "other": false])
    }

    @Test("what is left alone for a newer release is said to the hub at the start, and of no action")
    func leftAlone() throws {
        world.start = AgentStart(bootID: "boot-1", leftAlone: ["action 7 is left alone", "action 8 is left alone"])
        try world.boot()
        try world.connect()
        let said = world.reports.filter { !$0.notes.isEmpty }
        #expect(said.count == 1 && said[0].action == nil)
        #expect(said.first?.notes.map(\.code) == [.storeNewer, .storeNewer])
        #expect(said.first?.notes.map(\.text) == world.start.leftAlone)
    }

    @Test("facts are reported on connect when they are new or changed, not otherwise")
    func factsReports() throws {
        #expect(world.reports.compactMap(\.facts).count == 1)
        try world.disconnect()
        try world.connect()
        #expect(world.reports.compactMap(\.facts).count == 1)
        world.facts.autodeploy = .no
        try world.disconnect()
        try world.connect()
        #expect(world.reports.compactMap(\.facts).map(\.autodeploy) == [.yes, .no])
        world.facts.freeSpace = ByteCount(1)
        try world.disconnect()
        try world.connect()
        #expect(world.reports.compactMap(\.facts).count == 2)
    }

    @Test("a refusal names every reason at once")
    func everyReason() throws {
        world.facts.autodeploy = .no
        world.facts.userlandBits = 32
        world.facts.freeSpace = .zero
        world.facts.identityChanged = true
        let wide = try Sample.package([1], platform: try Platform("linux-x86_64-glibc"))
        try world.send(try world.order(wide), package: wide)
        #expect(world.states() == [.offered, .refused])
        #expect(world.reasons() == [.os32Bit, .autodeployNo, .diskSpace, .identityChanged])
        #expect(world.downloads == 0)
    }

    @Test("notes are told and hinder nothing")
    func notes() throws {
        world.facts.programBits = 32
        try world.send(try world.order(package), package: package)
        #expect(world.states().last == .succeeded)
        #expect(world.reports.flatMap(\.notes).contains { $0.code == .client32BitOn64BitOS })
    }

    // MARK: Orders that are not obeyed

    @Test("an order for another agent or another fleet is refused and reported")
    func foreignOrder() throws {
        let other = try world.order(package) { $0.agent = NodeID(high: 7, low: 7) }
        guard case .error(let reply) = try world.send(other, package: package) else {
            Issue.record("not refused")
            return
        }
        #expect(reply.code == .refused)
        #expect(try world.store.openActions().isEmpty)
        #expect(world.reports.compactMap(\.attack).count == 1)
        let elsewhere = try FleetName("other")
        let foreign = try world.order(package) { $0.fleet = elsewhere }
        guard case .error = try world.send(foreign, package: package) else {
            Issue.record("not refused")
            return
        }
        #expect(world.states().isEmpty)
        #expect(world.reports.compactMap(\.attack).count == 1, "one report a link")
    }

    @Test("an order that has expired is refused with its reason")
    func expiredOrder() throws {
        let order = try world.order(package, expires: .seconds(10))
        world.now = world.now + .seconds(10)
        try world.send(order, package: package)
        #expect(world.states() == [.refused])
        #expect(world.reasons() == [.orderExpired])
    }

    @Test("an order repeated is one order")
    func repeatedOrder() throws {
        let order = try world.order(package)
        for _ in 0..<3 { #expect(try world.send(order, package: package) == .ok(OK())) }
        #expect(world.performed.filter { $0 == .activate }.count == 1)
        #expect(world.reports.filter { $0.state == .offered }.count == 1)
    }

    @Test("an order that is not above the highest one is refused by name, and the newest order is shown once on a link")
    func replayedOrder() throws {
        let old = try world.order(package, action: Sample.action(1))
        let back = try world.order(package, action: Sample.action(3), kind: .rollback)
        let new = try Sample.package([4], release: "2.0", counter: 2)
        try world.send(try world.order(new, action: Sample.action(2)), package: new)
        #expect(world.states(Sample.action(2)).last == .succeeded)
        for order in [old, back, old] {
            guard case .error(let reply) = try world.send(order, package: package) else {
                Issue.record("not refused")
                continue
            }
            #expect(reply.code == .refused && reply.text.contains("1.3 was obeyed before"))
        }
        #expect(world.states(Sample.action(1)).isEmpty && world.states(Sample.action(3)).isEmpty)
        #expect(try world.store.installed().map(\.release.text) == ["2.0"])
        let attacks = world.reports.filter { $0.attack != nil }
        #expect(attacks.map(\.attack?.code) == [.replay])
        let shown = try #require(attacks.first?.newestOrder)
        #expect(try Order.readUnverified(shown).sequence == OrderSequence(epoch: 1, number: 3))
        try world.disconnect()
        try world.connect()
        try world.send(old, package: package)
        #expect(world.reports.filter { $0.attack != nil }.count == 2)
    }

    @Test("an order of a higher epoch is obeyed although its number is lower, and none of the epoch before after it")
    func newEpoch() throws {
        let first = try world.order(package, action: Sample.action(1), sequence: 50)
        try world.send(first, package: package)
        let new = try Sample.package([4], release: "2.0", counter: 2)
        let second = try world.order(new, action: Sample.action(2), sequence: 3) { $0.sequence.epoch = 2 }
        #expect(try world.send(second, package: new) == .ok(OK()))
        #expect(world.states(Sample.action(2)).last == .succeeded)
        let late = try world.order(new, action: Sample.action(3), sequence: 51)
        guard case .error = try world.send(late, package: new) else {
            Issue.record("not refused")
            return
        }
    }

    @Test(
        "an order for a known action, with a higher sequence, is answered with where the action is and installs nothing twice"
    )
    func orderedAgain() throws {
        try world.send(try world.order(package), package: package)
        let before = world.reports.count
        #expect(try world.send(try world.order(package), package: package) == .ok(OK()))
        #expect(world.reports[before...].filter { $0.action == Sample.action() }.map(\.state) == [.succeeded])
        #expect(world.performed.filter { $0 == .activate }.count == 1)
    }

    @Test("asked to say everything anew, it begins an incarnation and repeats facts and actions")
    func saysAnew() throws {
        try world.send(try world.order(package), package: package)
        let before = world.reports.count
        let old = try #require(world.reports.last)
        let anew = try world.order(package, action: Sample.action(9)) {
            $0.kind = .reportAnew
            $0.target = nil
        }
        let signed = try world.keys.sign(anew)
        #expect(try world.send(anew, signed: signed) == .ok(OK()))
        let said = world.reports[before...]
        #expect(said.allSatisfy { $0.incarnation != old.incarnation })
        #expect(said.map(\.counter) == Array(1...UInt64(said.count)))
        #expect(said.contains { $0.action == Sample.action() && $0.state == .succeeded })
        #expect(said.contains { $0.facts != nil })
        // Played again it has no effect.
        #expect(try world.send(anew, signed: signed) == .ok(OK()))
        #expect(world.reports.count == before + said.count)
    }

    @Test("an agent that has nothing to say says so every six hours")
    func heartbeat() throws {
        try world.pass(.seconds(60))
        let before = world.reports.count
        try world.pass(.seconds(5 * 3600))
        #expect(world.reports.count == before)
        try world.pass(.seconds(2 * 3600))
        #expect(world.reports.count == before + 1)
        #expect(world.reports.last?.facts != nil)
    }

    /// Approves an order alone.
    private func approve(_ order: inout Order, by keys: TestKeys, until expires: UnixTime) throws {
        let target = try #require(order.target)
        let action = ApprovedAction(agent: order.agent, action: order.action, target: target)
        let tree = try #require(ApprovalTree([action], OpenSSLDigester()))
        let approval = Approval(
            fleet: order.fleet, rollout: order.rollout, kind: .install, product: target.path.product,
            release: target.path.release, actions: try tree.root, count: 1, windows: [], restartAllowed: true,
            issued: order.issued, expires: expires)
        order.approval = OrderApproval(signed: try keys.sign(approval), proof: try #require(tree.proof(at: 0)))
    }

    @Test("an operator's approval is checked by the digester that the core was given")
    func givenDigester() throws {
        let operators = try TestKeys()
        let policy = OperatorPolicy(keys: [operators.orderKey], isRequired: true)
        let world = try AgentWorld(operators: policy, digester: ConstantDigester())
        try world.boot()
        try world.connect()
        var order = try world.order(package)
        try approve(&order, by: operators, until: world.now + .seconds(100))
        try world.send(order, package: package)
        #expect(world.states() == [.offered, .refused])
        #expect(world.lastReport()?.attack?.code == .notApproved)
    }

    @Test("a machine that asks for an operator's signature obeys no order without one, and names it")
    func operatorSignature() throws {
        let operators = try TestKeys()
        let world = try AgentWorld(operators: OperatorPolicy(keys: [operators.orderKey], isRequired: true))
        try world.boot()
        try world.connect()
        try world.send(try world.order(package, action: Sample.action(1)), package: package)
        #expect(world.states(Sample.action(1)) == [.offered, .refused])
        #expect(world.lastReport(Sample.action(1))?.attack?.code == .notApproved)
        var forged = try world.order(package, action: Sample.action(2))
        try approve(&forged, by: world.keys, until: world.now + .seconds(100))
        try world.send(forged, package: package)
        #expect(world.states(Sample.action(2)) == [.offered, .refused])
        var good = try world.order(package, action: Sample.action(3))
        try approve(&good, by: operators, until: world.now + .seconds(100))
        try world.send(good, package: package)
        #expect(world.states(Sample.action(3)).last == .succeeded)
    }

    @Test("an order with a wrong signature, of another kind of record, or changed on the way is refused and reported")
    func badSignatures() throws {
        let order = try world.order(package)
        let good = try world.keys.sign(order)
        let elsewhere = try TestKeys().sign(order)
        var changed = good
        changed[changed.count / 2] ^= 1
        let report = try world.keys.report(order.agent)
        for signed in [elsewhere, changed, report, [], [0xFF], Array(good.dropLast())] {
            guard case .error(let reply) = try world.send(order, package: package, signed: signed) else {
                Issue.record("not refused")
                continue
            }
            #expect(reply.code == .refused)
        }
        #expect(try world.store.openActions().isEmpty)
        #expect(world.reports.compactMap(\.attack).map(\.code) == [.badSignature])
        #expect(world.performed.isEmpty)
    }

    @Test("a hub that trusts another catalog root is not followed")
    func otherRoot() throws {
        let digest = try SHA256Digest(bytes: [UInt8](repeating: 7, count: 32))
        try world.send(try world.order(package) { $0.catalogRoot = digest }, package: package)
        #expect(world.reasons() == [.trustFailed])
        #expect(world.lastReport()?.attack?.code == .otherRoot)
    }

    @Test("the order and the signed targets must name the same bytes, line and counter")
    func mixAndMatch() throws {
        let digest = try SHA256Digest(bytes: [UInt8](repeating: 7, count: 32))
        let line = try LineName("other")
        let edits: [(inout Order) -> Void] = [
            { $0.target?.sha256 = digest }, { $0.target?.length += 1 }, { $0.target?.counter += 1 },
            { $0.target?.line = line },
        ]
        for (index, edit) in edits.enumerated() {
            let action = Sample.action(UInt64(index))
            try world.send(try world.order(package, action: action, edit: edit), package: package)
            #expect(world.states(action) == [.offered, .refused])
            #expect(world.reasons(action) == [.trustFailed])
        }
        #expect(world.downloads == 0)
    }

    @Test("what the targets do not name, or name untrustworthily, is refused")
    func notInTargets() throws {
        try world.send(try world.order(package, action: Sample.action(1)))
        #expect(world.reasons(Sample.action(1)) == [.trustFailed])
        world.targets[package.path] = .untrusted("rolled back", attack: .rollback)
        try world.send(try world.order(package, action: Sample.action(2)))
        #expect(world.reasons(Sample.action(2)) == [.trustFailed])
        #expect(world.lastReport(Sample.action(2))?.attack?.code == .rollback)
    }

    @Test("metadata that fell below a version that was trusted is refused, whatever is on the disk")
    func metadataRollback() throws {
        try world.store.transaction { try world.store.raiseTrustedVersion("snapshot", 5) }
        try world.send(try world.order(package), package: package)
        #expect(world.reasons() == [.trustFailed])
    }

    @Test("a lower counter is installed by a rollback order only")
    func lowerCounter() throws {
        let high = try Sample.package([4], release: "2.0", counter: 2)
        try world.send(try world.order(high, action: Sample.action(1)), package: high)
        // Even when nothing is installed any more.
        world.facts.installed = []
        try world.send(try world.order(package, action: Sample.action(2)), package: package)
        #expect(world.states(Sample.action(2)) == [.offered, .refused])
        world.facts.installed = [
            InstalledPackage(
                product: high.path.product, release: high.path.release, line: high.metadata.line, counter: 2)
        ]
        try world.send(try world.order(package, action: Sample.action(3), kind: .rollback), package: package)
        #expect(world.states(Sample.action(3)).last == .succeeded)
        #expect(try world.store.counterFloor(package.metadata.product, package.metadata.line) == 1)
    }

    // MARK: Time

    private func span(_ start: Duration, _ end: Duration) throws -> TimeSpan {
        try TimeSpan(start: world.now + start, end: world.now + end)
    }

    @Test("downloads begin a lead before the window, installs inside it")
    func leadAndWindow() throws {
        let window = try span(.seconds(3600), .seconds(7200))
        try world.send(
            try world.order(package, windows: [window], lead: 600), package: package)
        #expect(world.states() == [.offered])
        try world.pass(.seconds(2999))
        #expect(world.downloads == 0)
        try world.pass(.seconds(2))
        #expect(world.states() == [.offered, .downloading, .downloaded, .waitingForWindow])
        try world.pass(.seconds(590))
        #expect(world.performed.isEmpty)
        try world.pass(.seconds(20))
        #expect(world.states().last == .succeeded)
        let began = try #require(world.reports.first { $0.state == .installing })
        #expect(window.contains(began.time))
    }

    @Test("a missed window is told and nothing is installed")
    func missedWindow() throws {
        let window = try span(.seconds(100), .seconds(200))
        world.download = { _ in nil }
        try world.send(try world.order(package, windows: [window], lead: 100), package: package)
        try world.pass(.seconds(300))
        #expect(world.states() == [.offered, .downloading, .refused])
        #expect(world.reasons() == [.orderExpired])
        #expect(world.performed.isEmpty)
    }

    @Test("eligibility is asked again right before the install")
    func eligibleAgain() throws {
        let window = try span(.seconds(100), .seconds(200))
        try world.send(try world.order(package, windows: [window], lead: 1000), package: package)
        #expect(world.states().last == .waitingForWindow)
        world.facts.autodeploy = .no
        try world.pass(.seconds(150))
        #expect(world.states().last == .refused)
        #expect(world.reasons() == [.autodeployNo])
        #expect(world.performed.isEmpty)
    }

    @Test("a clock that is behind the last signed time is not believed, and time still goes on")
    func clockBehind() throws {
        let order = try world.order(package, windows: [try span(.seconds(100), .seconds(200))], lead: 1000)
        world.now = .zero
        try world.send(order, package: package)
        #expect(world.states().last == .waitingForWindow)
        #expect(try #require(world.lastReport()).time >= order.issued)
        try world.pass(.seconds(150))
        #expect(world.states().last == .succeeded)
        // Also after a restart with the same wrong clock: an order that has expired by signed time stays expired.
        world.now = .zero
        try world.boot()
        try world.connect()
        let late = try world.order(package, action: Sample.action(2), expires: .seconds(10))
        try world.send(late, package: package)
        #expect(world.reasons(Sample.action(2)) == [.orderExpired])
    }

    @Test("an order runs although hub and spoke have gone away")
    func offline() throws {
        let window = try span(.seconds(100), .seconds(200))
        try world.send(try world.order(package, windows: [window], lead: 1000), package: package)
        try world.disconnect()
        try world.pass(.seconds(150))
        #expect(try world.store.action(Sample.action())?.state == .succeeded)
        #expect(world.states().last == .waitingForWindow)
        try world.connect()
        #expect(world.states().last == .succeeded)
    }

    // MARK: Downloads

    @Test("a broken download is tried again with growing waits, a bounded number of times; the flag says so")
    func downloadRetries() throws {
        world.download = { _ in .failed("cut") }
        try world.send(try world.order(package), package: package)
        #expect(world.downloads == 1)
        #expect(try world.store.warnings() == [package.path.product])
        try world.pass(.seconds(80_000))
        #expect(world.states().last == .failed)
        #expect(world.downloads == 9)
        #expect(world.logs.contains { $0.contains("tried again") })
    }

    @Test("a complete download clears the warning flag")
    func flagCleared() throws {
        var fails = 2
        world.download = { _ in
            fails -= 1
            return fails >= 0 ? .failed("cut") : .complete
        }
        try world.send(try world.order(package), package: package)
        try world.pass(.seconds(100))
        #expect(world.states().last == .succeeded)
        #expect(try world.store.warnings().isEmpty)
    }

    @Test("a link that breaks in mid-download costs no attempt and goes on with the next link")
    func linkBreaks() throws {
        world.download = { _ in nil }
        try world.send(try world.order(package), package: package)
        for _ in 0..<20 {
            try world.disconnect()
            try world.feed(.downloaded(Sample.action(), .failed("link")))
            try world.connect()
        }
        #expect(world.downloads == 21)
        try world.feed(.downloaded(Sample.action(), .complete))
        #expect(world.states().last == .succeeded)
    }

    @Test("a spoke that has not got the package yet is waited for as long as the order holds, and costs no attempt")
    func notYet() throws {
        var asked = 0
        world.download = { _ in
            asked += 1
            return asked > 50 ? .complete : .notYet("it is fetched", askAgain: .seconds(60))
        }
        try world.send(try world.order(package), package: package)
        try world.pass(.seconds(50 * 62))
        #expect(asked == 51)
        #expect(world.states().last == .succeeded)
        #expect(try world.store.warnings().isEmpty)
    }

    @Test("only a busy spoke that says when to ask again is waited for, an hour at most")
    func refusals() {
        func outcome(_ code: RequestErrorCode, _ seconds: UInt64?) -> DownloadOutcome {
            DownloadOutcome(ErrorReply(code: code, text: "x", retryAfterSeconds: seconds))
        }
        #expect(outcome(.busy, 15) == .notYet("x", askAgain: .seconds(15)))
        #expect(outcome(.busy, .max) == .notYet("x", askAgain: .seconds(3600)))
        #expect(outcome(.busy, 0) == .notYet("x", askAgain: .seconds(1)))
        #expect(outcome(.busy, nil) == .failed("x"))
        for code in [RequestErrorCode.full, .notFound, .refused, .internalFault] {
            #expect(outcome(code, 15) == .failed("x"))
        }
    }

    @Test("bytes that are not the signed ones are never installed and are reported as an attack")
    func wrongBytes() throws {
        world.download = { _ in .mismatch }
        try world.send(try world.order(package), package: package)
        try world.pass(.seconds(80_000))
        #expect(world.states().last == .failed)
        #expect(world.performed.isEmpty)
        #expect(world.reports.contains { $0.attack?.code == .hashMismatch })
        // A disk may have damaged them, here or at the spoke: the agent's log blames nobody, in the
        // hub's words.
        #expect(!world.logs.contains { $0.contains("attack") })
        #expect(
            world.logs.contains {
                $0.hasPrefix(
                    "bytesRefused: this agent refused bytes that are not the signed ones; its spoke checks its copy, ")
            })
    }

    // MARK: Cancel

    @Test(
        "a cancel before the install is obeyed in every state",
        arguments: [ActionState.offered, .downloading, .waitingForWindow])
    func cancelled(state: ActionState) throws {
        let window = try span(.seconds(1000), .seconds(2000))
        if state == .downloading { world.download = { _ in nil } }
        let lead: UInt32 = state == .offered ? 0 : 5000
        try world.send(try world.order(package, windows: [window], lead: lead), package: package)
        #expect(world.states().last == state)
        try world.send(try world.order(package, kind: .cancel))
        #expect(Array(world.states().suffix(2)) == [.cancelling, .cancelled])
        try world.pass(.seconds(1500))
        #expect(world.performed.isEmpty)
    }

    @Test("a cancel that comes before its order keeps the order from being obeyed")
    func cancelFirst() throws {
        let order = try world.order(package)
        try world.send(try world.order(package, kind: .cancel))
        try world.send(order, package: package)
        #expect(world.states() == [.cancelled])
        #expect(world.performed.isEmpty)
    }

    @Test("a cancel after the install has begun does not stop it")
    func cancelTooLate() throws {
        let cancel = try world.order(package, kind: .cancel, sequence: 50)
        world.perform = { [unowned world] job in
            if job.step == .stage { try world.send(cancel) }
            return .done
        }
        try world.send(try world.order(package), package: package)
        #expect(world.states().last == .succeeded)
        #expect(world.logs.contains { $0.contains("too late") })
    }

    // MARK: Install and the way back

    @Test(
        "a failure before the switch leaves the old release; a later one goes back",
        arguments: InstallStep.allCases.filter { $0 < .commit })
    func failingStep(step: InstallStep) throws {
        let package = try Sample.package(
            [1, 2, 3], install: InstallSteps(services: ["svc"], restart: .service, program: "bin/tool"))
        world.perform = { $0.step == step ? .failed(.io, "broken") : .done }
        try world.send(try world.order(package), package: package)
        if step < .stop {
            #expect(world.states().last == .failed)
            #expect(world.performed.suffix(2) == [step, .discard])
            #expect(!world.performed.contains(.deactivate))
        } else {
            #expect(Array(world.states().suffix(2)) == [.rollingBack, .rolledBack])
            #expect(Array(world.performed.suffix(3)) == [.deactivate, .recover, .discard])
        }
        #expect(world.lastReport()?.detail.contains("broken") == true)
        #expect(try world.store.installed().isEmpty)
        #expect(try world.store.openActions().isEmpty)
    }

    @Test("a release that failed is rejected, and an order for it is refused from then on")
    func rejected() throws {
        world.perform = { $0.step == .verify ? .failed(.healthFailed, "sick") : .done }
        try world.send(try world.order(package), package: package)
        #expect(world.states().last == .rolledBack)
        try world.send(try world.order(package, action: Sample.action(2)), package: package)
        #expect(world.reasons(Sample.action(2)) == [.rejectedRelease])
    }

    @Test("a way back that fails three times is told as such")
    func rollbackFails() throws {
        world.perform = { [.verify, .recover].contains($0.step) ? .failed(.healthFailed, "sick") : .done }
        try world.send(try world.order(package), package: package)
        try world.pass(.seconds(100))
        #expect(world.states().last == .rollbackFailed)
        #expect(world.performed.filter { $0 == .recover }.count == 3)
    }

    @Test("a hook that says 21 is asked again, and not for ever")
    func hookRetries() throws {
        var waits = 3
        world.perform = {
            guard $0.step == .enter else { return .done }
            waits -= 1
            return waits >= 0 ? .retryLater("busy") : .done
        }
        try world.send(try world.order(package), package: package)
        #expect(world.states().last == .installing)
        try world.pass(.seconds(2000))
        #expect(world.states().last == .succeeded)
        waits = 1000
        let next = try Sample.package([9], release: "2.0", counter: 2)
        try world.send(try world.order(next, action: Sample.action(2)), package: next)
        try world.pass(.seconds(20_000))
        #expect(world.states(Sample.action(2)).last == .failed)
        #expect(try world.store.rejected().isEmpty)
    }

    @Test("leftovers that cannot be removed do not undo a success")
    func commitFails() throws {
        world.perform = { $0.step == .commit ? .failed(.io, "full") : .done }
        try world.send(try world.order(package), package: package)
        #expect(world.states().last == .succeeded)
    }

    @Test("two orders at once are installed one after the other")
    func oneAtATime() throws {
        let other = try Sample.package([5], product: "other")
        var running = 0
        world.perform = { [unowned world] job in
            if job.step == .enter { running += 1 }
            #expect(running == 1)
            if job.step == .enter, job.package.path.product.text == "tool" {
                try world.send(try world.order(other, action: Sample.action(2)), package: other)
            }
            if job.step == .commit { running -= 1 }
            return .done
        }
        try world.send(try world.order(package), package: package)
        #expect(world.states(Sample.action(1)).last == .succeeded)
        #expect(world.states(Sample.action(2)).last == .succeeded)
    }

    @Test("a machine that must restart is asked to, and success is said only after it has")
    func machineRestart() throws {
        let package = try Sample.package([1], install: InstallSteps(restart: .machine))
        try world.send(try world.order(package), package: package)
        #expect(world.states().last == .restarting)
        // Killed and started without a reboot: asked again.
        try world.boot()
        #expect(world.performed.filter { $0 == .restart }.count == 2)
        world.start.bootID = "boot-2"
        try world.boot()
        try world.connect()
        #expect(world.states().suffix(3) == [.restarting, .verifying, .succeeded])
    }

    // MARK: Reports

    @Test("reports wait until they are acknowledged and are sent again over the next link")
    func reportsWait() throws {
        world.answersReports = false
        try world.send(try world.order(package), package: package)
        #expect(world.states().isEmpty)
        let queued = try world.store.queuedReports(limit: 99).count
        #expect(queued >= 6)
        try world.disconnect()
        world.answersReports = true
        try world.connect()
        #expect(world.states().last == .succeeded)
        #expect(try world.store.queuedReports(limit: 99).isEmpty)
        #expect(Set(world.reports.map(\.counter)).count == world.reports.count)
    }

    @Test("a spoke that is busy is asked again later; one that can never take a report does not hold up the others")
    func reportErrors() throws {
        world.answersReports = false
        world.facts.autodeploy = .noreboot
        try world.disconnect()
        try world.connect()
        let link = try #require(world.link)
        let first = try #require(try world.store.queuedReports(limit: 1).first)
        try world.feed(
            .link(.reply(link, RequestID(2), .error(ErrorReply(code: .busy, text: "busy", retryAfterSeconds: 30)))))
        #expect(try world.store.queuedReports(limit: 1).first == first)
        let wake = try #require(world.wake)
        #expect(wake >= world.now + .seconds(30))
        try world.pass(until: wake)
        try world.feed(.link(.reply(link, RequestID(3), .error(ErrorReply(code: .invalid, text: "no")))))
        #expect(try world.store.queuedReports(limit: 1).isEmpty)
    }

    @Test("a peer that is no spoke of this fleet is left at once")
    func wrongPeer() throws {
        let world = try AgentWorld()
        try world.boot()
        let effects = try world.store.transaction { () -> [AgentEffect] in
            var core = world.core
            return try core.handle(
                .link(
                    .opened(
                        LinkID(5), PeerIdentity(fleet: world.fleet, role: .agent, id: world.spoke),
                        Hello(time: world.now, role: .agent, program: "x"))), at: world.now)
        }
        guard case .link(.close(LinkID(5), .refused, _))? = effects.first else {
            Issue.record("not closed")
            return
        }
    }
}
