import Codec
import Model
import Protocol
import Testing

/// Two sessions joined by an in-memory pipe, for tests; every byte on the way can be recorded and cut into any pieces.
final class SessionPair {
    var dialler: Session
    var listener: Session
    var now: Duration = .seconds(1)
    /// What each side has been told, data joined per stream.
    var diallerLog = SessionLog()
    var listenerLog = SessionLog()
    /// Everything written so far, per sender.
    var fromDialler: [UInt8] = []
    var fromListener: [UInt8] = []
    /// How long the next piece of input may be.
    var pieceLength: () -> Int = { .max }
    /// Whether delivered data is said to be consumed at once.
    var consumesAtOnce = true

    init() {
        dialler = .dialler(SessionPair.hello(.spoke), at: now)
        listener = .listener(at: now)
    }

    /// The session of a side; changed through here so that expectations can do so too.
    func session(_ side: SessionSide) -> Session { side == .dialler ? dialler : listener }

    private func change<Result>(_ side: SessionSide, _ body: (inout Session) throws -> Result) rethrows -> Result {
        if side == .dialler { try body(&dialler) } else { try body(&listener) }
    }

    func open(_ side: SessionSide, _ message: Message, _ priority: Priority = .control, isEnd: Bool = true) throws
        -> StreamID
    {
        let id = try change(side) { try $0.open(message, priority: priority, isEnd: isEnd) }
        return try #require(id)
    }

    @discardableResult
    func reply(_ side: SessionSide, _ id: StreamID, _ message: Message, isEnd: Bool = true) -> Bool {
        change(side) { $0.reply(id, message, isEnd: isEnd) }
    }

    @discardableResult
    func send(_ side: SessionSide, _ id: StreamID, _ bytes: [UInt8], isEnd: Bool = false) -> Int? {
        change(side) { $0.sendData(id, bytes.span, isEnd: isEnd) }
    }

    /// Begins a frame that is written elsewhere and says at once that it was.
    func frame(_ side: SessionSide, _ id: StreamID, count: Int, isEnd: Bool) -> DirectFrame? {
        change(side) { session in
            let frame = session.beginFrame(id, count: count, isEnd: isEnd)
            if let frame, frame.count > 0 { session.wroteDirectly(ProtocolLimits.headerLength + frame.count) }
            return frame
        }
    }

    func writable(_ side: SessionSide) -> StreamID? {
        change(side) { $0.nextWritable() }
    }

    func tick(_ side: SessionSide) -> SessionEvent? {
        let now = now
        return change(side) { $0.tick(at: now) }
    }

    /// Gives a side bytes as if the other had sent them.
    func inject(_ side: SessionSide, _ bytes: [UInt8]) {
        if side == .dialler {
            SessionPair.give(bytes, to: &dialler, &diallerLog, pieceLength, consumesAtOnce, now)
        } else {
            SessionPair.give(bytes, to: &listener, &listenerLog, pieceLength, consumesAtOnce, now)
        }
    }

    static func hello(_ role: Role, versions: ClosedRange<UInt16> = ProtocolLimits.versions) -> Hello {
        Hello(
            versions: versions, capabilities: ["test"], time: UnixTime(milliseconds: 1_700_000_000_000), role: role,
            program: "axle-\(role.name) 0.1.0")
    }

    /// A pair that has said hello.
    static func open() -> SessionPair {
        let pair = SessionPair()
        pair.run()
        pair.listener.accept(hello(.hub))
        pair.run()
        pair.diallerLog = SessionLog()
        pair.listenerLog = SessionLog()
        pair.fromDialler = []
        pair.fromListener = []
        return pair
    }

    /// Moves bytes both ways until nothing moves.
    func run() {
        while stepDialler() || stepListener() {}
    }

    /// Moves what the dialler has to say; false if that was nothing.
    @discardableResult
    func stepDialler() -> Bool {
        let bytes = SessionPair.take(from: &dialler)
        fromDialler += bytes
        SessionPair.give(bytes, to: &listener, &listenerLog, pieceLength, consumesAtOnce, now)
        return !bytes.isEmpty
    }

    /// Moves what the listener has to say; false if that was nothing.
    @discardableResult
    func stepListener() -> Bool {
        let bytes = SessionPair.take(from: &listener)
        fromListener += bytes
        SessionPair.give(bytes, to: &dialler, &diallerLog, pieceLength, consumesAtOnce, now)
        return !bytes.isEmpty
    }

    /// All output of a session.
    static func take(from session: inout Session) -> [UInt8] {
        var taken: [UInt8] = []
        while session.hasOutput {
            session.withOutput { bytes in
                ByteSpan.append(bytes, to: &taken)
                return bytes.count
            }
        }
        return taken
    }

    /// Gives a session input in pieces and logs its events.
    static func give(
        _ bytes: [UInt8], to session: inout Session, _ log: inout SessionLog, _ pieceLength: () -> Int = { .max },
        _ consumesAtOnce: Bool = true, _ now: Duration = .seconds(1)
    ) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(max(1, pieceLength())))
            rest = rest.dropFirst(piece.count)
            var offset = 0
            while let event = session.receive(piece.span, &offset, at: now) {
                log.add(event, input: piece)
                if consumesAtOnce, case .data(let stream, let range, _) = event {
                    session.consumed(stream, range.count)
                }
            }
        }
    }
}

/// Events without the accident of how the input was cut: neighbouring data of a stream is joined.
struct SessionLog: Equatable {
    enum Entry: Equatable {
        case event(SessionEvent)
        case data(StreamID, [UInt8], isEnd: Bool)
    }

    var entries: [Entry] = []

    mutating func add(_ event: SessionEvent, input: [UInt8]) {
        guard case .data(let stream, let range, let isEnd) = event else {
            entries.append(.event(event))
            return
        }
        if case .data(stream, let before, false) = entries.last {
            entries[entries.count - 1] = .data(stream, before + input[range], isEnd: isEnd)
        } else {
            entries.append(.data(stream, Array(input[range]), isEnd: isEnd))
        }
    }

    var failure: ProtocolError? {
        for case .event(.failed(let error)) in entries { return error }
        return nil
    }

    var goAway: GoAway? {
        for case .event(.goAway(let goAway)) in entries { return goAway }
        return nil
    }

    var requests: [StreamID] {
        entries.compactMap { entry in
            guard case .event(.request(let stream, _, _, _)) = entry else { return nil }
            return stream
        }
    }

    var replies: [Message] {
        entries.compactMap { entry in
            guard case .event(.reply(_, let message, _)) = entry else { return nil }
            return message
        }
    }

    /// All data of a stream.
    func data(_ stream: StreamID) -> [UInt8] {
        entries.reduce(into: []) { whole, entry in
            if case .data(stream, let bytes, _) = entry { whole += bytes }
        }
    }
}
