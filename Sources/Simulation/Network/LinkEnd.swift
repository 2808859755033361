internal import Model
internal import Protocol

/// One end of a connection: the real `Session` over in-memory pipes, as `SessionConnection` runs it over TLS.
final class LinkEnd {
    /// Who waits for the answer on a stream that this end opened.
    private enum Waiter {
        case core(RequestID, deadline: Duration)
        /// Somebody beside the core; nil when there will be no answer.
        case ask((Message?) -> Void, deadline: Duration)
        case fetch(Fetch)
    }

    /// Content on its way; what is read from stays open as long.
    private struct Sending {
        let bytes: [UInt8]
        var offset = 0
        let source: AnyObject?
        /// Hears how many of the bytes have gone, when no more of them will.
        let ended: ((Int) -> Void)?
    }

    static let requestTimeout: Duration = .seconds(60)
    static let stallTimeout: Duration = .seconds(60)
    private static let look: Duration = .seconds(5)

    let id: LinkID
    let peer: PeerIdentity
    private(set) var isOpen = false
    /// Nothing comes from it any more: over, or its process is gone.
    private(set) var isDead = false
    private let side: Int
    private let network: Network
    private unowned let owner: any LinkOwner
    private unowned let connection: Connection
    private var session: Session
    private var waiters: [StreamID: Waiter] = [:]
    private var waiting: [(message: Message, priority: Priority, waiter: Waiter)] = []
    private var sending: [StreamID: Sending] = [:]
    private var closure: LinkClosure?
    private var timerAt: Duration?
    private var uptime: Duration { network.scheduler.uptime }

    init(_ side: Int, _ network: Network, owner: any LinkOwner, peer: PeerIdentity, connection: Connection) {
        self.side = side
        self.network = network
        self.owner = owner
        self.peer = peer
        self.connection = connection
        id = network.nextLink()
        session = .listener(at: network.scheduler.uptime)
    }

    func start() {
        if side == 0 { session = .dialler(owner.hello(), at: uptime) }
        pump()
    }

    // MARK: Receiving

    func receive(_ bytes: [UInt8]) {
        guard !isDead, !network.maybeCut(connection) else { return }
        // A process that went before it had heard of the link accepts nobody.
        guard owner.isUp else { return abandon() }
        var offset = 0
        while !isDead, let event = session.receive(bytes.span, &offset, at: uptime) { take(event, bytes) }
        pump()
    }

    private func take(_ event: SessionEvent, _ input: [UInt8]) {
        switch event {
        case .hello(let hello): take(hello)
        case .request(let stream, let message, _, _):
            owner.linkEvent(self, .request(id, RequestID(UInt64(stream.number)), message))
        case .reply(let stream, let message, let isEnd): takeReply(stream, message, isEnd)
        case .data(let stream, let range, let isEnd): takeData(stream, Array(input[range]), isEnd)
        case .reset(let stream, let code):
            stopSending(stream)
            guard let waiter = waiters.removeValue(forKey: stream) else { return }
            fail(waiter, .reset(code), .failed("reset: \(code)"))
        case .goAway(let goAway):
            closure = LinkClosure(
                code: goAway.code, text: goAway.text, retryAfterSeconds: goAway.retryAfterSeconds, isPeers: true)
            failAll()
        case .failed(let error):
            closure = closure ?? LinkClosure(code: error.code, text: error.text)
            failAll()
        }
    }

    private func take(_ hello: Hello) {
        if side == 1 {
            if let refusal = owner.refusal(of: peer) {
                closure = LinkClosure(code: .refused, text: refusal)
                return session.close(GoAway(.refused, refusal), at: uptime)
            }
            session.accept(owner.hello())
        }
        isOpen = true
        owner.linkOpened(self, hello)
    }

    private func takeReply(_ stream: StreamID, _ message: Message, _ isEnd: Bool) {
        guard let waiter = waiters[stream] else { return }
        switch waiter {
        case .core(let request, _):
            waiters[stream] = nil
            if !isEnd { session.reset(stream) }
            owner.linkEvent(self, .reply(id, request, message))
        case .ask(let done, _):
            waiters[stream] = nil
            if !isEnd { session.reset(stream) }
            done(message)
        case .fetch(let fetch):
            fetch.lastProgress = uptime
            if let end = fetch.begin(message, isEnd: isEnd) {
                waiters[stream] = nil
                if !isEnd { session.reset(stream) }
                fetch.finish(end)
            }
        }
        sendWaiting()
    }

    private func takeData(_ stream: StreamID, _ bytes: [UInt8], _ isEnd: Bool) {
        session.consumed(stream, bytes.count)
        guard case .fetch(let fetch) = waiters[stream] else { return }
        fetch.lastProgress = uptime
        guard let end = fetch.receive(bytes, isEnd: isEnd) else { return }
        waiters[stream] = nil
        if !isEnd { session.reset(stream) }
        fetch.finish(end)
        sendWaiting()
    }

    // MARK: Sending

    /// Moves what the session has to say to the connection.
    private func pump() {
        guard !isDead else { return }
        while true {
            while let stream = session.nextWritable() { feed(stream) }
            guard session.hasOutput else { break }
            var bytes: [UInt8] = []
            session.withOutput { span in
                bytes = span.withUnsafeBufferPointer { Array($0) }
                return span.count
            }
            guard !bytes.isEmpty else { break }
            connection.send(bytes, from: side)
        }
        if session.isFinished {
            connection.close(from: side)
            end("the session is over")
        } else {
            setTimer()
        }
    }

