import Codec
import Model
import Protocol
import Testing

/// A peer that breaks the rules loses its session, with the reason, and costs little.
@Suite("Session: faults of the peer")
struct SessionFaultTests {
    private static let request = Message.ok(OK())

    /// What an open listener says to bytes of its dialler.
    private func failure(_ bytes: [UInt8], after prepare: (SessionPair) -> Void = { _ in }) -> SessionCode? {
        let pair = SessionPair.open()
        prepare(pair)
        pair.inject(.listener, bytes)
        return pair.listenerLog.failure?.code
    }

    @Test("a frame length of 2^32-1 is refused at its header, for every type", arguments: 0...UInt8(9))
    func hugeLength(_ type: UInt8) {
        let header = RawFrame.make(type: type, stream: type == 2 || type == 3 || type == 8 ? 1 : 0, length: .max)
        #expect(failure(header) == (1...8 ~= type ? .frameTooLarge : .unknownFrame))
    }

    @Test("one byte over each type's limit is refused at its header", arguments: FrameType.allCases)
    func overLimit(_ type: FrameType) {
        let stream: UInt32 = type == .message || type == .data || type == .reset ? 1 : 0
        let header = RawFrame.make(
            type: type.rawValue, stream: stream, length: UInt32(type.lengths.upperBound + 1))
        #expect(failure(header) == .frameTooLarge)
    }

    @Test("a payload that is too short for its type is refused")
    func tooShort() {
        #expect(failure(RawFrame.make(type: 5, length: 7)) == .malformed)
        #expect(failure(RawFrame.make(type: 4, length: 3)) == .malformed)
        #expect(failure(RawFrame.make(type: 2, flags: 3, stream: 1, length: 0)) == .malformed)
    }

    @Test("a promised length costs nothing until its bytes come")
    func noAllocationBeforeBytes() {
        let pair = SessionPair.open()
        pair.inject(.listener, RawFrame.make(type: 2, flags: 3, stream: 1, length: 65536, [0xa1]))
        #expect(pair.listenerLog.entries.isEmpty)
        #expect(pair.listener.state == .open)
    }

    @Test("unknown flags, a reserved byte, and a stream where there may be none, or none where there must be one")
    func header() {
        #expect(failure(RawFrame.make(type: 5, flags: 1, RawFrame.bigEndian(UInt64(1)))) == .malformed)
        #expect(failure(RawFrame.make(type: 2, flags: 7, stream: 1, [0xa0])) == .malformed)
        #expect(failure(RawFrame.make(type: 3, flags: 1, stream: 1, [0])) == .malformed)
        #expect(failure(RawFrame.make(type: 5, reserved: 1, RawFrame.bigEndian(UInt64(1)))) == .malformed)
        #expect(failure(RawFrame.make(type: 5, stream: 1, RawFrame.bigEndian(UInt64(1)))) == .badStream)
        #expect(failure(RawFrame.make(type: 3, stream: 0, [0])) == .badStream)
        #expect(failure(RawFrame.make(type: 3, stream: 0x8000_0001, [0])) == .badStream)
    }

    @Test("data before hello")
    func dataBeforeHello() {
        let pair = SessionPair()
        pair.inject(.listener, RawFrame.data(1, [1, 2, 3]))
        #expect(pair.listenerLog.failure?.code == .unexpectedFrame)
    }

    @Test("no common version is refused with both ranges in the text")
    func version() {
        let pair = SessionPair()
        pair.inject(.listener, RawFrame.hello(SessionPair.hello(.spoke, versions: 7...9)))
        #expect(pair.listenerLog.failure?.code == .noCommonVersion)
        let frames = RawFrame.split(SessionPair.take(from: &pair.listener))
        #expect(frames.map(\.type) == [7])
        #expect(pair.listenerLog.failure?.text.contains("1 to 1") == true)
        #expect(pair.listenerLog.failure?.text.contains("7 to 9") == true)
    }

    @Test("a newer peer with an overlapping range gets the common version")
    func overlappingVersion() {
        let pair = SessionPair()
        pair.inject(.listener, RawFrame.hello(SessionPair.hello(.spoke, versions: 1...9)))
        #expect(pair.listener.state == .deciding)
        #expect(pair.listener.version == 1)
    }

    @Test("a stream of the wrong parity, used again, or out of order")
    func streams() {
        let open = RawFrame.message(3, Self.request, isOpen: true)
        #expect(failure(RawFrame.message(2, Self.request, isOpen: true)) == .badStream)
        #expect(failure(open + open) == .badStream)
        #expect(failure(open + RawFrame.message(1, Self.request, isOpen: true)) == .badStream)
        #expect(failure(RawFrame.message(1, Self.request)) == .badStream)
    }

