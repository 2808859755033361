import Identity
import Model
import System
import TestSupport
import TLS
import Testing

/// A machine's clock that the test sets, and its uptime.
private final class Clocks: Sendable {
    private let state: NativeLock<(wall: Int64, up: Int64)>
    init(wall: Int64) { state = NativeLock((wall, 0)) }
    var wall: Int64 { state.withLock { $0.wall } }
    var up: Int64 { state.withLock { $0.up } }
    func pass(_ seconds: Int64) { state.withLock { $0 = ($0.wall + seconds, $0.up + seconds) } }
    func set(wall: Int64) { state.withLock { $0.wall = wall } }

    func floor(_ seconds: Int64) -> ClockFloor {
        ClockFloor(seconds: seconds, system: { self.wall * 1000 }, uptime: { .seconds(self.up) })
    }
}

@Suite struct ClockFloorTests {
    private let now = TestFleet.now

    @Test func aMachineThatBootsIn1970GoesOnFromTheLastSignedTime() {
        let clocks = Clocks(wall: 60)
        let clock = clocks.floor(now)
        #expect(clock.now.seconds == now)
        clocks.pass(3600)
        #expect(clock.now.seconds == now + 3600 && clock.certificateTime == now + 3600)
        #expect(clock.error.map { $0 < .zero } == true)
    }

    @Test func noTimeBeforeASignedOneIsEverBelieved() {
        let clocks = Clocks(wall: now)
        let clock = clocks.floor(now - 86_400)
        clock.raise(toSeconds: now + 100)
        #expect(clock.now.seconds == now + 100)
        clock.raise(toSeconds: now - 100)
        clocks.set(wall: now - 5_000_000)
        #expect(clock.now.seconds == now + 100)
        // Two answers that have crossed on the way do not get below it either.
        clock.set(fresh: UnixTime(seconds: now - 100))
        #expect(clock.now.seconds >= now + 100)
    }

    @Test(arguments: [-20, 20]) func aFreshTimeTakesBackWhatItsSignerSaidWhileItsClockWasAhead(years: Int64) {
        let clocks = Clocks(wall: now + years * 365 * 86_400)
        let clock = clocks.floor(now - 86_400)
        let ahead = now + 50 * 86_400
        clock.set(fresh: UnixTime(seconds: ahead))
        clock.raise(toSeconds: ahead + 60)
        #expect(clock.now.seconds >= ahead)
        clocks.pass(60)
        clock.set(fresh: UnixTime(seconds: now + 60))
        #expect(clock.now.seconds == now + 60 && clock.earliest.seconds == now + 60)
        // What was signed in between stays disbelieved, and what is signed from now on counts.
        clock.raise(toSeconds: ahead + 60)
        #expect(clock.now.seconds == now + 60)
        clock.raise(toSeconds: now + 100)
        #expect(clock.earliest.seconds == now + 100)
    }

    @Test func aMachinesOwnClockRaisesNoFloor() {
        let clocks = Clocks(wall: now + 20 * 365 * 86_400)
        let clock = clocks.floor(now)
        _ = clock.now
        clocks.set(wall: now + 10)
        #expect(clock.now.seconds == now + 10 && clock.earliest.seconds == now && clock.latest == nil)
    }

    @Test func aClockThatRunsAheadIsSetRightByAFreshSignedTime() {
        let clocks = Clocks(wall: now + 20 * 365 * 86_400)
        let clock = clocks.floor(now)
        #expect(clock.now.seconds == clocks.wall)  // nobody has said anything yet
        clock.set(fresh: UnixTime(seconds: now + 10))
        #expect(clock.now.seconds == now + 10)
        clocks.pass(7200)
        #expect(clock.now.seconds == now + 7210 && clock.certificateTime == now + 7210)
        #expect(clock.error.map { $0 > .seconds(19 * 365 * 86_400) } == true)
        // Somebody sets the clock right: it is used again.
        clocks.set(wall: now + 7215)
        #expect(clock.now.seconds == now + 7215 && clock.error == nil && clock.corrections == 1)
    }

    @Test func aRightClockIsLeftAlone() {
        let clocks = Clocks(wall: now)
        let clock = clocks.floor(now - 86_400)
        clock.set(fresh: UnixTime(seconds: now - 30))
        #expect(
            clock.now.seconds == now && clock.certificateTime == now && clock.error == nil && clock.corrections == 0)
    }

    @Test func signedTimesOutOfAllRangeTrapNothing() {
        let clocks = Clocks(wall: now)
        let clock = clocks.floor(.min)
        clock.raise(toSeconds: .min)
        clock.set(fresh: UnixTime(milliseconds: .min))
        #expect(clock.now.seconds >= 0)
        clock.raise(toSeconds: .max)
        clock.set(fresh: UnixTime(milliseconds: .max))
        clocks.pass(1_000_000)
        #expect(clock.now.seconds > now)
    }

    /// The certificate of the peer is judged by the believed time in TLS itself, on both sides.
    @Test(arguments: [60, TestFleet.now + 20 * 365 * 86_400]) func tlsJudgesCertificatesByTheBelievedTime(
        _ wall: Int64
    ) throws {
        let fleet = try TestFleet()
        let clock = Clocks(wall: wall).floor(TestFleet.now)
        clock.set(fresh: UnixTime(seconds: TestFleet.now))
        let server = try TLSContext.server(
            identity: fleet.spoke, protocols: [ApplicationProtocol("axle/1", asksForCertificate: true)],
            clients: .required(fleet.anchors))
        let client = try TLSContext.client(
            identity: fleet.agent, protocols: ["axle/1"], server: .anchors(fleet.anchors))
        let right = try TLSPair(
            server: server, client: client, certificateTime: clock.certificateTime, clientTime: clock.certificateTime)
        #expect(right.handshake() == (.complete(0), .complete(0)))
        let wrong = try TLSPair(server: server, client: client, certificateTime: TestFleet.now, clientTime: wall)
        guard case .failed(let error) = wrong.handshake().client else {
            Issue.record("a wrong clock passed")
            return
        }
        #expect(error.code == .certificateRefused)
    }
}
