package import System
package import TLS

/// One TLS connection on a loop: non-blocking, without a buffer of its own while idle.
///
/// Reading goes through the loop's scratch buffer; `setReading(false)` stops it, and then TCP slows the peer down. Writing
/// is either `send`, which takes what the socket takes and leaves the rest with its caller, or `queue`, which keeps the
/// rest; a channel uses one of the two. Belongs to its loop's thread: every call is made there, every callback comes there.
package final class TLSChannel: EventHandler, TimerHandler {
    /// How long a peer may take and what it may do.
    package struct Options: Sendable {
        /// From the connection to the end of the handshake.
        package var handshakeTimeout: Duration = .seconds(10)
        /// The longest silence of the peer after that; none if nil. Precise to a second or two.
        package var idleTimeout: Duration?
        /// What may wait in the kernel at first; nil leaves it to the kernel.
        package var unsentLimit: UnsentLimit? = UnsentLimit(256 * 1024)
        /// Ask for BBR congestion control, for connections that send bulk; the kernel's default where it is not to be had.
        package var prefersBBR = false
        /// Whether an opened channel takes one of the listener's places for peers by itself; else see `promote`.
        package var takesPlaceAtOpen = true
        /// The moment by which certificates are judged, seconds since 1970; the system's clock if nil.
        package var certificateTime: Int64?

        package init() {}
    }

    /// The most that is read in one turn before other connections of the loop have theirs.
    package static let readBudget = 1024 * 1024
    /// The most that `queue` holds; a caller that queues more without waiting for `channelWritable` is cut off.
    package static let queueLimit = 16 * 1024 * 1024
    /// `queue` answers false from here on: wait for `channelWritable`.
    package static let queueHighWater = 256 * 1024

    package let loop: EventLoop
    /// The other end, as the kernel knows it.
    package let address: SocketAddress
    /// Bytes decrypted and delivered, and bytes taken for sending, since it opened.
    package private(set) var bytesReceived: UInt64 = 0
    package private(set) var bytesSent: UInt64 = 0

    private enum Phase { case handshake, open, lingering, closed }

    private let number: Int32
    private let place: PeerLimit.Place?
    private let idleTimeout: Duration?
    private let takesPlaceAtOpen: Bool
    private var connection: TLSConnection?
    private var handler: (any TLSChannelHandler)?
    private var registration: Registration?
    private let timer = LoopTimer()
    private var phase = Phase.handshake
    private var interest: Poller.Readiness = []
    private var isReading = true
    /// A read waits for the socket to be writable, a write for it to be readable (rare in TLS 1.3).
    private var readWantsWrite = false
    private var writeWantsRead = false
    private var writeBlocked = false
    private var unsentLimit: UnsentLimit?
    /// More may be readable inside the connection; a turn of the loop is booked.
    private var readBooked = false
    private var lastReceived: Int64
    private var queued: [UInt8] = []
    private var queuedOffset = 0
    private var queueWasFull = false
    private var closesWhenSent = false

    /// True if the listener has as many peers as it may have: say so and close.
    package private(set) var isOverLimit = false

    /// The listening side of an accepted connection, whose socket it owns from now on.
    package convenience init(
        accepted: Listener.Connection, context: TLSContext, loop: EventLoop, options: Options = Options(),
        handler: any TLSChannelHandler
    ) {
        self.init(accepted.socket, accepted.address, accepted.place, loop, options, handler)
        start(options) { () throws(TLSError) in
            try TLSConnection(
                server: context, descriptor: accepted.socket, certificateTime: options.certificateTime)
        }
    }

    /// The dialling side of a connected socket, which it owns from now on.
    package convenience init(
        connected socket: Int32, to address: SocketAddress, context: TLSContext,
        expecting expectation: TLSConnection.Expectation, session: TLSSession? = nil, loop: EventLoop,
        options: Options = Options(), handler: any TLSChannelHandler
    ) {
        self.init(socket, address, nil, loop, options, handler)
        start(options) { () throws(TLSError) in
            try TLSConnection(
                client: context, descriptor: socket, expecting: expectation, session: session,
                certificateTime: options.certificateTime)
        }
    }

    private init(
        _ number: Int32, _ address: SocketAddress, _ place: PeerLimit.Place?, _ loop: EventLoop, _ options: Options,
        _ handler: any TLSChannelHandler
    ) {
        loop.checkIsolated()
        self.number = number
        self.address = address
        self.place = place
        self.loop = loop
        self.handler = handler
        idleTimeout = options.idleTimeout
        unsentLimit = options.unsentLimit
        takesPlaceAtOpen = options.takesPlaceAtOpen
        lastReceived = loop.nowNanoseconds
    }

    deinit {
        // A channel lives as long as it is registered, so this one never began or has ended.
        assert(phase == .closed, "a channel was forgotten open")
    }

    private func start(_ options: Options, _ make: () throws(TLSError) -> TLSConnection) {
        Socket.tune(number, unsent: options.unsentLimit?.bytes)
        if options.prefersBBR { Socket.preferBBR(number) }
        do throws(TLSError) {
            connection = try make()
        } catch {
            // Told in a later turn, when the caller has the channel in hand.
            later { $0.finish(.failed(error)) }
            return
        }
        loop.schedule(timer, after: options.handshakeTimeout, self)
        later { $0.advanceHandshake() }
    }

    // MARK: What is known after the handshake

    /// The application protocol (ALPN).
    package var negotiatedProtocol: String? { connection?.negotiatedProtocol }
    /// The peer's verified certificate.
    package var peerCertificate: Certificate? { connection?.peerCertificate }
    /// The verified chain, leaf first; empty on a resumed connection.
    package var verifiedChain: [Certificate] { connection?.verifiedChain ?? [] }
    package var isResumed: Bool { connection?.isResumed ?? false }
    /// What a client may resume with next time.
    package var session: TLSSession? { connection?.session }
    package var cipherSuite: String { connection?.cipherSuite ?? "none" }
    package var isOpen: Bool { phase == .open }

    // MARK: Verbs

    /// Moves from the listener's places for strangers to those for peers; false, and `isOverLimit`, if all are taken.
    @discardableResult
    package func promote() -> Bool {
        if let place, !place.promote() { isOverLimit = true }
        return !isOverLimit
    }

    /// Takes of `bytes` as much as the socket takes now and says how much; less than all means that `channelWritable`
    /// will come, after which the rest has to be offered first, unchanged (it may have moved, more may follow).
    package func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard phase == .open, !writeBlocked, let connection else { return 0 }
        var sent = 0
        while sent < bytes.count {
            switch connection.write(UnsafeRawBufferPointer(rebasing: bytes[sent...]), through: loop.stage) {
            case .complete(let count):
                sent += count
                bytesSent &+= UInt64(count)
                if !connection.hasUnsent { continue }
                block()
            case .wantWrite: block()
            case .wantRead:
                writeBlocked = true
                writeWantsRead = true
            case .closed: later { $0.finish(.peerClosed) }
            case .failed(let error): later { $0.finish(.failed(error)) }
            }
            break
        }
        updateInterest()
        return sent
    }

    /// The socket is full.
    private func block() {
        writeBlocked = true
        unsentLimit?.full(at: loop.nowNanoseconds)
    }

    /// Sends the bytes, keeping what the socket does not take now. False means: wait for `channelWritable`.
    @discardableResult
    package func queue(_ bytes: [UInt8]) -> Bool {
        guard phase == .open, !closesWhenSent else { return false }
        if queued.isEmpty {
            let sent = bytes.withUnsafeBytes { send($0) }
            if sent == bytes.count { return true }
            queued = bytes
            queuedOffset = sent
        } else if queuedBytes + bytes.count > Self.queueLimit {
            later { $0.finish(.failed(TLSError(.connectionFailed, "more is queued than the peer takes"))) }
            return false
        } else {
            queued += bytes
        }
        queueWasFull = queuedBytes >= Self.queueHighWater
        return !queueWasFull
    }

    /// Bytes that `queue` holds.
    package var queuedBytes: Int { queued.count - queuedOffset }

    /// Turns reading off while the consumer is behind, and on again.
    package func setReading(_ on: Bool) {
        guard on != isReading else { return }
        isReading = on
        updateInterest()
        // Bytes may wait inside the connection that the kernel no longer has.
        if on { bookRead() }
    }

    /// Ends the connection: sends what is queued, says the end, then waits shortly for the peer's own end, so that the
    /// last bytes are not lost to a reset. `channelClosed` comes at once or when the queue is sent.
    package func close() {
        switch phase {
        case .closed, .lingering: return
        case .handshake: finish(.closedHere)
        case .open:
            guard queued.isEmpty, connection?.hasUnsent != true else {
                closesWhenSent = true
                loop.schedule(timer, after: .seconds(10), self)
                return
            }
            linger()
        }
    }

    /// Drops the connection at once.
    package func abort(_ end: ChannelEnd = .closedHere) {
        finish(end)
    }

    // MARK: Events

    package func ready(_ readiness: Poller.Readiness) {
        switch phase {
        case .closed: return
        case .lingering: drainRaw()
        case .handshake: advanceHandshake()
        case .open:
            if writeBlocked, readiness.contains(writeWantsRead ? .read : .write) || isBroken(readiness) {
                resumeWriting()
            }
            guard phase == .open else { return }
            if readiness.contains(readWantsWrite ? .write : .read) || isBroken(readiness) {
                readWantsWrite = false
                if isReading {
                    readSome()
                } else if isBroken(readiness) {
                    // Nobody reads, so nobody would notice, and the event would come again and again.
                    finish(.failed(TLSError(.connectionFailed, "the peer went away")))
                }
            }
        }
    }

    package func timerFired(_ timer: LoopTimer) {
        switch phase {
        case .closed: return
        case .handshake: finish(.handshakeTimeout)
        case .lingering: release()
        case .open:
            if closesWhenSent {
                finish(.closedHere)
            } else {
                checkIdle()
            }
        }
    }

    private func isBroken(_ readiness: Poller.Readiness) -> Bool {
        !readiness.isDisjoint(with: [.failed, .hungUp])
    }

    private func advanceHandshake() {
        guard phase == .handshake, let connection else { return }
        connection.lend(loop.intake)
        let progress = connection.handshake()
        connection.takeBack()
        switch progress {
        case .wantRead: wait(for: .read)
        case .wantWrite: wait(for: .write)
        case .closed: finish(.peerClosed)
        case .failed(let error): finish(.failed(error))
        case .complete:
            phase = .open
            loop.cancel(timer)
            lastReceived = loop.nowNanoseconds
            if takesPlaceAtOpen { promote() }
            updateInterest()
            handler?.channelOpened(self)
            guard phase == .open else { return }
            if idleTimeout != nil { checkIdle() }
            bookRead()
        }
    }

    private func readSome() {
        guard let connection else { return }
        let scratch = loop.scratch
        connection.lend(loop.intake)
        defer { connection.takeBack() }
        var budget = Self.readBudget
        while phase == .open, isReading, !readWantsWrite {
            guard budget > 0 else {
                bookRead()
                return
            }
            switch connection.read(into: scratch) {
            case .complete(let count):
                budget -= count
                bytesReceived &+= UInt64(count)
                lastReceived = loop.nowNanoseconds
                handler?.channel(self, received: UnsafeRawBufferPointer(rebasing: scratch[..<count]))
            case .wantRead: return
            case .wantWrite:
                readWantsWrite = true
                updateInterest()
            case .closed: finish(.peerClosed)
            case .failed(let error): finish(.failed(error))
            }
        }
    }

    private func bookRead() {
        guard !readBooked, phase == .open else { return }
        readBooked = true
        later { channel in
            channel.readBooked = false
            if channel.phase == .open, channel.isReading { channel.readSome() }
        }
    }

    private func resumeWriting() {
        if !writeWantsRead, let bytes = unsentLimit?.hasRoom(at: loop.nowNanoseconds) {
            Socket.limitUnsent(number, bytes)
        }
        writeBlocked = false
        writeWantsRead = false
        switch connection?.sendRest() {
        case .failed(let error):
            finish(.failed(error))
            return
        case .wantWrite:
            block()
            return
        default: break
        }
        let hadQueue = !queued.isEmpty
        if hadQueue {
            queuedOffset += queued.withUnsafeBytes { send(.init(rebasing: $0[queuedOffset...])) }
            if queuedBytes == 0 {
                queued = []
                queuedOffset = 0
            }
            guard queued.isEmpty, !writeBlocked, phase == .open else { return }
        }
        if closesWhenSent {
            linger()
        } else if hadQueue, !queueWasFull {
            updateInterest()
        } else {
            queueWasFull = false
            handler?.channelWritable(self)
            updateInterest()
        }
    }

    private func checkIdle() {
        guard let idleTimeout else { return }
        let rest = idleTimeout - .nanoseconds(loop.nowNanoseconds - lastReceived)
        if rest <= .zero {
            finish(.idleTimeout)
        } else {
            loop.schedule(timer, after: rest, coarse: true, self)
        }
    }

    // MARK: Interest

    private func wait(for wanted: Poller.Readiness) {
        do throws(SystemError) {
            if let registration {
                guard wanted != interest else { return }
                try loop.change(registration, wanted)
            } else {
                registration = try loop.register(number, wanted, self)
            }
            interest = wanted
        } catch {
            let reason = TLSError(.connectionFailed, error.description)
            later { $0.finish(.failed(reason)) }
        }
    }

    private func updateInterest() {
        guard phase == .open else { return }
        var wanted: Poller.Readiness = []
        if isReading { wanted.insert(readWantsWrite ? .write : .read) }
        if writeBlocked { wanted.insert(writeWantsRead ? .read : .write) }
        wait(for: wanted)
    }

    /// Runs in a later turn of the loop.
    private func later(_ work: @escaping (TLSChannel) -> Void) {
        nonisolated(unsafe) let channel = self
        nonisolated(unsafe) let work = work
        // Both stay on the loop's thread.
        loop.execute { work(channel) }
    }

    // MARK: The end

    /// Says the end, tells the handler, and reads the rest away until the peer ends too.
    private func linger() {
        // Whether the peer gets the word is its matter; the socket's own end says the same less surely.
        _ = connection?.shutdown()
        Socket.shutdownWrite(number)
        connection = nil
        phase = .lingering
        place?.leave()
        loop.schedule(timer, after: .seconds(2), self)
        wait(for: .read)
        tell(.closedHere)
    }

    private func drainRaw() {
        let scratch = loop.scratch
        for _ in 0..<16 {
            do throws(SystemError) {
                let count = try Socket.read(number, into: scratch)
                if count == 0 { release() }
                guard count > 0 else { return }
            } catch {
                if error.errno != .again { release() }
                return
            }
        }
    }

    private func finish(_ end: ChannelEnd) {
        guard phase != .closed else { return }
        let told = phase == .lingering
        switch end {
        case .peerClosed:
            // A proper end is answered with one.
            _ = connection?.shutdown()
        case .failed(let error) where !told && connection != nil && Self.hasAlert(error.code):
            // The alert that says why is on its way: a reset could overtake it.
            connection = nil
            Socket.shutdownWrite(number)
            phase = .lingering
            place?.leave()
            loop.schedule(timer, after: .seconds(2), self)
            wait(for: .read)
            tell(end)
            return
        default:
            // What broke is dropped at once, so that it holds nothing in the kernel.
            if !told { Socket.resetOnClose(number) }
        }
        release()
        if !told { tell(end) }
    }

    /// Whether OpenSSL told the peer by an alert.
    private static func hasAlert(_ code: TLSError.Code) -> Bool {
        switch code {
        case .connectionFailed, .truncated, .peerRefused, .timedOut: false
        default: true
        }
    }

    private func tell(_ end: ChannelEnd) {
        let handler = self.handler
        self.handler = nil
        handler?.channelClosed(self, end)
    }

    private func release() {
        guard phase != .closed else { return }
        phase = .closed
        loop.cancel(timer)
        if let registration { loop.deregister(registration) }
        registration = nil
        connection = nil
        queued = []
        queuedOffset = 0
        place?.leave()
        _ = FileDescriptor(takingOwnership: number)
    }
}
