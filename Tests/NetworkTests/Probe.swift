import Network
import System
import TLS
import TestSupport
import Testing

/// A handler that records what it hears; what it does with bytes is settable. Its recordings may be read from everywhere.
final class Probe: TLSChannelHandler, Sendable {
    enum Event: Equatable, Sendable {
        case opened(String?)
        case closed(ChannelEnd)
    }

    struct State: Sendable {
        var events: [Event] = []
        var received: [UInt8] = []
        var total = 0
        var writables = 0
        /// Where the channel lives, known before the channel is.
        var loop: EventLoop?
        /// The socket, for questions to the kernel.
        var socket: Int32 = -1
    }

    let state = NativeLock(State())
    nonisolated(unsafe) var onOpen: (TLSChannel) -> Void = { _ in }
    nonisolated(unsafe) var onBytes: ((TLSChannel, UnsafeRawBufferPointer) -> Void)?
    nonisolated(unsafe) var onWritable: (TLSChannel) -> Void = { _ in }
    /// The channel; only touched on its loop.
    nonisolated(unsafe) var channel: TLSChannel?

    func channelOpened(_ channel: TLSChannel) {
        state.withLock { $0.events.append(.opened(channel.negotiatedProtocol)) }
        onOpen(channel)
    }

    func channel(_ channel: TLSChannel, received bytes: UnsafeRawBufferPointer) {
        if let onBytes {
            state.withLock { $0.total += bytes.count }
            onBytes(channel, bytes)
        } else {
            let bytes = Array(bytes)
            state.withLock {
                $0.received += bytes
                $0.total += bytes.count
            }
        }
    }

    func channelWritable(_ channel: TLSChannel) {
        state.withLock { $0.writables += 1 }
        onWritable(channel)
    }

    func channelClosed(_ channel: TLSChannel, _ end: ChannelEnd) {
        self.channel = nil
        state.withLock { $0.events.append(.closed(end)) }
    }

    var events: [Event] { state.withLock { $0.events } }
    var total: Int { state.withLock { $0.total } }
    var end: ChannelEnd? {
        for case .closed(let end) in events { return end }
        return nil
    }
    var isOpened: Bool { events.contains { if case .opened = $0 { true } else { false } } }
}

/// Waits until `condition` holds, for at most a minute.
func eventually(_ what: String, _ condition: () -> Bool) async throws {
    let end = SystemClock.uptime + .seconds(60)
    while !condition() {
        guard SystemClock.uptime < end else {
            Issue.record("never: \(what)")
            throw CancellationError()
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// The loops that all tests of this module share.
let sharedGroup: EventLoopGroup = {
    do { return try EventLoopGroup("test", count: 2) } catch { fatalError("\(error)") }
}()

/// A listener with TLS whose channels are handed to `makeHandler`, and a way to dial it.
struct Bench: Sendable {
    let fleet: TestFleet
    let listener: Listener
    let accepted: AcceptedBox

    final class AcceptedBox: Sendable {
        let probes = NativeLock<[Probe]>([])
        var last: Probe? { probes.withLock { $0.last } }
    }

    static let options: TLSChannel.Options = {
        var options = TLSChannel.Options()
        options.certificateTime = TestFleet.now
        return options
    }()

    init(
        limit: PeerLimit = PeerLimit(peers: 100, handshakes: 100), options: TLSChannel.Options = Bench.options,
        configure: @escaping @Sendable (Probe) -> Void = { _ in }
    ) throws {
        fleet = try TestFleet()
        let context = try TLSContext.server(
            identity: fleet.hub, protocols: [ApplicationProtocol("test/1", asksForCertificate: true)],
            clients: .required(fleet.anchors))
        let accepted = AcceptedBox()
        self.accepted = accepted
        listener = try Listener(Endpoint(host: "127.0.0.1", port: 0), group: sharedGroup, limit: limit) {
            connection, loop in
            let probe = Probe()
            configure(probe)
            probe.state.withLock { $0.loop = loop }
            accepted.probes.withLock { $0.append(probe) }
            probe.channel = TLSChannel(
                accepted: connection, context: context, loop: loop, options: options, handler: probe)
        }
    }

    /// Dials and starts the handshake.
    func dial(
        _ identity: TLSIdentity? = nil, options: TLSChannel.Options = Bench.options,
        configure: @escaping @Sendable (Probe) -> Void = { _ in }
    ) async throws -> Probe {
        let loop = sharedGroup.next()
        let context = try TLSContext.client(
            identity: identity ?? fleet.spoke, protocols: ["test/1"], server: .anchors(fleet.anchors))
        let (socket, address) = try await Connector().connect(listener.endpoint, on: loop)
        let probe = Probe()
        configure(probe)
        probe.state.withLock { ($0.loop, $0.socket) = (loop, socket) }
        loop.execute {
            probe.channel = TLSChannel(
                connected: socket, to: address, context: context, expecting: .host("localhost"), loop: loop,
                options: options, handler: probe)
        }
        return probe
    }
}