    private func feed(_ stream: StreamID) {
        guard var item = sending[stream] else { return }
        guard
            let taken = session.sendData(
                stream, item.bytes.span.extracting(item.offset..<item.bytes.count), isEnd: true)
        else { return stopSending(stream) }
        item.offset += taken
        sending[stream] = item
        if item.offset == item.bytes.count { stopSending(stream) }
    }

    private func stopSending() {
        for stream in sending.keys.sorted(by: { $0.number < $1.number }) { stopSending(stream) }
    }

    private func stopSending(_ stream: StreamID) {
        guard let item = sending.removeValue(forKey: stream) else { return }
        item.ended?(item.offset)
    }

    /// Does what a core wants on this link.
    func perform(_ effect: LinkEffect) {
        guard !isDead else { return }
        switch effect {
        case .request(_, let request, let message, let priority):
            enqueue(message, priority, .core(request, deadline: uptime + Self.requestTimeout))
        case .reply(_, let request, let message):
            guard let number = UInt32(exactly: request.number) else { return }
            session.reply(StreamID(number), message)
            pump()
        case .close(_, let code, let text):
            closure = LinkClosure(code: code, text: text)
            session.close(GoAway(code, text), at: uptime)
            if code != .leaving { failAll() }
            pump()
        }
    }

    /// Asks for content.
    func fetch(_ message: Message, _ priority: Priority, _ fetch: Fetch) {
        fetch.lastProgress = uptime
        enqueue(message, priority, .fetch(fetch))
    }

    /// Asks for somebody beside the core; `done` is given nil when there will be no answer.
    func ask(_ message: Message, _ done: @escaping (Message?) -> Void) {
        enqueue(message, .control, .ask(done, deadline: uptime + Self.requestTimeout))
    }

    /// Answers the peer's request with content; `source` is kept as long as it is sent, `ended` as in `Links`.
    func sendContent(
        _ request: RequestID, _ content: Content, _ bytes: [UInt8], from source: AnyObject? = nil,
        ended: ((Int) -> Void)? = nil
    ) {
        guard !isDead, let number = UInt32(exactly: request.number) else { return }
        let stream = StreamID(number)
        guard session.reply(stream, .content(content), isEnd: bytes.isEmpty), !bytes.isEmpty else { return pump() }
        sending[stream] = Sending(bytes: bytes, source: source, ended: ended)
        feed(stream)
        pump()
    }

    private func enqueue(_ message: Message, _ priority: Priority, _ waiter: Waiter) {
        guard !isDead, isOpen, session.state == .open, closure == nil else {
            return fail(waiter, .closed, .failed("not connected"))
        }
        waiting.append((message, priority, waiter))
        sendWaiting()
        pump()
    }

    private func sendWaiting() {
        while let first = waiting.first {
            do throws(MessageTooLong) {
                guard let stream = try session.open(first.message, priority: first.priority) else { return }
                waiters[stream] = first.waiter
                waiting.removeFirst()
            } catch {
                waiting.removeFirst()
                fail(first.waiter, .full, .failed(error.description))
            }
        }
    }

    // MARK: Time

    private func setTimer() {
        var next = session.nextTick
        if !waiters.isEmpty || !waiting.isEmpty { next = min(next ?? .seconds(1 << 40), uptime + Self.look) }
        guard let next else { return }
        if let timerAt, timerAt <= next { return }
        timerAt = next
        network.scheduler.at(Scheduler.start + next) { [weak self] in
            guard let self, self.timerAt == next else { return }
            self.timerAt = nil
            self.tick()
        }
    }

    private func tick() {
        guard !isDead else { return }
        if let event = session.tick(at: uptime) { take(event, []) }
        for stream in waiters.keys.sorted(by: { $0.number < $1.number }) {
            guard let waiter = waiters[stream], isLate(waiter) else { continue }
            waiters[stream] = nil
            session.reset(stream)
            fail(waiter, .timedOut, .timedOut)
        }
        sendWaiting()
        pump()
    }

    private func isLate(_ waiter: Waiter) -> Bool {
        switch waiter {
        case .core(_, let deadline), .ask(_, let deadline): deadline <= uptime
        case .fetch(let fetch): fetch.lastProgress + Self.stallTimeout <= uptime
        }
    }

    // MARK: The end

    private func fail(_ waiter: Waiter, _ failure: LinkFailure, _ end: Fetch.End) {
        switch waiter {
        case .core(let request, _):
            // The link's end stands for the failure of all that are out.
            if failure != .closed { owner.linkEvent(self, .failed(id, request, failure)) }
        case .ask(let done, _): done(nil)
        case .fetch(let fetch): fetch.finish(end)
        }
    }

    private func failAll() {
        let text = closure?.text ?? "the connection broke"
        let all = waiters.sorted { $0.key.number < $1.key.number }.map(\.value) + waiting.map(\.waiter)
        waiters = [:]
        waiting = []
        stopSending()
        for waiter in all { fail(waiter, .closed, .failed(text)) }
    }

    /// The connection is gone.
    func end(_ text: String) {
        guard !isDead else { return }
        let closure = self.closure ?? LinkClosure(code: .other(0xffff), text: text)
        self.closure = closure
        isDead = true
        failAll()
        let wasOpen = isOpen
        isOpen = false
        owner.linkEnded(self, wasOpen: wasOpen, closure)
    }

    /// Breaks the connection, behind what happens just now.
    func breakOff() {
        network.scheduler.after(.zero) { [weak self] in
            guard let self, !self.isDead else { return }
            self.network.cut(self.connection)
        }
    }

    /// Its process is gone: nobody here is told, the other end hears of it as of a broken connection.
    func abandon() {
        guard !isDead else { return }
        isDead = true
        isOpen = false
        waiters = [:]
        waiting = []
        stopSending()
        connection.close(from: side)
    }
}