    @Test("a message or data on a closed stream; credit and reset on one are harmless")
    func closedStream() {
        let prepare: (SessionPair) -> Void = { pair in
            pair.inject(.listener, RawFrame.message(1, Self.request, isOpen: true))
            pair.reply(.listener, StreamID(1), .ok(OK()))
        }
        #expect(failure(RawFrame.message(1, Self.request), after: prepare) == .badStream)
        #expect(failure(RawFrame.data(1, [1]), after: prepare) == .badStream)
        #expect(failure(RawFrame.credit(1, 9) + RawFrame.reset(1), after: prepare) == nil)
    }

    @Test("data after the end of its direction")
    func dataAfterEnd() {
        let open = RawFrame.message(1, Self.request, isOpen: true, isEnd: true)
        #expect(failure(open + RawFrame.data(1, [1])) == .badStream)
    }

    @Test("one stream too many")
    func tooManyStreams() {
        let most = UInt32(ProtocolLimits.openStreams)
        let allowed = (0..<most).flatMap { RawFrame.message($0 * 2 + 1, Self.request, isOpen: true) }
        #expect(failure(allowed) == nil)
        #expect(failure(allowed + RawFrame.message(most * 2 + 1, Self.request, isOpen: true)) == .badStream)
    }

    @Test("more data than credit, on the stream and on the connection")
    func dataOverCredit() {
        let frame = [UInt8](repeating: 0, count: ProtocolLimits.dataLength)
        let opened = (0..<3).flatMap { RawFrame.message($0 * 2 + 1, Self.request, isOpen: true, isEnd: false) }
        let pair = SessionPair.open()
        pair.consumesAtOnce = false
        pair.inject(.listener, opened)
        let perStream = Int(ProtocolLimits.streamCredit) / frame.count
        for _ in 0..<perStream { pair.inject(.listener, RawFrame.data(1, frame)) }
        for _ in 0..<perStream { pair.inject(.listener, RawFrame.data(3, frame)) }
        #expect(pair.listenerLog.failure == nil)
        let other = pair.listener
        pair.inject(.listener, RawFrame.data(1, [1]))
        #expect(pair.listenerLog.failure?.code == .creditExceeded)
        pair.listener = other
        pair.listenerLog = SessionLog()
        pair.inject(.listener, RawFrame.data(5, [1]))
        #expect(pair.listenerLog.failure?.code == .creditExceeded)
    }

    @Test("credit that overflows")
    func creditOverflow() {
        #expect(failure(RawFrame.credit(0, 0x7fff_ffff)) == .creditExceeded)
        #expect(failure(RawFrame.credit(0, .max)) == .creditExceeded)
        let open = RawFrame.message(1, Self.request, isOpen: true)
        #expect(failure(open + RawFrame.credit(1, 0x7fff_ffff)) == .creditExceeded)
        #expect(failure(RawFrame.credit(0, 0x7fff_ffff - ProtocolLimits.connectionCredit)) == nil)
    }

    @Test("a flood of pings is ended, and unread answers never pile up")
    func pingFlood() {
        let pair = SessionPair.open()
        for number in 0..<UInt64(ProtocolLimits.pingCount) { pair.inject(.listener, RawFrame.ping(number)) }
        #expect(pair.listenerLog.failure == nil)
        #expect(RawFrame.split(SessionPair.take(from: &pair.listener)).map(\.type) == [6])
        pair.inject(.listener, RawFrame.ping(99))
        #expect(pair.listenerLog.failure?.code == .flooded)
    }

    @Test("requests that are taken back as soon as they are asked make no room for others without end")
    func rapidResets() {
        let pair = SessionPair.open()
        var stream: UInt32 = 1
        while pair.listener.state == .open, stream < 100_000 {
            pair.inject(.listener, RawFrame.message(stream, Self.request, isOpen: true) + RawFrame.reset(stream))
            stream += 2
        }
        #expect(pair.listenerLog.failure?.code == .flooded)
        #expect(stream / 2 <= UInt32(ProtocolLimits.withdrawals) + 1)
    }

    @Test("answered requests may be reset, and a few that are not")
    func decentResets() {
        let pair = SessionPair.open()
        var stream: UInt32 = 1
        for round in 0..<2_000 {
            pair.inject(.listener, RawFrame.message(stream, Self.request, isOpen: true))
            if round % 100 != 0 { pair.reply(.listener, StreamID(stream), .ok(OK()), isEnd: false) }
            pair.inject(.listener, RawFrame.reset(stream))
            _ = SessionPair.take(from: &pair.listener)
            stream += 2
        }
        #expect(pair.listenerLog.failure == nil)
    }

