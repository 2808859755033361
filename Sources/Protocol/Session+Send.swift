import Codec

extension Session {
    /// Whether `open` would open a stream now.
    package var canOpen: Bool {
        state == .open && ownStreams < ProtocolLimits.openStreams
            && output.controlCount < ProtocolLimits.controlOutput && nextStream <= ProtocolLimits.lastStream
    }

    /// Opens a stream with a request; with `isEnd` no data will follow it. Nil when `canOpen` is false: ask again later.
    ///
    /// A message over `ProtocolLimits.messageLength` is not sent and opens nothing: what it carries
    /// may come from outside.
    package mutating func open(
        _ message: Message, priority: Priority = .control, isEnd: Bool = true
    ) throws(MessageTooLong) -> StreamID? {
        guard canOpen else { return nil }
        let id = StreamID(nextStream)
        streams.append(SessionStream(id: id, priority: priority))
        ownStreams += 1
        recentIndex = streams.count - 1
        do throws(MessageTooLong) {
            try send(message, at: recentIndex, isEnd: isEnd, isOpen: true)
        } catch {
            streams.removeLast()
            ownStreams -= 1
            throw error
        }
        nextStream += 2
        return id
    }

    /// Answers a request; with `isEnd` no data will follow. False when the stream is gone or
    /// answered already, or when the message is over
    /// `ProtocolLimits.messageLength`: then the peer gets an `error` in its place.
    @discardableResult
    package mutating func reply(_ id: StreamID, _ message: Message, isEnd: Bool = true) -> Bool {
        guard let index = openIndex(id), !streams[index].hasSentMessage, !streams[index].isSendEnded,
            !streams[index].isReset
        else { return false }
        do throws(MessageTooLong) {
            try send(message, at: index, isEnd: isEnd)
            return true
        } catch {
            sendError(ErrorReply(code: .internalFault, text: error.description), at: index)
            return false
        }
    }

    /// Answers the request of a stream with an error.
    mutating func sendError(_ error: ErrorReply, at index: Int) {
        // It always fits: its text is cut to a length.
        try? send(.error(error), at: index, isEnd: true)
    }

    /// Appends a message frame and notes what it does to the stream; where the message is too long,
    /// nothing has changed.
    private mutating func send(
        _ message: Message, at index: Int, isEnd: Bool, isOpen: Bool = false
    ) throws(MessageTooLong) {
        let stream = streams[index]
        let flags = (isOpen ? FrameHeader.openFlag : 0) | (isEnd ? FrameHeader.endFlag : 0)
        let appended = output.appendControl(
            .message, flags: flags, priority: stream.priority, stream: stream.id
        ) {
            CBOREncoder.append(message.cbor, to: &$0)
        }
        if case .refused(let length) = appended { throw MessageTooLong(name: message.name, length: length) }
        streams[index].hasSentMessage = true
        streams[index].isSendEnded = isEnd
        removeIfOver(index)
    }

    /// Sends data behind a message that was sent without `isEnd`. Returns how many of the bytes were taken, which may be none:
    /// then the caller keeps the rest and goes on when `nextWritable()` names the stream. Nil when the stream is gone.
    ///
    /// With `isEnd` the stream's direction ends if all bytes were taken. Ending without bytes always succeeds.
    package mutating func sendData(_ id: StreamID, _ bytes: Span<UInt8>, isEnd: Bool) -> Int? {
        guard let index = openIndex(id), streams[index].hasSentMessage, !streams[index].isSendEnded,
            !streams[index].isReset
        else { return nil }
        var sent = 0
        while sent < bytes.count {
            let count = min(
                bytes.count - sent, ProtocolLimits.dataLength, output.bulkRoom - ProtocolLimits.headerLength,
                Int(streams[index].sendCredit), Int(sendCredit), dataAllowance ?? .max)
            guard count > 0 else { break }
            let isLast = isEnd && sent + count == bytes.count
            output.appendData(
                bytes.extracting(sent..<sent + count), stream: id, flags: isLast ? FrameHeader.endFlag : 0)
            streams[index].sendCredit -= UInt32(count)
            sendCredit -= UInt32(count)
            if let allowance = dataAllowance { dataAllowance = allowance - count }
            sent += count
        }
        setBlocked(index, sent < bytes.count)
        if bytes.isEmpty, isEnd { output.appendData(bytes, stream: id, flags: FrameHeader.endFlag) }
        if isEnd, sent == bytes.count {
            streams[index].isSendEnded = true
            removeIfOver(index)
        }
        return sent
    }

