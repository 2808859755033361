import Codec

extension Session {
    /// Takes the input from `offset` on, up to and including what makes the next event; nil when it is used up.
    ///
    /// Call it until it gives nil; between two calls the session may be used in any way. `offset` counts bytes of `input` and is the
    /// caller's, who begins at 0 with every new piece of input.
    package mutating func receive(
        _ input: Span<UInt8>, _ offset: inout Int, at uptime: Duration
    ) -> SessionEvent? {
        // Until hello nothing extends the time for it.
        if offset < input.count, state != .awaitingHello { lastHeard = uptime }
        do {
            while state != .closing, let piece = try reader.next(input, &offset) {
                if let event = try take(piece, input, at: uptime) { return event }
            }
        } catch {
            offset = input.count
            return fail(error, at: uptime)
        }
        offset = input.count
        return nil
    }

    private mutating func take(
        _ piece: FrameReader.Piece, _ input: Span<UInt8>, at uptime: Duration
    ) throws(ProtocolError) -> SessionEvent? {
        switch piece {
        case .data(let header, let range, let isFirst, let isLast):
            return try takeData(header, range, isFirst: isFirst, isLast: isLast)
        case .whole(let header, let range):
            return try takeFrame(header, input.extracting(range), at: uptime)
        case .gathered(let header):
            let payload = reader.takeGathered()
            return try takeFrame(header, payload.span, at: uptime)
        }
    }

    private mutating func takeFrame(
        _ header: FrameHeader, _ payload: Span<UInt8>, at uptime: Duration
    ) throws(ProtocolError) -> SessionEvent? {
        guard state != .deciding || header.type == .goAway else {
            throw ProtocolError(.unexpectedFrame, "a \(header.type) frame before the listener's hello")
        }
        switch header.type {
        case .hello: return try takeHello(payload, at: uptime)
        case .message: return try takeMessage(header, payload)
        case .data: return nil  // The reader gives data in pieces.
        case .credit: try takeCredit(header.stream, UInt32(truncatingIfNeeded: Session.integer(payload)))
        case .ping: try takePing(Session.integer(payload), at: uptime)
        case .pong: try takePong(Session.integer(payload))
        case .goAway: return try takeGoAway(payload, at: uptime)
        case .reset:
            return try takeReset(header.stream, UInt32(truncatingIfNeeded: Session.integer(payload)), at: uptime)
        }
        return nil
    }

    /// A big-endian integer of at most eight bytes.
    private static func integer(_ payload: Span<UInt8>) -> UInt64 {
        var value: UInt64 = 0
        for index in payload.indices { value = value << 8 | UInt64(payload[index]) }
        return value
    }

    // MARK: Session frames

    private mutating func takeHello(_ payload: Span<UInt8>, at uptime: Duration) throws(ProtocolError) -> SessionEvent {
        guard state == .awaitingHello else { throw ProtocolError(.unexpectedFrame, "a second hello") }
        let hello: Hello
        do { hello = try Hello(payload) } catch { throw Session.sessionError(error) }
        guard let common = Hello.commonVersion(ownVersions, hello.versions) else {
            throw ProtocolError(
                .noCommonVersion,
                "axle/1 versions \(ownVersions.lowerBound) to \(ownVersions.upperBound) are spoken here, not "
                    + "\(hello.versions.lowerBound) to \(hello.versions.upperBound)")
        }
        version = common
        lastHeard = uptime
        reader.takesOnlyHello = false
        state = side == .dialler ? .open : .deciding
        return .hello(hello)
    }

    private mutating func countWithdrawal(at uptime: Duration) throws(ProtocolError) {
        if uptime - withdrawalWindowStart >= ProtocolLimits.pingInterval {
            withdrawalWindowStart = uptime
            withdrawalsInWindow = 0
        }
        withdrawalsInWindow += 1
        guard withdrawalsInWindow <= ProtocolLimits.withdrawals else {
            throw ProtocolError(.flooded, "too many requests are taken back unanswered")
        }
    }

    private mutating func takePing(_ number: UInt64, at uptime: Duration) throws(ProtocolError) {
        if uptime - pingWindowStart >= ProtocolLimits.pingInterval {
            pingWindowStart = uptime
            pingsInWindow = 0
        }
        pingsInWindow += 1
        guard pingsInWindow <= ProtocolLimits.pingCount else { throw ProtocolError(.flooded, "too many pings") }
        owedPong = number
    }

