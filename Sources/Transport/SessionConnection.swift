internal import Model
package import Network
package import Protocol
internal import System
internal import TLS

/// One session with one peer: an actor pinned to its loop, which joins a `Session` (what to say) with a `TLSChannel` (how
/// to send it).
///
/// It checks who the peer is, tells the handler what happens, sends and receives bulk without blocking the loop, and holds
/// no buffer while idle. Made by `SessionListener`, `SessionDialer` and `JoinClient`; used through `Links`.
package actor SessionConnection: TLSChannelHandler, TimerHandler {
    /// What kind of connection it is.
    enum Kind: Sendable {
        /// A peer dialled us: session or join, as it chooses.
        case listener
        /// We dialled a member; its id must be this one if given.
        case dialler(expected: NodeID?)
        /// We dialled in order to join: any server under the pinned root that has one of the peer roles.
        case joiner
    }

    /// How a connection ended, for whoever made it.
    struct End: Sendable {
        /// Whether the session was open at all.
        let wasOpen: Bool
        let closure: LinkClosure
        /// Set if it ended before it was open.
        let error: TransportError?
    }

    /// The most requests that wait for a free stream.
    package static let waitingLimit = 4096
    /// How long a stranger may take to join, the time of its answers included.
    package static let joinTime: Duration = .seconds(120)
    /// How long a stranger may take to ask, at first and after each answer.
    package static let joinPatience: Duration = .seconds(15)
    /// The most that a stranger may ask on one connection; two requests make a join.
    package static let joinRequests = 8
    /// What is sent in one turn before other connections have theirs.
    static let sendBudget = 2 * 1024 * 1024

    package nonisolated let id: LinkID
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let settings: SessionSettings
    let kind: Kind
    let links: Links
    let handler: any LinkHandler
    let opened: @Sendable (PeerIdentity, TLSSession?) -> Void
    let ended: @Sendable (End) -> Void

    var session: Session
    var channel: TLSChannel?
    let timer = LoopTimer()
    var timerDeadline: Duration?
    /// The limit on bulk, its own or shared with others.
    var pacer: Pacer?
    /// Set while a reserved piece of bulk waits for its time.
    var paceTimer: LoopTimer?
    var peer: PeerIdentity?
    var refusal: GoAway?
    var isJoin = false
    /// When a stranger's connection ends at the latest, and when it ends unless something is asked.
    var joinEnd: Duration?
    var joinSilence: Duration?
    /// Requests of a stranger, and whether one of them waits for its answer.
    var joinsAsked = 0
    var joinIsOut = false
    var isOpen = false
    var closure: LinkClosure?
    var failure: TransportError?
    var pumpBooked = false
    var sendMeter: RateMeter
    var receiveMeter: RateMeter
    /// What the daemon has been told of the bytes that passed.
    var (toldSent, toldReceived): (UInt64, UInt64) = (0, 0)
    /// How often the deadlines are looked at while anything is out: at least as often as the shortest of them.
    var lookInterval: Duration
    var pending: [StreamID: Pending] = [:]
    var waiting: [Waiting] = []
    var sending: [StreamID: BulkSender] = [:]
    /// Files that the peer has asked for, and whether one is read or sent now.
    var filesWaiting: [FileRequest] = []
    var isSendingFile = false
    /// The frame that is being written; nothing else may be before it is.
    var outgoing: BulkSender.Outgoing?

    /// Who waits for what comes on a stream that we opened.
    enum Pending {
        case core(RequestID, deadline: Duration)
        case call(Call, deadline: Duration)
        case fetch(BulkReceiver, BulkTicket)
    }

    struct Waiting {
        let message: Message
        let priority: Priority
        let pending: Pending
    }

    /// An asker within the program.
    final class Call: Sendable {
        typealias Answer = CheckedContinuation<Result<Message, TransportError>, Never>
        private nonisolated(unsafe) var answer: Answer?

        init(_ answer: Answer) { self.answer = answer }

        deinit { answer?.resume(returning: .failure(.cancelled)) }

        /// Answers, once; on the loop only.
        func finish(_ result: Result<Message, TransportError>) {
            let answer = self.answer
            self.answer = nil
            answer?.resume(returning: result)
        }
    }

    /// By which a fetch that is under way is called off.
    final class BulkTicket: Sendable {
        nonisolated(unsafe) var stream: StreamID?
        nonisolated(unsafe) var isCancelled = false
    }

    init(
        id: LinkID, loop: EventLoop, kind: Kind, settings: SessionSettings, links: Links, handler: any LinkHandler,
        opened: @escaping @Sendable (PeerIdentity, TLSSession?) -> Void = { _, _ in },
        ended: @escaping @Sendable (End) -> Void = { _ in }
    ) {
        self.id = id
        self.loop = loop
        self.kind = kind
        self.settings = settings
        self.links = links
        self.handler = handler
        self.opened = opened
        self.ended = ended
        lookInterval = min(.seconds(5), settings.requestTimeout, settings.stallTimeout)
        // A stand-in until the channel opens; the loop's own clock is the loop's.
        session = .listener(at: SystemClock.uptime)
        sendMeter = RateMeter(at: SystemClock.uptime)
        receiveMeter = sendMeter
    }

    // MARK: Beginning

    /// Takes over a connection that was accepted and whose handshake is done; on the loop.
    func start(established: TLSChannel.Established, options: TLSChannel.Options) {
        channel = TLSChannel(established: established, loop: loop, options: options, handler: self)
    }

    /// Takes over a connected socket; on the loop.
    func start(
        connected socket: Int32, to address: SocketAddress, context: TLSContext, resuming: TLSSession?,
        options: TLSChannel.Options
    ) {
        channel = TLSChannel(
            connected: socket, to: address, context: context, expecting: .checkedByCaller, session: resuming,
            loop: loop, options: options, handler: self)
    }

    func channelIsOpen() {
        guard let channel else { return }
        isJoin = channel.negotiatedProtocol == SessionTLS.joinProtocol
        do throws(TransportError) {
            switch kind {
            case .listener where isJoin:
                joinEnd = loop.now + Self.joinTime
                joinSilence = loop.now + Self.joinPatience
                if !channel.admitVisitor() { refusal = busy("as many machines as may be are joining") }
            case .listener:
                peer = try settings.identify(channel.peerCertificate)
                if !channel.promote() { refusal = busy("as many peers as may be are connected") }
            case .dialler(let expected):
                let found = try settings.identify(channel.peerCertificate)
                if let expected, found.id != expected {
                    throw .wrongPeer("the peer is \(found), not the one that was joined (\(expected))")
                }
                peer = found
            case .joiner:
                peer = try settings.identify(channel.peerCertificate)
            }
        } catch {
            guard case .listener = kind else {
                failure = error
                closure = LinkClosure(code: .refused, text: error.description)
                channel.close()
                return
            }
            refusal = GoAway(.refused, error.description)
        }
        if case .listener = kind {
            session = .listener(at: loop.now)
        } else {
            session = .dialler(settings.hello(), at: loop.now)
        }
        pump()
    }

    private func busy(_ why: String) -> GoAway {
        GoAway(.busy, why, retryAfterSeconds: settings.busyRetryAfterSeconds)
    }

    func take(_ hello: Hello) {
        guard let channel else { return }
        if case .listener = kind {
            if refusal == nil, let peer, hello.role != peer.role {
                refusal = GoAway(.refused, "the hello says \(hello.role.name), the certificate \(peer.role.name)")
            }
            if let refusal {
                closure = LinkClosure(
                    code: refusal.code, text: refusal.text, retryAfterSeconds: refusal.retryAfterSeconds)
                session.close(refusal, at: loop.now)
                return
            }
            session.accept(settings.hello())
        }
        isOpen = true
        guard let peer else { return }
        if !isJoin, let shared = links.pacer(for: peer.role) { setPacer(shared) }
        opened(peer, channel.session)
        guard !isJoin else { return }
        var told = hello
        told.address = channel.address.description
        handler.linkEvent(.opened(id, peer, told))
    }

    // MARK: Channel

    package nonisolated func channelOpened(_ channel: TLSChannel) {
        assumeIsolated { $0.channelIsOpen() }
    }

    package nonisolated func channel(_ channel: TLSChannel, received bytes: UnsafeRawBufferPointer) {
        nonisolated(unsafe) let bytes = bytes
        assumeIsolated { $0.received(bytes) }
    }

    package nonisolated func channelWritable(_ channel: TLSChannel) {
        assumeIsolated { $0.pump() }
    }

    package nonisolated func channelClosed(_ channel: TLSChannel, _ end: ChannelEnd) {
        assumeIsolated { $0.finish(end) }
    }

    func received(_ bytes: UnsafeRawBufferPointer) {
        receiveMeter.count(bytes.count, at: loop.now)
        var offset = 0
        let input = bytes.bindMemory(to: UInt8.self)
        while let event = session.receive(input.span, &offset, at: loop.now) {
            take(event, bytes)
        }
        flushReceivers()
        pump()
    }

    func take(_ event: SessionEvent, _ input: UnsafeRawBufferPointer) {
        switch event {
        case .hello(let hello): take(hello)
        case .request(let stream, let message, _, let isEnd): takeRequest(stream, message, isEnd)
        case .reply(let stream, let message, let isEnd): takeReply(stream, message, isEnd)
        case .data(let stream, let range, let isEnd):
            takeData(stream, UnsafeRawBufferPointer(rebasing: input[range]), isEnd)
        case .reset(let stream, let code):
            sending[stream] = nil
            forgetFile(stream)
            if let waiter = pending.removeValue(forKey: stream) { fail(waiter, .reset(code), .reset(code)) }
        case .goAway(let goAway):
            closure = LinkClosure(
                code: goAway.code, text: goAway.text, retryAfterSeconds: goAway.retryAfterSeconds, isPeers: true)
            if goAway.code == .leaving { failWaiting() } else { failAll() }
        case .failed(let error):
            closure = closure ?? LinkClosure(code: error.code, text: error.text)
            failAll()
        }
    }

    func takeRequest(_ stream: StreamID, _ message: Message, _ isEnd: Bool) {
        guard isEnd else {
            // No request of this version has data behind it.
            session.reply(stream, .error(ErrorReply(code: .unsupported, text: "data behind a request")))
            session.reset(stream, .unsupported)
            return
        }
        let request = RequestID(UInt64(stream.number))
        guard isJoin else {
            tell(.request(id, request, message))
            return
        }
        // One at a time: what a stranger asks is held until it is answered.
        joinsAsked += 1
        guard !joinIsOut, joinsAsked <= Self.joinRequests else {
            return close(.flooded, "a join asks one question at a time, and \(Self.joinRequests) at the most")
        }
        switch message {
        case .joinBegin, .joinRequest, .renew:
            joinIsOut = true
            joinSilence = nil
            handler.joinRequest(id, request, message)
        default: session.reply(stream, .error(ErrorReply(code: .refused, text: "join first")))
        }
    }

    /// Tells the daemon what the peer said, and stops reading where too much of this link waits.
    private func tell(_ event: LinkEvent) {
        if !handler.linkEvent(event, bytes: session.lastMessageLength) { channel?.setReading(false) }
    }

    func takeReply(_ stream: StreamID, _ message: Message, _ isEnd: Bool) {
        guard let waiter = pending[stream] else { return }
        switch waiter {
        case .core(let request, _):
            pending[stream] = nil
            if !isEnd { session.reset(stream) }
            tell(.reply(id, request, message))
        case .call(let call, _):
            pending[stream] = nil
            if !isEnd { session.reset(stream) }
            call.finish(.success(message))
        case .fetch(let receiver, _):
            do throws(TransportError) {
                try receiver.begin(message, isEnd: isEnd)
                if isEnd { pending[stream] = nil }
            } catch {
                pending[stream] = nil
                receiver.fail(error, on: loop)
                if !isEnd { session.reset(stream) }
            }
        }
        sendWaiting()
    }

    func takeData(_ stream: StreamID, _ data: UnsafeRawBufferPointer, _ isEnd: Bool) {
        guard case .fetch(let receiver, _) = pending[stream] else {
            session.consumed(stream, data.count)
            return
        }
        do throws(TransportError) {
            let freed = try receiver.receive(data, isEnd: isEnd, on: loop, written(stream))
            session.consumed(stream, freed)
            if isEnd {
                receiver.flush(on: loop, written(stream))
                pending[stream] = nil
                sendWaiting()
            }
        } catch {
            pending[stream] = nil
            session.consumed(stream, data.count)
            if !isEnd { session.reset(stream) }
            receiver.fail(error, on: loop)
        }
    }

    /// Gives the credit of written bytes back.
    func written(_ stream: StreamID) -> @Sendable (Int) -> Void {
        { [weak self] count in
            self?.assumeIsolated { this in
                this.session.consumed(stream, count)
                if case .fetch(let receiver, _) = this.pending[stream] {
                    if receiver.isFinished {
                        // The sink failed.
                        this.pending[stream] = nil
                        this.session.reset(stream)
                    } else {
                        receiver.flush(on: this.loop, this.written(stream))
                    }
                }
                this.pump()
            }
        }
    }

    func flushReceivers() {
        guard !pending.isEmpty else { return }
        for (stream, waiter) in pending {
            if case .fetch(let receiver, _) = waiter { receiver.flush(on: loop, written(stream)) }
        }
    }
}
