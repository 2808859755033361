import Model
import Rollout
import Testing

/// Every cause that can stand between a package and a client outside its machine.
@Suite struct DeliveryTests {
    static let now = UnixTime(seconds: 1_800_000_000)

    static func clear() throws -> Delivery {
        Delivery(
            now: now, package: .imported, spoke: Delivery.Machine(name: try NodeName("north")),
            client: Delivery.Machine(name: try NodeName("box")), reported: now, copy: Delivery.Copy(state: .verified))
    }

    static func work(
        _ action: ActionState = .pending, rollout: RolloutState = .running, wave: WaveState = .running,
        text: String? = nil, windows: [TimeSpan] = []
    ) -> Delivery.Work {
        Delivery.Work(
            rollout: "r1", rolloutState: rollout, rolloutText: text, wave: 1, waveState: wave, action: action,
            windows: windows)
    }

    struct Row: CustomTestStringConvertible, Sendable {
        let name: String
        var reasons: [ReasonCode] = []
        var notes: [NoteCode] = []
        var says = ""
        let change: @Sendable (inout Delivery) throws -> Void
        var testDescription: String { name }
    }

    static func span(_ start: Int64, _ end: Int64) throws -> TimeSpan {
        try TimeSpan(start: now + .seconds(start), end: now + .seconds(end))
    }

    static let rows: [Row] = [
        Row(name: "nothing", change: { _ in }),
        Row(name: "spoke revoked", reasons: [.spokeRevoked], says: "north", change: { $0.spoke.isRevoked = true }),
        Row(name: "client revoked", reasons: [.clientRevoked], change: { $0.client.isRevoked = true }),
        Row(
            name: "a revoked spoke hides what no longer matters", reasons: [.spokeRevoked],
            change: {
                $0.spoke.isRevoked = true
                $0.spoke.isConnected = false
                $0.package = .downloading
            }),
        Row(
            name: "spoke full", reasons: [.spokeFull], says: "3.1 MB",
            change: { $0.copy = Delivery.Copy(state: .pending, lacking: ByteCount(3_100_000)) }),
        Row(name: "announced", notes: [.importPending], change: { $0.package = .announced }),
        Row(name: "downloading", notes: [.importPending], change: { $0.package = .downloading }),
        Row(
            name: "import failed", notes: [.importFailed], says: "answers 404",
            change: { ($0.package, $0.packageError) = (.failed, "answers 404") }),
        Row(name: "no longer in the catalog", notes: [.importFailed], change: { $0.package = .retired }),
        Row(name: "no copy yet", notes: [.replicaPending], change: { $0.copy = nil }),
        Row(
            name: "on its way", notes: [.replicaPending], says: "slow link",
            change: { $0.copy = Delivery.Copy(state: .transferring, text: "slow link") }),
        Row(name: "evicted", notes: [.replicaPending], change: { $0.copy?.state = .evicted }),
        Row(name: "damaged", notes: [.replicaDamaged], change: { $0.copy?.state = .corrupt }),
        Row(
            name: "spoke away", notes: [.spokeNotConnected], says: "since",
            change: { ($0.spoke.isConnected, $0.spoke.since) = (false, now) }),
        Row(name: "agent away", notes: [.notConnected], says: "box", change: { $0.client.isConnected = false }),
        Row(
            name: "behind a spoke that is away nothing is known of the agent", notes: [.spokeNotConnected],
            change: { ($0.spoke.isConnected, $0.client.isConnected) = (false, false) }),
        Row(
            name: "spoke's clock", notes: [.clockWrong], says: "north is 400 s ahead",
            change: { $0.spoke.clockError = 400 }),
        Row(
            name: "machine's clock", notes: [.clockWrong], says: "box is 400 s behind",
            change: { $0.client.clockError = -400 }),
        Row(name: "clock off by all there is", notes: [.clockWrong], change: { $0.client.clockError = .min }),
        Row(name: "old facts", notes: [.factsOld], change: { $0.reported = now - .seconds(86_401) }),
        Row(name: "never reported", change: { $0.reported = nil }),
        Row(name: "cloned", notes: [.machineCloned], change: { $0.isCloned = true }),
        Row(name: "draft", notes: [.rolloutWaits], says: "draft", change: { $0.work = work(rollout: .draft) }),
        Row(
            name: "preparing", notes: [.rolloutWaits], says: "signature",
            change: { $0.work = work(rollout: .preparing, wave: .scheduled, text: "waits for a signature") }),
        Row(name: "ready", notes: [.rolloutWaits], change: { $0.work = work(rollout: .ready, wave: .scheduled) }),
        Row(
            name: "paused", notes: [.rolloutPaused], says: "2 clients",
            change: { $0.work = work(rollout: .paused, text: "2 clients failed") }),
        Row(name: "later wave", notes: [.waveWaits], says: "wave 1", change: { $0.work = work(wave: .scheduled) }),
        Row(
            name: "window to come", notes: [.windowClosed], says: "opens at",
            change: { $0.work = work(.waitingForWindow, windows: [try span(-9, -5), try span(60, 90)]) }),
        Row(
            name: "all windows over", notes: [.windowClosed], says: "are over",
            change: { $0.work = work(windows: [try span(-9, -5)]) }),
        Row(name: "window open", change: { $0.work = work(windows: [try span(-9, 5)]) }),
        Row(
            name: "an install is not called back by its window",
            change: { $0.work = work(.installing, windows: [try span(-9, -5)]) }),
        Row(name: "slot", notes: [.slotTaken], change: { $0.work = work(.waitingForSlot) }),
        Row(
            name: "what is ordered has its bytes",
            change: {
                $0.work = work(.offered)
                $0.copy = Delivery.Copy(state: .pending, lacking: ByteCount(5))
            }),
        Row(
            name: "what is over waits for nothing",
            change: {
                $0.work = work(.succeeded, rollout: .paused)
                $0.spoke.isRevoked = true
            }),
        Row(
            name: "everything at once, in order", reasons: [.spokeFull],
            notes: [.rolloutPaused, .spokeNotConnected, .clockWrong, .factsOld, .machineCloned],
            change: {
                $0.work = work(rollout: .paused)
                $0.copy = Delivery.Copy(state: .pending, lacking: ByteCount(5))
                $0.spoke.isConnected = false
                $0.spoke.clockError = 400
                $0.reported = .zero
                $0.isCloned = true
            }),
    ]

