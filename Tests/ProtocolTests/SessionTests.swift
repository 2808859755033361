import Codec
import Model
import Protocol
import Testing

@Suite("Session")
struct SessionTests {
    @Test("both sides are open after two hellos, with the common version")
    func hello() {
        let pair = SessionPair()
        #expect(pair.dialler.state == .awaitingHello)
        pair.run()
        #expect(pair.listener.state == .deciding)
        #expect(pair.listenerLog.entries == [.event(.hello(SessionPair.hello(.spoke)))])
        pair.listener.accept(SessionPair.hello(.hub))
        pair.run()
        #expect(pair.dialler.state == .open)
        #expect(pair.listener.state == .open)
        #expect(pair.diallerLog.entries == [.event(.hello(SessionPair.hello(.hub)))])
        #expect(pair.dialler.version == 1)
    }

    @Test("a request is answered on its stream, in both directions, and nothing stays open")
    func requests() throws {
        let pair = SessionPair.open()
        let fetch = Message.fetchMetadata(FetchMetadata(name: "2.root.json"))
        let odd = try pair.open(.dialler, fetch)
        let even = try pair.open(.listener, .catalogChanged(CatalogChanged(timestampVersion: 7)))
        #expect(odd == StreamID(1))
        #expect(even == StreamID(2))
        pair.run()
        #expect(pair.listenerLog.entries == [.event(.request(odd, fetch, .control, isEnd: true))])
        #expect(pair.reply(.dialler, even, .ok(OK())))
        #expect(pair.reply(.listener, odd, .error(ErrorReply(code: .notFound, text: "no such file"))))
        #expect(!pair.reply(.listener, odd, .ok(OK())))
        pair.run()
        #expect(pair.diallerLog.replies == [.error(ErrorReply(code: .notFound, text: "no such file"))])
        #expect(pair.listenerLog.replies == [.ok(OK())])
        #expect(pair.dialler.isIdle)
        #expect(pair.listener.isIdle)
    }

    @Test("content of many windows arrives whole, in order, and within the credit")
    func bulk() throws {
        let pair = SessionPair.open()
        let body = (0..<9_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 9) }
        let stream = try pair.open(.dialler, .fetchMetadata(FetchMetadata(name: "a")))
        pair.run()
        pair.reply(.listener, stream, .content(Content(length: UInt64(body.count), offset: 0)), isEnd: false)
        var sent = 0
        while sent < body.count {
            let piece = Array(body[sent..<min(body.count, sent + 100_000)])
            let taken = try #require(pair.send(.listener, stream, piece, isEnd: sent + piece.count == body.count))
            sent += taken
            if taken < piece.count {
                pair.run()
                #expect(pair.writable(.listener) == stream)
            }
        }
        pair.run()
        #expect(pair.diallerLog.data(stream) == body)
        #expect(pair.dialler.isIdle && pair.listener.isIdle)
    }
}
