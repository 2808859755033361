import Model
import Protocol
import Testing

/// What is sent may come from outside, too: a message over the limit of a frame is refused to its
/// sender and harms nothing.
@Suite("Messages that do not fit into a frame")
struct LongMessageTests {
    private let fetch = Message.fetchMetadata(FetchMetadata(name: "root.json"))

    private func answer(_ length: Int) -> Message {
        .joinAnswer(JoinAnswer(body: [UInt8](repeating: 7, count: length), proof: [UInt8](repeating: 1, count: 32)))
    }

    @Test(
        "an answer reaches the peer or, where it is too long for a frame, becomes an error",
        arguments: [
            1, 49_152, 65_536, 70_000, 512_000, 4 << 20,
        ])
    func answers(length: Int) throws {
        let pair = SessionPair.open()
        let stream = try pair.open(.dialler, fetch)
        pair.run()
        let fits = answer(length).encoded().count <= ProtocolLimits.messageLength
        #expect(pair.reply(.listener, stream, answer(length)) == fits)
        pair.run()
        // The session is as good as before.
        #expect(pair.session(.listener).state == .open)
        let next = try pair.open(.dialler, fetch)
        pair.run()
        #expect(pair.reply(.listener, next, .ok(OK())))
    }

    @Test("a request that is too long opens no stream, and the next one goes out")
    func requests() throws {
        let pair = SessionPair.open()
        #expect(throws: MessageTooLong.self) { try pair.open(.dialler, answer(70_000)) }
        #expect(pair.session(.dialler).isIdle && !pair.session(.dialler).hasOutput)
        let stream = try pair.open(.dialler, fetch)
        #expect(stream == StreamID(1))
        pair.run()
        #expect(pair.reply(.listener, stream, .ok(OK())))
    }

    @Test("what a check of a pool found fits into a message, however much it is")
    func poolCheck() throws {
        let long = String(repeating: "ü", count: 2000)
        let digest = try SHA256Digest(bytes: [UInt8](repeating: 1, count: 32))
        let message = Message.poolChecked(
            PoolChecked(
                pool: try NodeName(String(repeating: "p", count: 64)), check: .max, isOver: true, read: 1 << 62,
                total: 1 << 62, problems: Array(repeating: long, count: 200),
                corrupt: Array(repeating: digest, count: 200)))
        let bytes = message.encoded()
        #expect(bytes.count <= ProtocolLimits.messageLength)
        #expect(throws: Never.self) { try Message(decoding: bytes) }
    }
}