    /// Begins a data frame that the caller writes itself: of `count` bytes that it has, as many as may go now. Nil when the stream is gone.
    ///
    /// To be asked only while `hasOutput` is false. All bytes of the frame have to be written, told by `wroteDirectly`, before anything else.
    /// Where it carries less than `count`, `nextWritable()` names the stream again; with `isEnd` the stream's direction ends when it carries all.
    package mutating func beginFrame(_ id: StreamID, count: Int, isEnd: Bool) -> DirectFrame? {
        // What waits goes first. A caller that asks all the same gets nothing for this stream, and
        // harms no other.
        guard !hasOutput, directLeft == 0 else {
            return DirectFrame(FrameHeader(length: 0, type: .data, stream: id))
        }
        guard let index = openIndex(id), streams[index].hasSentMessage, !streams[index].isSendEnded,
            !streams[index].isReset
        else { return nil }
        let length = min(
            count, ProtocolLimits.directLength, Int(streams[index].sendCredit), Int(sendCredit), dataAllowance ?? .max)
        let isLast = isEnd && length == count
        setBlocked(index, length < count)
        guard length > 0 else { return DirectFrame(FrameHeader(length: 0, type: .data, stream: id)) }
        streams[index].sendCredit -= UInt32(length)
        sendCredit -= UInt32(length)
        if let allowance = dataAllowance { dataAllowance = allowance - length }
        directLeft = ProtocolLimits.headerLength + length
        if isLast {
            streams[index].isSendEnded = true
            removeIfOver(index)
        }
        return DirectFrame(
            FrameHeader(
                length: UInt32(length), type: .data, flags: isLast ? FrameHeader.endFlag : 0, stream: id))
    }

    /// So many bytes of the direct frame have been written.
    package mutating func wroteDirectly(_ count: Int) {
        // A session that has given up on its last output counts no more.
        directLeft = max(0, directLeft - count)
    }

    /// Whether data of a stream waits for the peer's credit alone.
    package func lacksCredit(_ id: StreamID) -> Bool {
        guard let stream = streams.first(where: { $0.id == id }) else { return false }
        return stream.sendCredit == 0 || sendCredit == 0
    }

    /// Data has come for a stream: `nextWritable()` is to name it when it may go.
    package mutating func wantsToSend(_ id: StreamID) {
        guard let index = openIndex(id), streams[index].hasSentMessage, !streams[index].isSendEnded,
            !streams[index].isReset
        else { return }
        setBlocked(index, true)
    }

    /// Ends a stream at once in both directions; nothing more of it is delivered. Data already taken in is still sent.
    package mutating func reset(_ id: StreamID, _ code: ResetCode = .cancelled) {
        guard let index = openIndex(id), !streams[index].isReset else { return }
        resetStream(at: index, code)
    }

    mutating func resetStream(at index: Int, _ code: ResetCode) {
        output.appendReset(streams[index].id, code)
        streams[index].isReset = true
        setBlocked(index, false)
        removeIfOver(index)
    }

