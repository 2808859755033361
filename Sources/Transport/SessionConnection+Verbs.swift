internal import Model
internal import Network
internal import Protocol
internal import System
internal import TLS

/// What the daemon asks of its link; all of it runs on the connection's loop.
extension SessionConnection {
    /// Asks the peer on behalf of a core.
    func request(_ request: RequestID, _ message: Message, _ priority: Priority) {
        enqueue(
            Waiting(
                message: message, priority: priority,
                pending: .core(request, deadline: loop.now + settings.requestTimeout)))
    }

    /// Asks the peer on behalf of a caller in the program.
    func request(_ message: Message, _ call: Call, timeout: Duration) {
        lookInterval = min(lookInterval, timeout)
        enqueue(
            Waiting(message: message, priority: .control, pending: .call(call, deadline: loop.now + timeout)))
    }

    /// Asks for content.
    func fetch(
        _ message: Message, _ priority: Priority, _ sink: BulkSink, limit: UInt64, _ ticket: BulkTicket,
        _ answer: BulkReceiver.Answer
    ) {
        let receiver = BulkReceiver(sink, limit: limit, at: loop.now, answer)
        guard !ticket.isCancelled else {
            receiver.fail(.cancelled, on: loop)
            return
        }
        enqueue(Waiting(message: message, priority: priority, pending: .fetch(receiver, ticket)))
    }

    /// Calls a fetch off.
    func cancel(_ ticket: BulkTicket) {
        ticket.isCancelled = true
        if let stream = ticket.stream, case .fetch(let receiver, let own) = pending[stream], own === ticket {
            pending[stream] = nil
            receiver.fail(.cancelled, on: loop)
            session.reset(stream)
            sendWaiting()
            pump()
        } else if let index = waiting.firstIndex(where: {
            if case .fetch(_, let own) = $0.pending { own === ticket } else { false }
        }) {
            fail(waiting.remove(at: index).pending, .cancelled, nil)
        }
    }

    func enqueue(_ item: Waiting) {
        guard isOpen, session.state == .open, closure == nil else {
            let closure = self.closure ?? LinkClosure(code: .connectionLost, text: "not connected")
            fail(item.pending, .closed(closure), .closed)
            return
        }
        guard waiting.count < Self.waitingLimit else {
            fail(item.pending, .full, .full)
            return
        }
        waiting.append(item)
        sendWaiting()
        pump()
    }

    /// Opens streams for what waits, in order. What is too long to be sent is answered here as the
    /// peer would have done.
    func sendWaiting() {
        guard !waiting.isEmpty else { return }
        var count = 0
        var refused: [(Pending, MessageTooLong)] = []
        for item in waiting {
            do throws(MessageTooLong) {
                guard let stream = try session.open(item.message, priority: item.priority) else { break }
                pending[stream] = item.pending
                if case .fetch(let receiver, let ticket) = item.pending {
                    ticket.stream = stream
                    receiver.lastProgress = loop.now
                }
            } catch {
                refused.append((item.pending, error))
            }
            count += 1
        }
        if count == waiting.count { waiting = [] } else { waiting.removeFirst(count) }
        for (waiter, error) in refused { refuse(waiter, ErrorReply(code: .invalid, text: error.description)) }
    }

    private func refuse(_ waiter: Pending, _ error: ErrorReply) {
        switch waiter {
        case .core(let request, _): handler.linkEvent(.reply(id, request, .error(error)))
        case .call(let call, _): call.finish(.success(.error(error)))
        case .fetch(let receiver, _): receiver.fail(.answered(error), on: loop)
        }
    }

    /// Answers the peer's request.
    func reply(_ request: RequestID, _ message: Message) {
        guard let number = UInt32(exactly: request.number) else { return }
        session.reply(StreamID(number), message)
        if isJoin {
            joinIsOut = false
            joinSilence = loop.now + Self.joinPatience
        }
        pump()
    }

    /// Answers the peer's request with content; false if no more than the answer's head is sent, and
    /// `ended` is not called.
    @discardableResult
    func sendContent(
        _ request: RequestID, _ content: Content, _ source: BulkSource, ended: (@Sendable (UInt64) -> Void)?
    ) -> Bool {
        guard let number = UInt32(exactly: request.number) else { return false }
        let stream = StreamID(number)
        let isEmpty = content.offset == content.length
        guard session.reply(stream, .content(content), isEnd: isEmpty), !isEmpty else {
            pump()
            return false
        }
        send(BulkSender(source, content, ended: ended), stream)
        return true
    }

    /// Ends the link.
    func close(_ code: SessionCode, _ text: String, retryAfterSeconds: UInt64? = nil) {
        guard closure == nil || code != .leaving else { return }
        closure = LinkClosure(code: code, text: text, retryAfterSeconds: retryAfterSeconds)
        guard let channel, channel.isOpen, session.state != .awaitingHello || isOpen else {
            channel?.close()
            return
        }
        session.close(GoAway(code, text, retryAfterSeconds: retryAfterSeconds), at: loop.now)
        if code != .leaving { failAll() }
        pump()
    }
}
