import TLS
import TestSupport
import Testing

@Suite("Gathered writes")
struct GatheredWriteTests {
    private let pair: TLSPair
    private let stage: Stage

    private final class Stage {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: TLSConnection.stageSize, alignment: 64)
        deinit { memory.deallocate() }
    }

    init() throws {
        let fleet = try TestFleet()
        let protocols = [ApplicationProtocol("axle/1", asksForCertificate: true)]
        pair = try TLSPair(
            server: .server(identity: fleet.hub, protocols: protocols, clients: .required(fleet.anchors)),
            client: .client(identity: fleet.spoke, protocols: ["axle/1"], server: .anchors(fleet.anchors)))
        stage = Stage()
        _ = pair.handshake()
    }

    /// Fills the socket until a rest stays; says how many bytes were taken.
    private func fill(_ bytes: [UInt8]) -> Int {
        var sent = 0
        while sent < bytes.count, !pair.client.hasUnsent {
            let progress = bytes.withUnsafeBytes {
                pair.client.write(UnsafeRawBufferPointer(rebasing: $0[sent...]), through: stage.memory)
            }
            guard case .complete(let count) = progress else { break }
            sent += count
        }
        return sent
    }

    @Test("what a full socket leaves is sent later, in order and once")
    func rest() throws {
        let bytes = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 7) }
        var sent = fill(bytes)
        #expect(pair.client.hasUnsent && sent < bytes.count)
        #expect(pair.client.sendRest() == .wantWrite, "nobody has read")
        // The stage is another's by now.
        stage.memory.initializeMemory(as: UInt8.self, repeating: 0xee)
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while received.count < bytes.count {
            if case .complete(let count) = buffer.withUnsafeMutableBytes({ pair.server.read(into: $0) }) {
                received += buffer[..<count]
            }
            if pair.client.sendRest() == .complete(0), sent < bytes.count { sent += fill(Array(bytes[sent...])) }
        }
        #expect(received == bytes)
        #expect(!pair.client.hasUnsent)
    }

    @Test("a plain write does not overtake what was left")
    func order() throws {
        let bytes = [UInt8](repeating: 1, count: 8 << 20)
        let sent = fill(bytes)
        #expect(pair.client.hasUnsent)
        let early = [UInt8](repeating: 2, count: 10).withUnsafeBytes { pair.client.write($0) }
        #expect(early == .wantWrite)
        var received: [UInt8] = []
        var isWritten = false
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while received.count < sent + 10 {
            if case .complete(let count) = buffer.withUnsafeMutableBytes({ pair.server.read(into: $0) }) {
                received += buffer[..<count]
            }
            if !isWritten, case .complete = [UInt8](repeating: 2, count: 10).withUnsafeBytes({ pair.client.write($0) })
            {
                isWritten = true
            }
        }
        #expect(received[..<sent].allSatisfy { $0 == 1 } && received[sent...].allSatisfy { $0 == 2 })
    }

    @Test("a rest for a peer that went away is a failure, not a signal")
    func brokenPeer() throws {
        _ = fill([UInt8](repeating: 1, count: 8 << 20))
        #expect(pair.client.hasUnsent)
        pair.sockets.closeLeft()
        guard case .failed(let error) = pair.client.sendRest() else {
            Issue.record("no failure")
            return
        }
        #expect(error.code == .connectionFailed)
    }
}
