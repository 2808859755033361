import Glibc
import Network
import System
import TLS
import TestSupport
import Testing

@Suite("TLS channels", .serialized)
struct TLSChannelTests {
    @Test func bytesGoBothWaysAndTheEndIsProper() async throws {
        let bench = try Bench { probe in probe.onBytes = { channel, bytes in channel.queue(Array(bytes)) } }
        let client = try await bench.dial { probe in probe.onOpen = { $0.queue(Array("hello".utf8)) } }
        try await eventually("echo") { client.total == 5 }
        #expect(client.events == [.opened("test/1")])
        #expect(client.state.withLock { $0.received } == Array("hello".utf8))
        sharedClose(client)
        try await eventually("ends") { client.end != nil && bench.accepted.last?.end != nil }
        #expect(client.end == .closedHere)
        #expect(bench.accepted.last?.end == .peerClosed)
    }

    @Test func manyMegabytesComeBackWhole() async throws {
        let size = 20_000_000
        let piece = [UInt8]((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
        let bench = try Bench { probe in
            probe.onBytes = { channel, bytes in
                if !channel.queue(Array(bytes)) { channel.setReading(false) }
            }
            probe.onWritable = { $0.setReading(true) }
        }
        let sent = NativeLock(0)
        let client = try await bench.dial { probe in
            let push: (TLSChannel) -> Void = { channel in
                while sent.withLock({ $0 }) < size {
                    sent.withLock { $0 += piece.count }
                    if !channel.queue(piece) { return }
                }
            }
            probe.onOpen = push
            probe.onWritable = push
            probe.onBytes = { _, _ in }
        }
        try await eventually("all back") { client.total == size }
        sharedClose(client)
    }

    @Test func aReaderThatDoesNotReadStopsItsPeerNotItsMemory() async throws {
        let bench = try Bench { probe in probe.onOpen = { $0.setReading(false) } }
        let taken = NativeLock(0)
        let block = [UInt8](repeating: 1, count: 128 * 1024)
        let client = try await bench.dial { probe in
            let push: (TLSChannel) -> Void = { channel in
                while true {
                    let count = block.withUnsafeBytes { channel.send($0) }
                    taken.withLock { $0 += count }
                    if count < block.count { return }
                }
            }
            probe.onOpen = push
            probe.onWritable = push
        }
        try await eventually("blocked") { client.isOpened && taken.withLock { $0 } > 0 }
        try await Task.sleep(for: .milliseconds(300))
        let before = taken.withLock { $0 }
        try await Task.sleep(for: .milliseconds(200))
        #expect(taken.withLock { $0 } == before && before < 32_000_000)
        #expect(bench.accepted.last?.total == 0)
        let server = try #require(bench.accepted.last)
        server.onBytes = { _, _ in }
        onLoop(server) { $0.setReading(true) }
        try await eventually("goes on") { server.total > before }
        onLoop(client) { $0.abort() }
        try await eventually("server hears") { server.end != nil }
    }

    /// What the kernel itself holds for the socket (`TCP_NOTSENT_LOWAT`).
    private static func unsentLimit(of socket: Int32) -> Int32 {
        var value: Int32 = -1
        var length = socklen_t(MemoryLayout<Int32>.size)
        let (tcp, notSentLowWater) = (Int32(6), Int32(25))
        return getsockopt(socket, tcp, notSentLowWater, &value, &length) == 0 ? value : -1
    }

    @Test func theKernelHoldsWhatTheLimitSaysForAPeerThatIsSlow() async throws {
        let bench = try Bench { probe in probe.onBytes = { _, _ in } }
        let block = [UInt8](repeating: 1, count: 128 * 1024)
        let sent = NativeLock(0)
        let isFilling = NativeLock(false)
        let fullSince = NativeLock<Duration>(.zero)
        let hasRoom = NativeLock(false)
        let fill: @Sendable (TLSChannel) -> Void = { channel in
            while true {
                let count = block.withUnsafeBytes { channel.send($0) }
                sent.withLock { $0 += count }
                guard count < block.count else { continue }
                return fullSince.withLock { $0 = SystemClock.uptime }
            }
        }
        let client = try await bench.dial { probe in
            probe.onWritable = { channel in
                // Buffers grow while they are filled.
                if isFilling.withLock({ $0 }) { fill(channel) } else { hasRoom.withLock { $0 = true } }
            }
        }
        let server = try await accepted(bench)
        try await eventually("open") { client.isOpened }
        let socket = client.state.withLock { $0.socket }
        #expect(Self.unsentLimit(of: socket) == 256 * 1024, "what a channel begins with")
        // Each round that nothing disturbs halves it; a kernel that makes its buffers larger meanwhile costs a round.
        var round = 0
        while Self.unsentLimit(of: socket) != UnsentLimit.least, round < 20 {
            round += 1
            onLoop(server) { $0.setReading(false) }
            fullSince.withLock { $0 = SystemClock.uptime }
            isFilling.withLock { $0 = true }
            onLoop(client, fill)
            // Until nothing has gone for longer than room may take to come on a link that keeps its limit. The channel's own loop looks, so that no
            // room can come between the look and the end of the filling.
            try await eventually("nothing goes in round \(round)") {
                onLoop(client) { _ in
                    guard isFilling.withLock({ $0 }),
                        SystemClock.uptime - fullSince.withLock({ $0 }) > .milliseconds(80)
                    else { return }
                    isFilling.withLock { $0 = false }
                    hasRoom.withLock { $0 = false }
                }
                return !isFilling.withLock { $0 }
            }
            onLoop(server) { $0.setReading(true) }
            try await eventually("room in round \(round)") { hasRoom.withLock { $0 } }
            try await eventually("all there in round \(round)") { server.total == sent.withLock { $0 } }
        }
        #expect(Self.unsentLimit(of: socket) == UnsentLimit.least)
        onLoop(client) { $0.abort() }
    }

    /// The other end of the connection that was dialled last.
    private func accepted(_ bench: Bench) async throws -> Probe {
        try await eventually("accepted") { bench.accepted.last?.isOpened == true }
        return try #require(bench.accepted.last)
    }

    @Test func aSlowHandshakeIsCutOff() async throws {
        var options = Bench.options
        options.handshakeTimeout = .milliseconds(150)
        let bench = try Bench(options: options)
        let loop = sharedGroup.next()
        let (socket, _) = try await Connector().connect(bench.listener.endpoint, on: loop)
        let raw = FileDescriptor(takingOwnership: socket)
        try await eventually("cut off") { bench.accepted.last?.end == .handshakeTimeout }
        #expect(bench.listener.limit.current == (0, 0))
        try raw.close()
    }

    @Test func garbageInsteadOfTLSFailsThatPeerOnly() async throws {
        let bench = try Bench()
        let good = try await bench.dial()
        try await eventually("open") { good.isOpened }
        let (socket, _) = try await Connector().connect(bench.listener.endpoint, on: sharedGroup.next())
        let raw = FileDescriptor(takingOwnership: socket)
        try raw.write(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        try await eventually("refused") { bench.accepted.last?.end != nil }
        guard case .failed = bench.accepted.last?.end else {
            Issue.record("\(bench.accepted.last?.end as Any)"); return
        }
        #expect(good.end == nil)
        sharedClose(good)
        try raw.close()
    }

    @Test func silenceEndsAnIdleChannel() async throws {
        var options = Bench.options
        options.idleTimeout = .milliseconds(100)
        let bench = try Bench(options: options)
        let client = try await bench.dial()
        try await eventually("cut off") { bench.accepted.last?.end == .idleTimeout }
        try await eventually("client hears") { client.end != nil }
    }

    @Test func wrongAuthoritiesAndExpiredCertificatesNeverOpen() async throws {
        let bench = try Bench()
        for identity in [bench.fleet.otherCA, bench.fleet.expired, bench.fleet.notYetValid, bench.fleet.issuedByLeaf] {
            let client = try await bench.dial(identity)
            // In TLS 1.3 the client may believe itself open until its first read.
            try await eventually("refused") { client.end != nil }
            guard case .failed(let error) = client.end else { Issue.record("\(client.end as Any)"); continue }
            #expect(error.code == .peerRefused)
        }
        try await eventually("all refused") {
            bench.accepted.probes.withLock { $0.allSatisfy { $0.end != nil && !$0.isOpened } }
        }
    }

    @Test func peersBeyondTheLimitAreMarkedAndStrangersDropped() async throws {
        let bench = try Bench(limit: PeerLimit(peers: 1, handshakes: 1))
        let first = try await bench.dial()
        try await eventually("open") { first.isOpened && bench.accepted.last?.isOpened == true }
        let over = NativeLock<Bool?>(nil)
        let second = try await bench.dial()
        try await eventually("open") { second.isOpened && bench.accepted.probes.withLock { $0.count } == 2 }
        let server = try #require(bench.accepted.last)
        onLoop(server) { channel in over.withLock { $0 = channel.isOverLimit } }
        try await eventually("asked") { over.withLock { $0 } != nil }
        #expect(over.withLock { $0 } == true)
        // The one over the limit still holds the only handshake: a third is dropped at once.
        // So soon, now and then, that it shows in connecting already.
        do {
            let third = try await bench.dial()
            try await eventually("dropped") { third.end != nil }
            #expect(!third.isOpened)
        } catch is NetworkError {}
        sharedClose(first)
        sharedClose(second)
        try await eventually("all left") { bench.listener.limit.current == (0, 0) }
    }

    @Test func aPortNobodyListensOnIsUnreachable() async throws {
        let port = try FreePort.next()
        await #expect(throws: NetworkError.self) {
            _ = try await Connector().connect(Endpoint(host: "127.0.0.1", port: port), on: sharedGroup.next())
        }
        await #expect(throws: NetworkError.self) {
            _ = try await Connector().connect(Endpoint(host: "no-such-host.invalid", port: 1), on: sharedGroup.next())
        }
    }

    @Test func aTakenPortIsSaid() throws {
        let limit = PeerLimit(peers: 1, handshakes: 1)
        let first = try Listener(Endpoint(host: "127.0.0.1", port: 0), group: sharedGroup, limit: limit) { _, _ in }
        #expect(first.endpoint.port != 0)
        #expect(throws: NetworkError.self) {
            _ = try Listener(first.endpoint, group: sharedGroup, limit: limit) { _, _ in }
        }
        let all = try Listener(Endpoint(host: nil, port: 0), group: sharedGroup, limit: limit) { _, _ in }
        #expect(all.endpoint.port != 0)
    }

    /// Runs on the probe's loop with its channel.
    private func onLoop(_ probe: Probe, _ work: @escaping @Sendable (TLSChannel) -> Void) {
        probe.state.withLock { $0.loop }?.execute { if let channel = probe.channel { work(channel) } }
    }

    private func sharedClose(_ probe: Probe) {
        onLoop(probe) { $0.close() }
    }
}