    @Test(arguments: rows) func everyCauseIsNamed(row: Row) throws {
        var delivery = try Self.clear()
        try row.change(&delivery)
        let found = delivery.check()
        #expect(found.reasons.map(\.code) == row.reasons)
        #expect(found.notes.map(\.code) == row.notes)
        let text = (found.reasons.map(\.text) + found.notes.map(\.text)).joined(separator: "; ")
        #expect(row.says.isEmpty || text.contains(row.says), "\(text)")
    }

    @Test func theTableHasEveryCode() {
        let notes = Set(Self.rows.flatMap(\.notes))
        #expect(notes == Set(NoteCode.waits))
        #expect(Set(Self.rows.flatMap(\.reasons)) == [.spokeRevoked, .clientRevoked, .spokeFull])
    }

    @Test func theMachineAndTheWayMakeOneAnswer() {
        let machine = Eligibility(reasons: [Reason(.diskSpace)], notes: [Note(.schedulerNotService)])
        let way = Eligibility(reasons: [Reason(.spokeFull), Reason(.diskSpace)], notes: [Note(.notConnected)])
        let both = machine.adding(way)
        #expect(both.reasons.map(\.code) == [.diskSpace, .spokeFull] && !both.isEligible)
        #expect(both.notes.map(\.code) == [.schedulerNotService, .notConnected])
        let codes = [ReasonCode.neverConnected, .spokeRevoked]
        let reversed = Eligibility(reasons: [Reason(.spokeRevoked)], notes: [])
            .adding(Eligibility(reasons: [Reason(.neverConnected)], notes: []))
        #expect(reversed.reasons.map(\.code) == codes)
    }
}
