import Codec

/// One side of an `axle/1` connection as a state machine: no IO, no clock, no threads, no callbacks.
///
/// Bytes come in through `receive`, events come out of it; `withOutput` hands out the bytes to be written. Time is an uptime that
/// never goes back. A data frame costs no allocation and its payload one copy, into the output. Idle, the state is the struct itself
/// and no buffer.
///
/// | state | what happens | next |
/// |---|---|---|
/// | awaitingHello | a dialler has sent its hello, a listener says nothing; only hello or go-away is taken | deciding (listener), open (dialler) |
/// | deciding | a listener has the peer's hello; nothing may come | open by `accept`, closing by `close` |
/// | open | streams | leaving, closing |
/// | leaving | either side has said that it leaves: no new streams, the open ones are finished | closing |
/// | closing | input is ignored, the last output is written | over when `isFinished` |
///
/// Any violation by the peer puts the session into `closing` with a go-away that says why.
package struct Session: Sendable {
    package enum State: Sendable, CaseIterable {
        case awaitingHello, deciding, open, leaving, closing
    }

    package let side: SessionSide
    package internal(set) var state = State.awaitingHello
    /// The version spoken, once the session is open.
    package internal(set) var version: UInt16 = 0

    /// What we speak.
    var ownVersions = ProtocolLimits.versions

    var reader = FrameReader()
    var output = OutputQueue()
    /// Open streams of both sides, in no order.
    var streams: [SessionStream] = []
    /// Where the stream of the latest frame was found: a guess that is checked.
    var recentIndex = 0
    /// Bytes of the message that came last.
    package internal(set) var lastMessageLength = 0
    var nextStream: UInt32
    var lastPeerStream: UInt32 = 0
    var ownStreams = 0
    var peerStreams = 0

    var sendCredit = ProtocolLimits.connectionCredit
    var receiveCredit = ProtocolLimits.connectionCredit
    var unconsumed: UInt32 = 0
    var owed: UInt32 = 0
    var blockedStreams = 0
    /// The stream that `nextWritable()` gave last, for taking turns.
    var lastWritable = StreamID(0)

    /// Bytes of a direct frame that have not been written yet; until they are, nothing else may be.
    var directLeft = 0
    /// Data bytes that may go out before `allow` is called again; nil is no limit.
    var dataAllowance: Int?

    var hasLeft = false
    var peerHasLeft = false

    /// When the latest bytes came in.
    var lastHeard: Duration
    /// When the unanswered ping was sent.
    var pingSent: Duration?
    var pingNumber: UInt64 = 0
    /// The ping that is to be answered; a newer one takes its place, so that unread answers do not pile up.
    var owedPong: UInt64?
    var pingWindowStart: Duration
    var pingsInWindow = 0
    var withdrawalWindowStart: Duration
    var withdrawalsInWindow = 0
    /// When leaving or closing began; nil in closing until the first tick, if the last stream's end brought it about.
    var endingSince: Duration?

    private init(_ side: SessionSide, at uptime: Duration) {
        self.side = side
        nextStream = side == .dialler ? 1 : 2
        lastHeard = uptime
        pingWindowStart = uptime
        withdrawalWindowStart = uptime
    }

    /// The dialler's side; its hello is in the output.
    package static func dialler(_ hello: Hello, at uptime: Duration) -> Session {
        var session = Session(.dialler, at: uptime)
        session.appendHello(hello)
        session.ownVersions = hello.versions
        return session
    }

    /// The listener's side, which waits.
    package static func listener(versions: ClosedRange<UInt16> = ProtocolLimits.versions, at uptime: Duration)
        -> Session
    {
        var session = Session(.listener, at: uptime)
        session.ownVersions = versions
        return session
    }

    /// Answers the dialler's hello, which `receive` gave; the session is open.
    package mutating func accept(_ hello: Hello) {
        guard state == .deciding else { return }
        appendHello(hello)
        state = .open
    }

    private mutating func appendHello(_ hello: Hello) {
        output.appendControl(.hello) { CBOREncoder.append(hello.cbor, to: &$0) }
    }

    /// Nothing more will come out or go in: close the connection.
    package var isFinished: Bool { state == .closing && output.isEmpty && owedPong == nil && directLeft == 0 }

    /// No stream is open: nothing is lost if the connection ends now.
    package var isIdle: Bool { streams.isEmpty }

    /// Bytes that wait to be written.
    package var hasOutput: Bool { !output.isEmpty || owedPong != nil }

    /// How many bytes wait to be written; bounded by `ProtocolLimits`.
    package var outputCount: Int { output.count }

    /// Calls `body` with the bytes to be written next, in one piece of at most about 128 KiB of bulk; it returns how many were
    /// taken. What was offered and not taken is offered again first. Not called when there is no output.
    package mutating func withOutput<Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Int
    ) throws(Failure) {
        // A frame that was begun has to be written first.
        guard directLeft == 0 else { return }
        if let number = owedPong {
            owedPong = nil
            output.appendControl(.pong, number)
        }
        try output.offer(body)
        if streams.isEmpty, output.isEmpty { output.release() }
    }

    /// Says good-bye. `leaving` lets the open streams finish; any other code ends the session at once, dropping what is not written.
    package mutating func close(_ goAway: GoAway, at uptime: Duration) {
        guard state != .closing else { return }
        if goAway.code == .leaving, state == .open || state == .leaving {
            guard !hasLeft else { return }
            hasLeft = true
            appendGoAway(goAway)
            state = .leaving
            endingSince = endingSince ?? uptime
            finishLeavingIfIdle()
        } else {
            output.dropBulk()
            appendGoAway(goAway)
            end(at: uptime)
        }
    }

    private mutating func appendGoAway(_ goAway: GoAway) {
        output.appendControl(.goAway) { CBOREncoder.append(goAway.cbor, to: &$0) }
    }

    /// Ends the session because of the peer's fault.
    mutating func fail(_ error: ProtocolError, at uptime: Duration) -> SessionEvent {
        close(GoAway(error.code, error.text), at: uptime)
        return .failed(error)
    }

    mutating func end(at uptime: Duration) {
        state = .closing
        endingSince = uptime
        owedPong = nil
        (streams, ownStreams, peerStreams, blockedStreams) = ([], 0, 0, 0)
    }

    mutating func finishLeavingIfIdle() {
        guard state == .leaving, streams.isEmpty else { return }
        state = .closing
        endingSince = nil
    }
}
