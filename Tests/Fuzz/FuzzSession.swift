// Session: a peer that sends any bytes, and a program that does anything in between. Nothing traps, credit and memory stay bounded,
// what is written is whole frames, and a session that has failed says so once and then only finishes.

@Sendable func fuzzSession(_ input: [UInt8]) {
    guard let first = input.first else { return }
    var run = Run(isDialler: first & 1 == 0, isGreeted: first & 2 == 0)
    var rest = input.dropFirst()
    // A command byte, then a length byte and so many bytes from the peer.
    while let command = rest.popFirst() {
        let length = Int(rest.popFirst() ?? 0)
        run.act(command)
        run.hear(Array(rest.prefix(length)))
        rest = rest.dropFirst(length)
    }
    run.finish()
}

struct Run {
    var session: Session
    var now: Duration = .seconds(1)
    var streams: [StreamID] = [StreamID(1), StreamID(2)]
    var written: [UInt8] = []
    var hasFailed = false
    /// The last output was not read in time and is gone, in the middle of a frame perhaps.
    var hasGivenUp = false
    static let hello = Hello(time: UnixTime(milliseconds: 0), role: .hub, program: "fuzz")
    static let helloFrame: [UInt8] = {
        var peer = Session.dialler(hello, at: .zero)
        var bytes: [UInt8] = []
        peer.withOutput { output in
            ByteSpan.append(output, to: &bytes)
            return output.count
        }
        return bytes
    }()

    init(isDialler: Bool, isGreeted: Bool) {
        session = isDialler ? .dialler(Run.hello, at: .zero) : .listener(at: .zero)
        guard isGreeted else { return }
        hear(Run.helloFrame)
        session.accept(Run.hello)
    }

    mutating func hear(_ bytes: [UInt8]) {
        var offset = 0
        while let event = session.receive(bytes.span, &offset, at: now) {
            precondition(!hasFailed, "an event after the failure")
            switch event {
            case .request(let stream, _, _, _): streams.append(stream)
            case .data(let stream, let range, _):
                precondition(range.upperBound <= bytes.count)
                if range.count % 3 != 0 { session.consumed(stream, range.count) }
            case .failed: hasFailed = true
            default: break
            }
        }
        precondition(offset == bytes.count)
    }

    mutating func act(_ command: UInt8) {
        let stream = streams[Int(command >> 4) % streams.count]
        let payload = [UInt8](repeating: command, count: Int(command) * 700)
        switch command & 15 {
        case 0: session.accept(Run.hello)
        case 1:
            // A message that short always fits.
            if let id = try? session.open(.ok(OK()), priority: Priority(rawValue: command), isEnd: command & 16 == 0) {
                streams.append(id)
            }
        case 2: session.reply(stream, .content(Content(length: 5, offset: 0)), isEnd: false)
        case 3: session.reply(stream, .ok(OK()))
        case 4, 5:
            if let taken = session.sendData(stream, payload.span, isEnd: command & 1 == 0) {
                precondition(taken <= payload.count)
            }
        case 6 where command & 16 != 0 && !session.hasOutput:
            if let frame = session.beginFrame(stream, count: payload.count, isEnd: command & 32 != 0), frame.count > 0 {
                precondition(frame.count <= payload.count)
                let high: [UInt8] = (0..<8).map { UInt8(truncatingIfNeeded: frame.high >> UInt64(56 - 8 * $0)) }
                let low: [UInt8] = (0..<4).map { UInt8(truncatingIfNeeded: frame.low >> UInt32(24 - 8 * $0)) }
                written += high
                written += low
                written += payload[..<frame.count]
                session.wroteDirectly(ProtocolLimits.headerLength + frame.count)
            }
        case 6: session.reset(stream)
        case 7: session.consumed(stream, Int(command) * 1000)
        case 8: if session.nextWritable() != nil { precondition(session.state != .closing) }
        case 9: now += .seconds(Int(command >> 4) * 5)
        case 10:
            let waiting = session.state == .closing ? session.outputCount : 0
            if case .failed = session.tick(at: now) { hasFailed = true }
            hasGivenUp = hasGivenUp || session.outputCount < waiting
        case 11: write(Int(command) * 97)
        case 12: session.close(GoAway(.leaving, "bye"), at: now)
        case 13 where command == 0xfd: session.close(GoAway(.internalFault, "end"), at: now)
        default: write(.max)
        }
        precondition(session.outputCount <= ProtocolLimits.outputEnd + 1 << 20, "output without bound")
    }

    mutating func write(_ most: Int) {
        var written = written
        session.withOutput { bytes in
            let count = min(most, bytes.count)
            ByteSpan.append(bytes.extracting(0..<count), to: &written)
            return count
        }
        self.written = written
    }

    /// Writes all that is left and looks at the whole output as the peer would.
    mutating func finish() {
        while session.hasOutput { write(.max) }
        precondition(!hasFailed || session.isFinished)
        guard !hasGivenUp else { return }
        var reader = FrameReader()
        reader.takesOnlyHello = false
        var offset = 0
        do {
            while try reader.next(written.span, &offset) != nil { _ = reader.takeGathered() }
        } catch {
            preconditionFailure("a frame that we would refuse: \(error)")
        }
        precondition(offset == written.count)
        // A last, complete frame leaves the reader between frames: one more header is read as such.
        var ping: [UInt8] = []
        FrameHeader(length: 8, type: .ping).append(to: &ping)
        ping += [UInt8](repeating: 0, count: 8)
        offset = 0
        guard case .whole = try? reader.next(ping.span, &offset) else {
            preconditionFailure("the output ends inside a frame")
        }
    }
}
