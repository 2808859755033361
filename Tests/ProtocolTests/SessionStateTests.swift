import Model
import Protocol
import Testing

/// Every state of a session against every kind of frame: what happens is in one table.
@Suite("Session: states and frames")
struct SessionStateTests {
    /// The states as a test can bring them about. In `open` and after it the session under test is a dialler whose stream 1 waits
    /// for its answer and who owes one on the peer's stream 2, on which data may come.
    enum Situation: String, CaseIterable, Sendable {
        case diallerWaits, listenerWaits, deciding, open, weLeave, peerLeaves, closing
    }

    enum Outcome: Equatable, Sendable {
        /// Taken without an event.
        case taken
        case event
        case fails(SessionCode)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var frame: [UInt8]
        /// In the order of `Situation`.
        var outcomes: [Outcome]
        var testDescription: String { name }

        init(_ name: String, _ frame: [UInt8], _ outcomes: Outcome...) {
            self.name = name
            self.frame = frame
            self.outcomes = outcomes
        }
    }

    private static let early = Outcome.fails(.unexpectedFrame)
    private static let bad = Outcome.fails(.badStream)
    private static let odd = Outcome.fails(.malformed)
    private static let unknown = Outcome.fails(.unknownFrame)
    private static let content = Message.content(Content(length: 10, offset: 0))

    static let rows: [Row] = [
        Row("hello", RawFrame.hello(SessionPair.hello(.hub)), .event, .event, early, early, early, early, .taken),
        Row(
            "request", RawFrame.message(4, .ok(OK()), isOpen: true), early, early, early, .event, .taken, early, .taken),
        Row("reply", RawFrame.message(1, .ok(OK())), early, early, early, .event, .event, .event, .taken),
        Row("data", RawFrame.data(2, [1]), early, early, early, .event, .event, .event, .taken),
        Row("end", RawFrame.data(2, [], isEnd: true), early, early, early, .event, .event, .event, .taken),
        Row("empty data", RawFrame.data(2, []), early, early, early, odd, odd, odd, .taken),
        Row("session credit", RawFrame.credit(0, 5), early, early, early, .taken, .taken, .taken, .taken),
        Row("stream credit", RawFrame.credit(1, 5), early, early, early, .taken, .taken, .taken, .taken),
        Row("no credit", RawFrame.credit(1, 0), early, early, early, odd, odd, odd, .taken),
        Row("ping", RawFrame.ping(9), early, early, early, .taken, .taken, .taken, .taken),
        Row("pong to no ping", RawFrame.pong(9), early, early, early, early, early, early, .taken),
        Row(
            "leaving", RawFrame.goAway(GoAway(.leaving, "bye")), .event, .event, .event, .event, .event, early, .taken),
        Row(
            "refusal", RawFrame.goAway(GoAway(.refused, "no")), .event, .event, .event, .event, .event, .event, .taken),
        Row("reset", RawFrame.reset(1), early, early, early, .event, .event, .event, .taken),
        Row("reset of nothing", RawFrame.reset(7), early, early, early, bad, bad, bad, .taken),
        Row("message on nothing", RawFrame.message(7, .ok(OK())), early, early, early, bad, bad, bad, .taken),
        Row("data on nothing", RawFrame.data(8, [1]), early, early, early, bad, bad, bad, .taken),
        Row("data before the reply", RawFrame.data(1, [1]), early, early, early, early, early, early, .taken),
        Row("second message", RawFrame.message(2, .ok(OK())), early, early, early, early, early, early, .taken),
        Row(
            "frame type 9", RawFrame.make(type: 9, [1]), unknown, unknown, unknown, unknown, unknown, unknown, .taken),
    ]

    private func session(in situation: Situation) throws -> Session {
        switch situation {
        case .diallerWaits: return SessionPair().dialler
        case .listenerWaits: return SessionPair().listener
        case .deciding:
            let pair = SessionPair()
            pair.run()
            return pair.listener
        case .open, .weLeave, .peerLeaves, .closing:
            let pair = SessionPair.open()
            _ = try pair.open(.dialler, .fetchMetadata(FetchMetadata(name: "a")))
            _ = try pair.open(.listener, .ok(OK()), isEnd: false)
            pair.run()
            switch situation {
            case .weLeave: pair.dialler.close(GoAway(.leaving, "bye"), at: pair.now)
            case .peerLeaves: pair.listener.close(GoAway(.leaving, "bye"), at: pair.now)
            case .closing: pair.dialler.close(GoAway(.refused, "no"), at: pair.now)
            default: break
            }
            if situation != .closing { pair.run() }
            return pair.dialler
        }
    }