    private mutating func takePong(_ number: UInt64) throws(ProtocolError) {
        guard pingSent != nil, number == pingNumber else {
            throw ProtocolError(.unexpectedFrame, "a pong to no ping")
        }
        pingSent = nil
    }

    private mutating func takeGoAway(_ payload: Span<UInt8>, at uptime: Duration) throws(ProtocolError) -> SessionEvent
    {
        let goAway: GoAway
        do { goAway = try GoAway(payload) } catch { throw Session.sessionError(error) }
        if goAway.code == .leaving, state != .awaitingHello {
            guard !peerHasLeft else { throw ProtocolError(.unexpectedFrame, "a second go-away") }
            peerHasLeft = true
            state = .leaving
            endingSince = endingSince ?? uptime
            finishLeavingIfIdle()
        } else {
            output.dropBulk()
            end(at: uptime)
        }
        return .goAway(goAway)
    }

    private static func sessionError(_ error: MessageError) -> ProtocolError {
        switch error {
        case .malformed(let text), .unsupported(let text): ProtocolError(.malformed, text)
        }
    }

    // MARK: Stream frames

    /// Where the open stream is; nil if it has been closed. A stream that never was is the peer's fault.
    mutating func index(ofStream id: StreamID) throws(ProtocolError) -> Int? {
        if let index = openIndex(id) { return index }
        let isOwn = (id.number & 1 == 1) == (side == .dialler)
        guard isOwn ? id.number < nextStream : id.number <= lastPeerStream else {
            throw ProtocolError(.badStream, "\(id) was never opened")
        }
        return nil
    }

    /// Where the open stream is, if it is open.
    mutating func openIndex(_ id: StreamID) -> Int? {
        if recentIndex < streams.count, streams[recentIndex].id == id { return recentIndex }
        guard let index = streams.firstIndex(where: { $0.id == id }) else { return nil }
        recentIndex = index
        return index
    }

    private mutating func takeMessage(
        _ header: FrameHeader, _ payload: Span<UInt8>
    ) throws(ProtocolError) -> SessionEvent? {
        let index: Int
        if header.isOpen {
            index = try openPeerStream(header)
        } else {
            guard let found = try self.index(ofStream: header.stream) else {
                throw ProtocolError(.badStream, "a message on \(header.stream), which is closed")
            }
            index = found
        }
        guard !streams[index].hasReceivedMessage, !streams[index].isReceiveEnded else {
            throw ProtocolError(.unexpectedFrame, "a second message on \(header.stream)")
        }
        lastMessageLength = payload.count
        streams[index].hasReceivedMessage = true
        streams[index].isReceiveEnded = header.isEnd
        guard !streams[index].isReset else {
            removeIfOver(index)
            return nil
        }
        let message: Message
        do {
            message = try Message(payload)
        } catch {
            guard case .unsupported(let text) = error else { throw Session.sessionError(error) }
            return refuseUnsupported(index, isRequest: header.isOpen, text)
        }
        if header.isOpen {
            // Neither the go-away nor the request has overtaken the other: the asker may ask elsewhere.
            if hasLeft {
                resetStream(at: index, .leaving)
                return nil
            }
            return .request(header.stream, message, streams[index].priority, isEnd: header.isEnd)
        }
        removeIfOver(index)
        return .reply(header.stream, message, isEnd: header.isEnd)
    }

    private mutating func openPeerStream(_ header: FrameHeader) throws(ProtocolError) -> Int {
        let number = header.stream.number
        guard (number & 1 == 1) == (side == .listener) else {
            throw ProtocolError(.badStream, "\(header.stream) is not the peer's to open")
        }
        guard number > lastPeerStream else { throw ProtocolError(.badStream, "\(header.stream) is used a second time") }
        guard !peerHasLeft else { throw ProtocolError(.unexpectedFrame, "a new stream after go-away") }
        guard peerStreams < ProtocolLimits.openStreams else {
            throw ProtocolError(.badStream, "more than \(ProtocolLimits.openStreams) open streams")
        }
        guard output.count <= ProtocolLimits.outputEnd else {
            throw ProtocolError(.flooded, "requests go on while answers are not read")
        }
        lastPeerStream = number
        peerStreams += 1
        streams.append(SessionStream(id: header.stream, priority: header.priority))
        recentIndex = streams.count - 1
        return recentIndex
    }