    @Test("pings at a decent rate go on for ever")
    func pingRate() {
        let pair = SessionPair.open()
        for second in 0..<100 {
            pair.now = .seconds(100 + second)
            pair.inject(.listener, RawFrame.ping(1))
        }
        #expect(pair.listenerLog.failure == nil)
    }

    @Test("requests without end while answers are not read lose the session, with bounded memory")
    func unreadAnswers() {
        let pair = SessionPair.open()
        let text = String(repeating: "x", count: ProtocolLimits.textLength)
        var stream: UInt32 = 1
        while pair.listener.state == .open, stream < 100_000 {
            pair.inject(.listener, RawFrame.message(stream, Self.request, isOpen: true))
            pair.reply(.listener, StreamID(stream), .error(ErrorReply(code: .busy, text: text)))
            stream += 2
        }
        #expect(pair.listenerLog.failure?.code == .flooded)
        #expect(SessionPair.take(from: &pair.listener).count < ProtocolLimits.outputEnd + 10_000)
    }

    @Test("malformed CBOR ends the session; an unknown message type is answered, and the session lives")
    func messages() throws {
        let types: [[UInt8]] = [
            [0xa0], [0x00], [0xa1, 0x00, 0x20], [0xbf, 0xff], [0xa1, 0x00, 0x02, 0x00], [0xa1, 0x18, 0x00, 0x02],
            [0xa1, 0x00, 0x01], [0x81, 0xa1, 0x00, 0x02], [0xff], [0xa2, 0x00, 0x02, 0x00, 0x02],
        ]
        for payload in types {
            #expect(failure(RawFrame.make(type: 2, flags: 3, stream: 1, payload)) == .malformed, "\(payload)")
        }
        let pair = SessionPair.open()
        pair.inject(.listener, RawFrame.make(type: 2, flags: 3, stream: 1, [0xa1, 0x00, 0x19, 0x03, 0xe8]))
        #expect(pair.listener.state == .open && pair.listener.isIdle)
        let frames = RawFrame.split(SessionPair.take(from: &pair.listener))
        #expect(frames.map(\.type) == [2])
        let answer = try Message(decoding: frames[0].payload)
        guard case .error(let error) = answer else { throw ProtocolError(.malformed, "no error reply") }
        #expect(error.code == .unsupported)
    }

    @Test("an unknown message type with data behind it is answered and cut off, and the session lives")
    func unknownWithData() {
        let pair = SessionPair.open()
        pair.inject(.listener, RawFrame.make(type: 2, flags: 1, stream: 1, [0xa1, 0x00, 0x19, 0x03, 0xe8]))
        pair.inject(.listener, RawFrame.data(1, [1, 2, 3]))
        #expect(RawFrame.split(SessionPair.take(from: &pair.listener)).map(\.type) == [2, 8])
        #expect(!pair.listener.isIdle)
        pair.inject(.listener, RawFrame.reset(1))
        #expect(pair.listener.isIdle)
        #expect(pair.listenerLog.entries.isEmpty)
    }

    @Test("an unknown reply type ends its stream only")
    func unknownReply() throws {
        let pair = SessionPair.open()
        let stream = try pair.open(.dialler, Self.request)
        pair.run()
        pair.inject(.dialler, RawFrame.make(type: 2, flags: 2, stream: 1, [0xa1, 0x00, 0x19, 0x03, 0xe8]))
        #expect(pair.diallerLog.entries == [.event(.reset(stream, .unsupported))])
        #expect(pair.dialler.state == .open)
    }

    @Test("unknown keys of a message are skipped")
    func unknownKeys() throws {
        let item = CBOR.map([
            CBORPair(.unsigned(0), .unsigned(24)), CBORPair(.unsigned(1), .unsigned(5)),
            CBORPair(.unsigned(77), .text("new")), CBORPair(.text("x"), .array([.null])),
        ])
        let message = try Message(decoding: CBOREncoder.encode(item))
        #expect(message == .catalogChanged(CatalogChanged(timestampVersion: 5)))
    }

    @Test("a peer's fault in one session does nothing to another's")
    func otherSessions() throws {
        let (bad, good) = (SessionPair.open(), SessionPair.open())
        bad.inject(.listener, RawFrame.make(type: 99, [0]))
        #expect(bad.listener.state == .closing)
        _ = try good.open(.dialler, Self.request)
        good.run()
        #expect(good.listenerLog.requests.count == 1)
    }
}