    @Test("every state and frame has its one outcome", arguments: rows)
    func outcome(_ row: Row) throws {
        #expect(row.outcomes.count == Situation.allCases.count)
        for (situation, expected) in zip(Situation.allCases, row.outcomes) {
            var session = try session(in: situation)
            var log = SessionLog()
            SessionPair.give(row.frame, to: &session, &log)
            let outcome: Outcome = log.failure.map { .fails($0.code) } ?? (log.entries.isEmpty ? .taken : .event)
            #expect(outcome == expected, "\(row.name) in \(situation): \(log.entries)")
            if log.failure != nil {
                #expect(session.state == .closing)
                let last = RawFrame.split(SessionPair.take(from: &session)).last
                #expect(last?.type == 7, "the peer is told why")
                #expect(session.isFinished)
            }
        }
    }

    @Test("what we do in a state where it cannot be done is refused and changes nothing", arguments: Situation.allCases)
    func commands(_ situation: Situation) throws {
        var session = try session(in: situation)
        let before = SessionPair.take(from: &session).count
        let isUsable = situation == .open || situation == .weLeave || situation == .peerLeaves
        let opened = try session.open(.ok(OK()))
        #expect((opened != nil) == (situation == .open))
        let replied = session.reply(StreamID(2), .ok(OK()), isEnd: false)
        #expect(replied == isUsable)
        let sent = session.sendData(StreamID(2), [1, 2, 3].span, isEnd: true)
        #expect((sent == 3) == isUsable)
        let again = session.sendData(StreamID(2), [1].span, isEnd: true)
        #expect(again == nil)
        session.reset(StreamID(99))
        session.consumed(StreamID(99), 1000)
        if situation != .deciding { session.accept(SessionPair.hello(.hub)) }
        if !isUsable { #expect(SessionPair.take(from: &session).count == 0, "after \(before) bytes") }
    }

    @Test("both may leave at once; open streams are finished, then both are done")
    func leaving() throws {
        let pair = SessionPair.open()
        let stream = try pair.open(.dialler, .fetchMetadata(FetchMetadata(name: "a")))
        pair.run()
        pair.dialler.close(GoAway(.leaving, "restart", retryAfterSeconds: 3), at: pair.now)
        pair.listener.close(GoAway(.leaving, "restart too"), at: pair.now)
        pair.run()
        #expect(pair.dialler.state == .leaving && pair.listener.state == .leaving)
        #expect(pair.listenerLog.goAway == GoAway(.leaving, "restart", retryAfterSeconds: 3))
        pair.reply(.listener, stream, Self.content, isEnd: false)
        pair.send(.listener, stream, [UInt8](repeating: 5, count: 10), isEnd: true)
        pair.run()
        #expect(pair.diallerLog.data(stream).count == 10)
        #expect(pair.dialler.isFinished && pair.listener.isFinished)
    }

    @Test("a request that crosses a go-away is reset, so that the asker knows that nothing was done")
    func crossing() throws {
        let pair = SessionPair.open()
        _ = try pair.open(.listener, .ok(OK()), isEnd: false)
        pair.run()
        let stream = try pair.open(.dialler, .ok(OK()))
        pair.listener.close(GoAway(.leaving, "bye"), at: pair.now)
        pair.stepDialler()
        pair.run()
        #expect(pair.listenerLog.requests.isEmpty)
        #expect(pair.diallerLog.entries.contains(.event(.reset(stream, .leaving))))
    }

    @Test("an end by force drops what is not written but never cuts a frame in two")
    func closeInFrame() throws {
        let pair = SessionPair.open()
        let stream = try pair.open(.dialler, .fetchMetadata(FetchMetadata(name: "a")))
        pair.run()
        pair.reply(.listener, stream, Self.content, isEnd: false)
        pair.stepListener()
        pair.send(.listener, stream, [UInt8](repeating: 1, count: 200_000))
        var written: [UInt8] = []
        pair.listener.withOutput { bytes in
            for index in 0..<1000 { written.append(bytes[index]) }
            return 1000
        }
        pair.listener.close(GoAway(.internalFault, "disk"), at: pair.now)
        written += SessionPair.take(from: &pair.listener)
        let frames = RawFrame.split(written)
        #expect(frames.map(\.type) == [3, 7])
        #expect(written.count == frames.reduce(0) { $0 + 12 + $1.payload.count })
        pair.inject(.dialler, written)
        #expect(pair.diallerLog.goAway?.code == .internalFault)
        #expect(pair.dialler.isFinished)
    }
}