    /// A newer peer has said something that we do not know: that stream ends, the session goes on.
    private mutating func refuseUnsupported(_ index: Int, isRequest: Bool, _ text: String) -> SessionEvent? {
        let id = streams[index].id
        guard isRequest else {
            resetStream(at: index, .unsupported)
            return .reset(id, .unsupported)
        }
        sendError(ErrorReply(code: .unsupported, text: text), at: index)
        if let index = openIndex(id) { resetStream(at: index, .unsupported) }
        return nil
    }

    private mutating func takeData(
        _ header: FrameHeader, _ range: Range<Int>, isFirst: Bool, isLast: Bool
    ) throws(ProtocolError) -> SessionEvent? {
        if isFirst { try admitData(header) }
        let isEnd = isLast && header.isEnd
        let count = UInt32(range.count)
        unconsumed += count
        guard let index = openIndex(header.stream) else {
            giveBackConnectionCredit(count)
            return nil
        }
        streams[index].isReceiveEnded = isEnd
        guard !streams[index].isReset else {
            giveBackConnectionCredit(count)
            removeIfOver(index)
            return nil
        }
        guard count > 0 || isEnd else { return nil }
        streams[index].unconsumed += count
        removeIfOver(index)
        return .data(header.stream, range, isEnd: isEnd)
    }

    /// Checks a data frame against the state of its stream and the credit, once, before any of its bytes is passed on.
    private mutating func admitData(_ header: FrameHeader) throws(ProtocolError) {
        guard state != .deciding else {
            throw ProtocolError(.unexpectedFrame, "a data frame before the listener's hello")
        }
        guard let index = try index(ofStream: header.stream), !streams[index].isReceiveEnded else {
            throw ProtocolError(.badStream, "data on \(header.stream), which is closed")
        }
        guard streams[index].hasReceivedMessage else {
            throw ProtocolError(.unexpectedFrame, "data before a message on \(header.stream)")
        }
        guard header.length > 0 || header.isEnd else {
            throw ProtocolError(.malformed, "a data frame without data on \(header.stream)")
        }
        guard header.length <= streams[index].receiveCredit, header.length <= receiveCredit else {
            throw ProtocolError(.creditExceeded, "more data than credit on \(header.stream)")
        }
        streams[index].receiveCredit -= header.length
        receiveCredit -= header.length
    }

    private mutating func takeCredit(_ id: StreamID, _ amount: UInt32) throws(ProtocolError) {
        guard amount > 0 else { throw ProtocolError(.malformed, "a credit of 0") }
        if id.number == 0 {
            sendCredit = try Session.sum(sendCredit, amount)
        } else if let index = try index(ofStream: id) {
            streams[index].sendCredit = try Session.sum(streams[index].sendCredit, amount)
        }
        // Credit for a stream that we have ended in the meantime means nothing any more.
    }

    private static func sum(_ credit: UInt32, _ amount: UInt32) throws(ProtocolError) -> UInt32 {
        let (sum, overflow) = credit.addingReportingOverflow(amount)
        guard !overflow, sum <= ProtocolLimits.mostCredit else {
            throw ProtocolError(.creditExceeded, "more credit than \(ProtocolLimits.mostCredit)")
        }
        return sum
    }

    private mutating func takeReset(
        _ id: StreamID, _ number: UInt32, at uptime: Duration
    ) throws(ProtocolError) -> SessionEvent? {
        guard let index = try index(ofStream: id) else { return nil }
        let isPeers = (id.number & 1 == 1) == (side == .listener)
        if isPeers, streams[index].hasReceivedMessage, !streams[index].hasSentMessage {
            try countWithdrawal(at: uptime)
        }
        let wasReset = streams[index].isReset
        streams[index].isReceiveEnded = true
        if !wasReset {
            // The answer tells the peer that nothing more will come, unless our end has told it already.
            if !streams[index].isSendEnded { output.appendReset(id, .cancelled) }
            streams[index].isSendEnded = true
        }
        removeIfOver(index)
        return wasReset ? nil : .reset(id, ResetCode(rawValue: number) ?? .failed)
    }
}
