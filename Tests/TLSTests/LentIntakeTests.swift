import TLS
import TestSupport
import Testing

@Suite("Reading through a lent buffer")
struct LentIntakeTests {
    private let pair: TLSPair
    private let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 7) }

    init() throws {
        let fleet = try TestFleet()
        let protocols = [ApplicationProtocol("axle/1", asksForCertificate: true)]
        pair = try TLSPair(
            server: .server(identity: fleet.hub, protocols: protocols, clients: .required(fleet.anchors)),
            client: .client(identity: fleet.spoke, protocols: ["axle/1"], server: .anchors(fleet.anchors)))
    }

    /// Sends all bytes while the other side reads `step` of them at a time, each time through a buffer of `size` that is anyone's again afterwards;
    /// every `directly`th time without one.
    private func transfer(step: Int, size: Int, directly: Int) throws -> [UInt8] {
        let intake = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
        defer { intake.deallocate() }
        var buffer = [UInt8](repeating: 0, count: step)
        var sent = 0
        var received: [UInt8] = []
        var turns = 0
        while received.count < bytes.count, turns < 1_000_000 {
            turns += 1
            if sent < bytes.count {
                let progress = bytes.withUnsafeBytes {
                    pair.client.write(UnsafeRawBufferPointer(rebasing: $0[sent...]))
                }
                if case .complete(let count) = progress { sent += count }
            }
            let isDirect = turns.isMultiple(of: directly)
            if !isDirect { pair.server.lend(intake) }
            let progress = buffer.withUnsafeMutableBytes { pair.server.read(into: $0) }
            if !isDirect { pair.server.takeBack() }
            intake.initializeMemory(as: UInt8.self, repeating: 0xee)
            switch progress {
            case .complete(let count): received += buffer[..<count]
            case .failed(let error): throw error
            default: break
            }
        }
        return received
    }

    @Test(
        "what was read from the socket and not taken comes first, in order and once, whoever reads then and how",
        arguments: [
            (50_000, 128 * 1024, 3), (1000, 20_000, 2), (16_384, 16_384, 5), (100_000, 1, 2), (7, 128 * 1024, 1000),
        ])
    func order(step: Int, size: Int, directly: Int) throws {
        _ = pair.handshake()
        #expect((try transfer(step: step, size: size, directly: directly) == bytes) as Bool)
    }

    @Test("bytes that follow the handshake at once are not lost with its buffer")
    func handshake() throws {
        let intake = UnsafeMutableRawBufferPointer.allocate(byteCount: TLSConnection.intakeSize, alignment: 64)
        defer { intake.deallocate() }
        var server = TLSProgress.wantRead
        var client = TLSProgress.wantRead
        for _ in 0..<20 where server != .complete(0) {
            if client != .complete(0) { client = pair.client.handshake() }
            // The client's last message and its first bytes are on the socket together.
            if client == .complete(0) { _ = [UInt8]([1, 2, 3]).withUnsafeBytes { pair.client.write($0) } }
            pair.server.lend(intake)
            server = pair.server.handshake()
            pair.server.takeBack()
            intake.initializeMemory(as: UInt8.self, repeating: 0xee)
        }
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(buffer.withUnsafeMutableBytes { pair.server.read(into: $0) } == .complete(3))
        #expect(buffer[..<3] == [1, 2, 3])
    }

    @Test("an end of the socket shows behind the bytes before it")
    func end() throws {
        _ = pair.handshake()
        let intake = UnsafeMutableRawBufferPointer.allocate(byteCount: TLSConnection.intakeSize, alignment: 64)
        defer { intake.deallocate() }
        // The client reads its tickets: a socket that is closed over unread bytes is reset.
        _ = try TLSPair.transfer([1], from: pair.server, to: pair.client)
        _ = bytes[..<40_000].withUnsafeBytes { pair.client.write($0) }
        pair.sockets.closeRight()
        var buffer = [UInt8](repeating: 0, count: 10_000)
        var received = 0
        while case .complete(let count) = read(into: &buffer, intake), count > 0 { received += count }
        #expect(received == 40_000)
        guard case .failed(let error) = read(into: &buffer, intake) else {
            Issue.record("a cut went unnoticed")
            return
        }
        #expect(error.code == .truncated)
    }

    private func read(into buffer: inout [UInt8], _ intake: UnsafeMutableRawBufferPointer) -> TLSProgress {
        pair.server.lend(intake)
        defer { pair.server.takeBack() }
        return buffer.withUnsafeMutableBytes { pair.server.read(into: $0) }
    }
}
