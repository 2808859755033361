import Network
import System
import TLS
import TestSupport
import Testing

/// What a peer can make a loop do in one turn, and how a channel ends that has something to say to a peer that goes on sending.
@Suite("Turns of a channel", .serialized)
struct TurnTests {
    /// Looks at a channel's count of bytes in each turn of its loop and keeps the largest step.
    private final class Watch: Sendable {
        private let loop: EventLoop
        private let state = NativeLock((last: UInt64(0), largest: UInt64(0), isOn: true))

        init(_ loop: EventLoop) { self.loop = loop }

        func begin(_ probe: Probe) {
            loop.execute { self.look(probe) }
        }

        private func look(_ probe: Probe) {
            let now = probe.channel?.bytesReceived ?? 0
            let goesOn = state.withLock { state in
                if now > state.last { state.largest = max(state.largest, now - state.last) }
                state.last = max(state.last, now)
                return state.isOn
            }
            if goesOn { loop.execute { self.look(probe) } }
        }

        func end() -> UInt64 {
            state.withLock { state in
                state.isOn = false
                return state.largest
            }
        }
    }

    @Test func recordsOfOneByteLeaveTheLoopToOthers() async throws {
        let count = 4000
        let bench = try Bench { probe in
            probe.onOpen = { $0.setReading(false) }
            probe.onBytes = { _, _ in }
        }
        let client = try await bench.dial { probe in
            probe.onOpen = { channel in
                // Each call makes a record.
                for _ in 0..<count { channel.queue([1]) }
            }
        }
        try await eventually("all sent") { client.isOpened && bench.accepted.last?.isOpened == true }
        let server = try #require(bench.accepted.last)
        let loop = try #require(server.state.withLock { $0.loop })
        // The records wait in the kernel, so that they could all be taken at once.
        try await Task.sleep(for: .milliseconds(200))
        let watch = Watch(loop)
        watch.begin(server)
        loop.execute { server.channel?.setReading(true) }
        try await eventually("all there") { server.total == count }
        let largest = watch.end()
        // Two turns may lie between two looks: the one that is booked and the one of the socket.
        #expect(largest <= 2 * 256, "\(largest) records in one turn")
        loop.execute { server.channel?.abort() }
    }

    @Test func aClosingChannelThrowsAwayWhatComes() async throws {
        let delivered = NativeLock(0)
        let bench = try Bench { probe in
            probe.onBytes = { channel, bytes in
                delivered.withLock { $0 += bytes.count }
                // More than the kernel takes of a peer that reads nothing, and then the end.
                channel.queue([UInt8](repeating: 7, count: 12_000_000))
                channel.close()
            }
        }
        let block = [UInt8](repeating: 1, count: 16_000)
        let sent = NativeLock(0)
        let client = try await bench.dial { probe in
            probe.onOpen = { channel in
                channel.setReading(false)
                channel.queue([1])
            }
        }
        try await eventually("closing") { delivered.withLock { $0 } > 0 }
        let before = delivered.withLock { $0 }
        let push: @Sendable (TLSChannel) -> Void = { channel in
            let count = block.withUnsafeBytes { channel.send($0) }
            sent.withLock { $0 += count }
        }
        let loop = try #require(client.state.withLock { $0.loop })
        // Far more than the buffers of the kernel hold: it is read, and given to nobody.
        for _ in 0..<20_000 where sent.withLock({ $0 }) < 40_000_000 && client.end == nil {
            loop.execute { if let channel = client.channel { push(channel) } }
            if sent.withLock({ $0 }).isMultiple(of: 7) { try await Task.sleep(for: .milliseconds(1)) }
        }
        try await eventually("much is sent, or the end is here") {
            sent.withLock { $0 } >= 8_000_000 || client.end != nil
        }
        #expect(delivered.withLock { $0 } == before)
        loop.execute { client.channel?.abort() }
        try await eventually("over") { bench.accepted.last?.end != nil }
    }

    @Test func aConnectionThatSaysNothingIsGivenUpBeforeASlowHandshake() async throws {
        var options = Bench.options
        options.firstByteTimeout = .milliseconds(100)
        options.handshakeTimeout = .seconds(60)
        let bench = try Bench(options: options)
        let (silent, _) = try await Connector().connect(bench.listener.endpoint, on: sharedGroup.next())
        let raw = FileDescriptor(takingOwnership: silent)
        try await eventually("cut off") { bench.accepted.last?.end == .handshakeTimeout }
        let (slow, _) = try await Connector().connect(bench.listener.endpoint, on: sharedGroup.next())
        let begun = FileDescriptor(takingOwnership: slow)
        // The head of a record that promises more than comes.
        try begun.write([22, 3, 1, 1, 0])
        try await eventually("accepted") { bench.accepted.probes.withLock { $0.count } == 2 }
        try await Task.sleep(for: .milliseconds(400))
        #expect(bench.accepted.last?.end == nil)
        try raw.close()
        try begun.close()
    }

    @Test func aHandshakeInTooManyPiecesIsRefused() async throws {
        let bench = try Bench()
        let (socket, _) = try await Connector().connect(bench.listener.endpoint, on: sharedGroup.next())
        let raw = FileDescriptor(takingOwnership: socket)
        // A client hello of 12,000 bytes, a byte to a record.
        let hello: [UInt8] = [1, 0, 0x2e, 0xe0] + [UInt8](repeating: 0, count: 12_000)
        let records = hello.flatMap { byte -> [UInt8] in [22, 3, 1, 0, 1, byte] }
        // The listener may have ended it before all is written.
        _ = try? raw.write(records)
        try await eventually("refused") { bench.accepted.last?.end != nil }
        guard case .failed(let error) = bench.accepted.last?.end else {
            Issue.record("\(bench.accepted.last?.end as Any)"); return
        }
        #expect(error.code == .protocolViolation && error.message.contains("records"))
        try raw.close()
    }
}
