import Network
import System
import TLS

/// One client's connection; everything but the handler's task happens on its loop.
///
/// `@unchecked Sendable`: it travels between the loop and the handler's task as a reference only; its state is touched on
/// the loop's thread alone.
final class HTTPServerConnection: TLSChannelHandler, TimerHandler, @unchecked Sendable {
    private enum Phase {
        /// Between two requests.
        case idle
        /// A request has begun.
        case reading
        /// The handler is at work; nothing is read.
        case handling
        /// The client has not taken the whole response yet; nothing is read.
        case writing
        case closed
    }

    let loop: EventLoop
    private let server: HTTPServer
    private let peer: String
    private let timer = LoopTimer()
    private var channel: TLSChannel?
    private var phase = Phase.idle
    private var parser: HTTPRequestParser
    /// Bytes that came and are not parsed yet: at most what one read gave.
    private var pending: [UInt8] = []
    private var head: HTTPRequestHead?
    /// Whether the latest head has shown that the client is known.
    private var isKnown = false
    /// The request in hand was answered before its end: nothing that follows it can be understood.
    private var isCutShort = false
    private var body: [UInt8] = []
    private var requests = 0
    private var task: Task<Void, Never>?

    init(_ server: HTTPServer, _ loop: EventLoop, peer: String) {
        self.server = server
        self.loop = loop
        self.peer = peer
        parser = HTTPRequestParser(limits: server.settings.limits)
    }

    /// Takes over a connection whose handshake is done; on the loop.
    func start(_ established: TLSChannel.Established) {
        channel = TLSChannel(established: established, loop: loop, options: server.options, handler: self)
    }

    /// The server stops: an idle connection ends now, one at work after its response, which is hurried.
    func drain() {
        switch phase {
        case .idle: close()
        case .handling: task?.cancel()
        case .reading, .writing, .closed: break
        }
    }

    func abort() {
        channel?.abort()
    }

    // MARK: Channel events

    func channelOpened(_ channel: TLSChannel) {
        if !channel.admitVisitor() {
            refuseForRoom()
        } else if server.isStopping {
            close()
        } else {
            loop.schedule(timer, after: idleTimeout, self)
        }
    }

    private func refuseForRoom() {
        send(.problem(503, code: "tooManyConnections", detail: "The server has no room; try again."), close: true)
    }

    private var idleTimeout: Duration {
        isKnown ? server.settings.idleTimeout : min(server.settings.strangerTimeout, server.settings.idleTimeout)
    }

    func channel(_ channel: TLSChannel, received bytes: UnsafeRawBufferPointer) {
        guard phase != .closed else { return }
        pending += bytes
        advance()
    }

    func channelWritable(_ channel: TLSChannel) {
        guard phase == .writing else { return }
        becomeIdle()
    }

    func channelClosed(_ channel: TLSChannel, _ end: ChannelEnd) {
        phase = .closed
        loop.cancel(timer)
        task?.cancel()
        task = nil
        self.channel = nil
        pending = []
        body = []
        server.forget(self)
    }

    func timerFired(_ timer: LoopTimer) {
        switch phase {
        case .idle: close()
        case .reading:
            send(.problem(408, code: "requestTimeout", detail: "The request took too long to arrive."), close: true)
        case .writing: channel?.abort()
        case .handling, .closed: break
        }
    }

    // MARK: Requests

    private func advance() {
        let bytes = pending
        var position = 0
        do throws(HTTPError) {
            parsing: while phase == .idle || phase == .reading {
                guard let event = try parser.next(bytes.span, at: &position) else { break }
                switch event {
                case .head(let head): take(head)
                case .body(let range):
                    guard isKnown else {
                        isCutShort = true
                        handle(body: [])
                        break parsing
                    }
                    body += bytes[range]
                case .end: handle(body: body)
                }
            }
        } catch {
            head = nil
            send(
                .problem(error.status, code: error.code.rawValue, detail: "The request is refused: \(error)."),
                close: true)
            return
        }
        guard phase != .closed else { return }
        pending = position == bytes.count || isCutShort ? [] : Array(bytes[position...])
        if phase == .idle, !parser.isBetweenRequests {
            phase = .reading
            let patience = head == nil ? server.settings.strangerTimeout : server.settings.requestTimeout
            loop.schedule(timer, after: min(patience, server.settings.requestTimeout), self)
        }
    }

    private func take(_ head: HTTPRequestHead) {
        self.head = head
        isKnown = server.knows(head)
        guard !isKnown || channel?.promote() != false else { return refuseForRoom() }
        let asksFirst = head.headers["Expect"]?.lowercased() == "100-continue"
        if !isKnown, asksFirst {
            isCutShort = true
            handle(body: [])
        } else if asksFirst {
            channel?.queue(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
        if isKnown, phase == .reading { loop.schedule(timer, after: server.settings.requestTimeout, self) }
    }

    private func handle(body: [UInt8]) {
        guard let head, phase == .idle || phase == .reading else { return }
        let request = HTTPRequest(head: head, body: body, peer: peer)
        phase = .handling
        requests += 1
        self.body = []
        loop.cancel(timer)
        channel?.setReading(false)
        let handler = server.handler
        task = Task {
            let response = await handler(request)
            self.loop.execute { self.respond(response, to: request.head) }
        }
    }

    private func respond(_ response: HTTPResponse, to request: HTTPRequestHead) {
        guard phase == .handling else { return }
        task = nil
        let close =
            isCutShort || !request.keepsAlive || server.isStopping || requests >= server.settings.requestsPerConnection
        send(response, close: close)
    }

    /// Sends a response to the current request, then ends the connection or goes on to the next one.
    private func send(_ response: HTTPResponse, close: Bool) {
        guard let channel, phase != .closed else { return }
        let method = head?.method ?? .get
        head = nil
        let date = HTTPDate.text(secondsSince1970: SystemClock.nowMilliseconds / 1000)
        let bytes: [UInt8]
        do throws(HTTPError) {
            bytes = try HTTPSerializer.response(response, to: method, keepAlive: !close, date: date)
        } catch {
            // A handler made a header that cannot be sent: its mistake, and the client must not wait for ever.
            channel.queue(
                Array("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8))
            self.close()
            return
        }
        let isTaken = channel.queue(bytes)
        if close {
            self.close()
        } else if isTaken {
            becomeIdle()
        } else {
            phase = .writing
            loop.schedule(timer, after: server.settings.writeTimeout, self)
        }
    }

    private func becomeIdle() {
        phase = .idle
        guard !server.isStopping else {
            close()
            return
        }
        loop.schedule(timer, after: idleTimeout, self)
        advance()
        // What was sent ahead is read once the request in hand is answered.
        if phase == .idle || phase == .reading { channel?.setReading(true) }
    }

    private func close() {
        loop.cancel(timer)
        phase = .closed
        pending = []
        body = []
        channel?.close()
    }
}