    /// Says that so many delivered data bytes have left memory; their credit goes back to the peer, in large steps.
    ///
    /// Also to be called for a stream that is over, since the connection's credit counts on.
    package mutating func consumed(_ id: StreamID, _ bytes: Int) {
        guard state != .closing else { return }
        let count = UInt32(clamping: bytes)
        giveBackConnectionCredit(count)
        guard let index = openIndex(id) else { return }
        let amount = min(count, streams[index].unconsumed)
        streams[index].unconsumed -= amount
        guard !streams[index].isReceiveEnded, !streams[index].isReset else { return }
        streams[index].owed += amount
        guard streams[index].owed >= ProtocolLimits.streamCredit / 4 else { return }
        output.appendControl(.credit, stream: id, streams[index].owed)
        streams[index].receiveCredit += streams[index].owed
        streams[index].owed = 0
    }

    mutating func giveBackConnectionCredit(_ bytes: UInt32) {
        let amount = min(bytes, unconsumed)
        unconsumed -= amount
        owed += amount
        guard owed >= ProtocolLimits.connectionCredit / 4 else { return }
        output.appendControl(.credit, owed)
        receiveCredit += owed
        owed = 0
    }

    /// A stream whose `sendData` fell short and that can go on now, the most urgent first, equals in turn; nil if there is none.
    /// It is named once until it falls short again. Ask after `receive` and after `withOutput`.
    package mutating func nextWritable() -> StreamID? {
        guard takesBulk, dataAllowance != 0 else { return nil }
        var best: Int?
        for index in streams.indices where streams[index].isBlocked && streams[index].sendCredit > 0 {
            guard let current = best else {
                best = index
                continue
            }
            if isBefore(streams[index], streams[current]) { best = index }
        }
        guard let best else { return nil }
        setBlocked(best, false)
        lastWritable = streams[best].id
        return lastWritable
    }

    /// There is data to send, credit for it and room.
    private var takesBulk: Bool {
        blockedStreams > 0 && sendCredit > 0
            && output.bulkRoom >= min(ProtocolLimits.bulkOutput / 2, ProtocolLimits.writeLength)
    }

    /// Limits data: `bytes` may go out, then no more until `allow` is called. Nil lifts the limit. Control frames are not limited.
    package mutating func limitData(to bytes: Int?) {
        dataAllowance = bytes.map { max(0, $0) }
    }

    /// Lets so many data bytes more go out, if there is a limit; ask `nextWritable()` after it.
    package mutating func allow(_ bytes: Int) {
        guard let allowance = dataAllowance else { return }
        dataAllowance = allowance + max(0, bytes)
    }

    /// Data would go out now but for the limit.
    package var isHeldBack: Bool {
        guard dataAllowance == 0, takesBulk else { return false }
        return streams.contains { $0.isBlocked && $0.sendCredit > 0 }
    }

    /// Urgent before less urgent; of equals, those behind the latest one first, so that each gets its turn.
    private func isBefore(_ left: SessionStream, _ right: SessionStream) -> Bool {
        guard left.priority == right.priority else { return left.priority < right.priority }
        let (isLeftBehind, isRightBehind) = (left.id > lastWritable, right.id > lastWritable)
        return isLeftBehind == isRightBehind ? left.id < right.id : isLeftBehind
    }

    private mutating func setBlocked(_ index: Int, _ isBlocked: Bool) {
        guard streams[index].isBlocked != isBlocked else { return }
        streams[index].isBlocked = isBlocked
        blockedStreams += isBlocked ? 1 : -1
    }

    /// Forgets a stream that both sides have ended.
    mutating func removeIfOver(_ index: Int) {
        guard streams[index].isOver else { return }
        setBlocked(index, false)
        let isOwn = (streams[index].id.number & 1 == 1) == (side == .dialler)
        if isOwn { ownStreams -= 1 } else { peerStreams -= 1 }
        streams.swapAt(index, streams.count - 1)
        streams.removeLast()
        if streams.isEmpty {
            if streams.capacity > 4 { streams = [] }
            if output.isEmpty { output.release() }
        }
        finishLeavingIfIdle()
    }
}
