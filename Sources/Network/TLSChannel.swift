package import System
package import TLS

/// One TLS connection on a loop: non-blocking, without a buffer of its own while idle.
///
/// Reading goes through the loop's scratch buffer; `setReading(false)` stops it, and then TCP slows the peer down. Writing
/// is either `send`, which takes what the socket takes and leaves the rest with its caller, or `queue`, which keeps the
/// rest; a channel uses one of the two. Belongs to its loop's thread: every call is made there, every callback comes there.
///
/// What a peer can make the loop do in one turn is bounded in bytes, records and time (`Options.turn`, `slice`), whatever the
/// records hold; the rest waits for the next turn.
package final class TLSChannel: EventHandler, TimerHandler {
    package let loop: EventLoop
    /// The other end, as the kernel knows it.
    package let address: SocketAddress
    /// Bytes decrypted and delivered, and bytes taken for sending, since it opened.
    package private(set) var bytesReceived: UInt64 = 0
    package private(set) var bytesSent: UInt64 = 0

    private enum Phase { case handshake, open, lingering, closed }

    private let number: Int32
    private var place: PeerLimit.Place?
    private let options: Options
    private(set) var connection: TLSConnection?
    private var handler: (any TLSChannelHandler)?
    private var registration: Registration?
    private let timer = LoopTimer()
    private var phase = Phase.handshake
    /// When the handshake is given up.
    private var handshakeEnd: Duration = .zero
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
        start(firstByte: options.firstByteTimeout) { () throws(TLSError) in
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
        start(firstByte: options.handshakeTimeout) { () throws(TLSError) in
            try TLSConnection(
                client: context, descriptor: socket, expecting: expectation, session: session,
                certificateTime: options.certificateTime)
        }
    }

    /// Goes on with a connection whose handshake was done on another loop, see `detach`; `channelOpened` comes as always.
    package convenience init(
        established: Established, loop: EventLoop, options: Options = Options(), handler: any TLSChannelHandler
    ) {
        self.init(established.number, established.address, established.place, loop, options, handler)
        connection = established.connection
        later { $0.open() }
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
        self.options = options
        unsentLimit = options.unsentLimit
        lastReceived = loop.nowNanoseconds
    }

    deinit {
        // A channel lives as long as it is registered, so this one never began or has ended.
        assert(phase == .closed, "a channel was forgotten open")
    }

    private func start(firstByte: Duration, _ make: () throws(TLSError) -> TLSConnection) {
        Socket.tune(number, unsent: options.unsentLimit?.bytes)
        if options.prefersBBR { Socket.preferBBR(number) }
        do throws(TLSError) {
            connection = try make()
        } catch {
            // Told in a later turn, when the caller has the channel in hand.
            later { $0.finish(.failed(error)) }
            return
        }
        handshakeEnd = loop.now + options.handshakeTimeout
        loop.schedule(timer, after: min(firstByte, options.handshakeTimeout), self)
        later { $0.advanceHandshake() }
    }

    /// Gives an open connection away, to be gone on with on another loop; the channel is over, and says nothing more. Nil if it
    /// is not open, or has bytes that wait to be sent.
    package func detach() -> Established? {
        guard phase == .open, queued.isEmpty, let connection, !connection.hasUnsent else { return nil }
        let established = Established(number: number, address: address, place: place, connection: connection)
        phase = .closed
        loop.cancel(timer)
        if let registration { loop.deregister(registration) }
        (registration, self.connection, place, handler) = (nil, nil, nil, nil)
        return established
    }

    package var isOpen: Bool { phase == .open }

    // MARK: Verbs

    /// Moves from the listener's places for strangers to those for peers; false, and `isOverLimit`, if all are taken.
    @discardableResult
    package func promote() -> Bool { take { $0.promote() } }

    /// Moves from the listener's places for handshakes to those for open connections of peers that nobody knows yet; false, and
    /// `isOverLimit`, if all are taken.
    @discardableResult
    package func admitVisitor() -> Bool { take { $0.admitVisitor() } }

    private func take(_ move: (PeerLimit.Place) -> Bool) -> Bool {
        if let place, !move(place) { isOverLimit = true }
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
            case .wantRead, .turnOver:
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
        queueWasFull = queuedBytes >= options.queueHighWater
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
    /// last bytes are not lost to a reset. `channelClosed` comes at once or when the queue is sent. What the peer sends from here
    /// on is thrown away unread.
    package func close() {
        switch phase {
        case .closed, .lingering: return
        case .handshake: finish(.closedHere)
        case .open:
            guard !closesWhenSent else { return }
            guard queued.isEmpty, connection?.hasUnsent != true else {
                closesWhenSent = true
                isReading = true
                updateInterest()
                loop.schedule(timer, after: Self.closeTime, self)
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
            if writeBlocked, readiness.contains(writeWantsRead ? .read : .write) || Self.isBroken(readiness) {
                resumeWriting()
            }
            guard phase == .open else { return }
            if closesWhenSent {
                if readiness.contains(.read) || Self.isBroken(readiness) { drainRaw() }
                return
            }
            // A turn that is booked comes anyway.
            guard !readBooked else { return }
            if readiness.contains(readWantsWrite ? .write : .read) || Self.isBroken(readiness) {
                readWantsWrite = false
                if isReading {
                    readSome()
                } else if Self.isBroken(readiness) {
                    // Nobody reads, so nobody would notice, and the event would come again and again.
                    finish(.failed(TLSError(.connectionFailed, "the peer went away")))
                }
            }
        }
    }

    package func timerFired(_ timer: LoopTimer) {
        switch phase {
        case .closed: return
        case .handshake:
            // The peer has begun in time: it has the whole time.
            let rest = handshakeEnd - loop.now
            guard rest > .zero, connection?.hasHeard == true else { return finish(.handshakeTimeout) }
            loop.schedule(timer, after: rest, self)
        case .lingering: release()
        case .open where closesWhenSent: finish(.closedHere)
        case .open: checkIdle()
        }
    }

    private func advanceHandshake() {
        guard phase == .handshake, let connection else { return }
        connection.lend(
            UnsafeMutableRawBufferPointer(rebasing: loop.intake[..<Self.handshakeIntake]), for: Self.handshakeTurn)
        let progress = connection.handshake()
        connection.takeBack()
        switch progress {
        case .wantRead: wait(for: .read)
        case .wantWrite: wait(for: .write)
        case .turnOver:
            // Not waited for: the socket may be empty.
            later { $0.advanceHandshake() }
        case .closed: finish(.peerClosed)
        case .failed(let error): finish(.failed(error))
        case .complete: open()
        }
    }

    private func open() {
        guard phase == .handshake else { return }
        phase = .open
        loop.cancel(timer)
        lastReceived = loop.nowNanoseconds
        if options.takesPlaceAtOpen { promote() }
        updateInterest()
        handler?.channelOpened(self)
        guard phase == .open else { return }
        if options.idleTimeout != nil, !closesWhenSent { checkIdle() }
        bookRead()
    }

    private func readSome() {
        guard let connection else { return }
        let scratch = UnsafeMutableRawBufferPointer(
            rebasing: loop.scratch[..<min(options.readSize, loop.scratch.count)])
        connection.lend(
            UnsafeMutableRawBufferPointer(rebasing: loop.intake[..<min(options.readSize, loop.intake.count)]),
            for: options.turn)
        defer { connection.takeBack() }
        let end = SystemClock.uptimeNanoseconds + Self.slice
        while phase == .open, isReading, !readWantsWrite, !closesWhenSent {
            switch connection.read(into: scratch) {
            case .complete(let count):
                bytesReceived &+= UInt64(count)
                lastReceived = loop.nowNanoseconds
                handler?.channel(self, received: UnsafeRawBufferPointer(rebasing: scratch[..<count]))
            case .turnOver: return bookRead()
            case .wantRead: return
            case .wantWrite:
                readWantsWrite = true
                updateInterest()
            case .closed: finish(.peerClosed)
            case .failed(let error): finish(.failed(error))
            }
            if SystemClock.uptimeNanoseconds >= end { return bookRead() }
        }
    }

    private func bookRead() {
        guard !readBooked, phase == .open else { return }
        readBooked = true
        later { channel in
            channel.readBooked = false
            if channel.phase == .open, channel.isReading, !channel.closesWhenSent { channel.readSome() }
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
        guard let idleTimeout = options.idleTimeout else { return }
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
        awaitEnd()
        tell(.closedHere)
    }

    /// The place is kept meanwhile, so that these sockets are counted too.
    private func awaitEnd() {
        connection = nil
        phase = .lingering
        loop.schedule(timer, after: Self.lingerTime, self)
        wait(for: .read)
    }

    /// Throws away what the peer still sends, undecrypted, one buffer in a turn.
    private func drainRaw() {
        do throws(SystemError) {
            guard try Socket.read(number, into: loop.scratch) == 0 else { return }
        } catch {
            guard error.errno != .again else { return }
            return finish(.failed(TLSError(.connectionFailed, error.description)))
        }
        guard phase == .open else { return release() }
        // The peer has ended its direction and may still read: the end would be heard again and again.
        isReading = false
        updateInterest()
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
            Socket.shutdownWrite(number)
            awaitEnd()
            tell(end)
            return
        default:
            // What broke is dropped at once, so that it holds nothing in the kernel.
            if !told { Socket.resetOnClose(number) }
        }
        release()
        if !told { tell(end) }
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
