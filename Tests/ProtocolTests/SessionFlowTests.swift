import Codec
import Model
import Protocol
import Testing

@Suite("Session: credit, priorities, chunking, time")
struct SessionFlowTests {
    private let fetch = Message.fetchMetadata(FetchMetadata(name: "a"))
    private let content = Message.content(Content(length: 1 << 30, offset: 0))

    /// A pair whose listener is sending content on so many streams of these priorities.
    private func sending(_ priorities: [Priority]) throws -> (SessionPair, [StreamID]) {
        let pair = SessionPair.open()
        let streams = try priorities.map { try pair.open(.dialler, fetch, $0) }
        pair.run()
        for stream in streams { pair.reply(.listener, stream, content, isEnd: false) }
        pair.run()
        return (pair, streams)
    }

    @Test("a sender whose peer reads nothing copies two frames ahead and no more")
    func boundedOutput() throws {
        let (pair, streams) = try sending([.normal])
        let bytes = [UInt8](repeating: 1, count: 1 << 20)
        var taken = 0
        for _ in 0..<50 { taken += try #require(pair.send(.listener, streams[0], bytes)) }
        #expect(taken <= ProtocolLimits.bulkOutput)
        #expect(pair.writable(.listener) == nil)
    }

    @Test("a sender without credit buffers nothing, and goes on when credit comes")
    func noCredit() throws {
        let (pair, streams) = try sending([.normal])
        pair.consumesAtOnce = false
        let bytes = [UInt8](repeating: 1, count: 1 << 20)
        var sent = 0
        while let taken = pair.send(.listener, streams[0], bytes), taken > 0 {
            sent += taken
            pair.run()
        }
        #expect(sent == Int(ProtocolLimits.streamCredit))
        #expect(pair.send(.listener, streams[0], bytes) == 0)
        #expect(!pair.listener.hasOutput)
        #expect(pair.writable(.listener) == nil)
        pair.dialler.consumed(streams[0], Int(ProtocolLimits.streamCredit / 4) - 1)
        #expect(!pair.dialler.hasOutput, "credit goes back in large steps")
        pair.dialler.consumed(streams[0], 1)
        pair.run()
        #expect(pair.writable(.listener) == streams[0])
        #expect(pair.writable(.listener) == nil, "a stream is named once")
        #expect(try #require(pair.send(.listener, streams[0], bytes)) > 0)
    }

    @Test("the connection's credit bounds all streams together, and comes back from streams that are over")
    func connectionCredit() throws {
        let (pair, streams) = try sending([.normal, .normal, .normal])
        pair.consumesAtOnce = false
        let bytes = [UInt8](repeating: 1, count: 100_000)
        var sent = 0
        for stream in streams {
            while let taken = pair.send(.listener, stream, bytes), taken > 0 {
                sent += taken
                pair.run()
            }
        }
        #expect(sent == Int(ProtocolLimits.connectionCredit))
        pair.dialler.reset(streams[0])
        pair.run()
        #expect(pair.listenerLog.entries.contains(.event(.reset(streams[0], .cancelled))))
        #expect(pair.writable(.listener) == nil)
        pair.dialler.consumed(streams[0], Int(ProtocolLimits.streamCredit))
        pair.run()
        #expect(pair.writable(.listener) == streams[2])
    }

    @Test("data in flight on a stream that was reset gives its credit back by itself")
    func resetInFlight() throws {
        for _ in 0..<10 {
            let (pair, streams) = try sending([.normal])
            var whole = 0
            for _ in 0..<6 {
                let taken = try #require(pair.send(.listener, streams[0], [UInt8](repeating: 1, count: 150_000)))
                let bytes = SessionPair.take(from: &pair.listener)
                whole += taken
                if whole == taken { pair.dialler.reset(streams[0]) }
                pair.inject(.dialler, bytes)
            }
            #expect(pair.diallerLog.data(streams[0]).isEmpty)
            pair.run()
            #expect(pair.dialler.isIdle && pair.listener.isIdle)
            #expect(pair.dialler.state == .open)
        }
    }

    @Test("both reset the same stream at once, and each forgets it")
    func bothReset() throws {
        let (pair, streams) = try sending([.normal])
        pair.dialler.reset(streams[0])
        pair.listener.reset(streams[0], .failed)
        pair.run()
        #expect(pair.dialler.isIdle && pair.listener.isIdle)
        #expect(pair.diallerLog.failure == nil && pair.listenerLog.failure == nil)
    }

    @Test("a reset never overtakes the data of its stream")
    func resetOrder() throws {
        let (pair, streams) = try sending([.normal])
        pair.send(.listener, streams[0], [UInt8](repeating: 1, count: 200_000))
        pair.listener.reset(streams[0], .failed)
        _ = try pair.open(.listener, .catalogChanged(CatalogChanged(timestampVersion: 1)))
        let types = RawFrame.split(SessionPair.take(from: &pair.listener)).map(\.type)
        #expect(types == [2, 3, 3, 8])
    }

    @Test("a control message overtakes waiting bulk at the next frame, not inside one")
    func controlFirst() throws {
        let (pair, streams) = try sending([.normal])
        pair.send(.listener, streams[0], [UInt8](repeating: 1, count: 1 << 20))
        var written: [UInt8] = []
        // A socket that takes 10,000 bytes at a time; the message comes when it is in the middle of the first frame.
        for step in 0..<1000 {
            if step == 3 { _ = try pair.open(.listener, .catalogChanged(CatalogChanged(timestampVersion: 1))) }
            guard pair.listener.hasOutput else { break }
            pair.listener.withOutput { bytes in
                let count = min(10_000, bytes.count)
                for index in 0..<count { written.append(bytes[index]) }
                return count
            }
        }
        #expect(RawFrame.split(written).map(\.type) == [3, 2, 3])
    }

    @Test("what was offered and not taken is offered again, whatever came in between")
    func offersRepeat() throws {
        let (pair, streams) = try sending([.normal])
        pair.send(.listener, streams[0], [UInt8](repeating: 1, count: 150_000))
        var first: [UInt8] = []
        var second: [UInt8] = []
        pair.listener.withOutput { bytes in
            ByteSpan.append(bytes, to: &first)
            return 0
        }
        _ = try pair.open(.listener, .catalogChanged(CatalogChanged(timestampVersion: 1)))
        pair.send(.listener, streams[0], [2])
        pair.listener.withOutput { bytes in
            ByteSpan.append(bytes, to: &second)
            return 0
        }
        #expect(!first.isEmpty)
        #expect(second == first)
    }

    @Test("of the streams that wait, the most urgent is named first, and equals take turns")
    func turns() throws {
        let (pair, streams) = try sending([.background, .normal, .normal, .urgent])
        let bytes = [UInt8](repeating: 1, count: 1 << 20)
        for stream in streams { pair.send(.listener, stream, bytes) }
        var named: [StreamID] = []
        for _ in 0..<6 {
            pair.run()
            let stream = try #require(pair.writable(.listener))
            named.append(stream)
            // The urgent stream gives up after its second turn.
            if stream != streams[3] || named.count < 2 { pair.send(.listener, stream, bytes) }
        }
        #expect(named == [streams[3], streams[3], streams[1], streams[2], streams[1], streams[2]])
    }

    @Test("any way of cutting the bytes gives the same events", arguments: 0..<40)
    func chunking(_ seed: UInt64) throws {
        let whole = try conversation { .max }
        var random = SplitMix64(state: seed)
        let longest = [1, 2, 11, 12, 13, 100, 5000][Int(seed % 7)]
        let cut = try conversation { Int.random(in: 1...longest, using: &random) }
        #expect(cut.0 == whole.0)
        #expect(cut.1 == whole.1)
    }

    /// What both sides hear of a fixed conversation.
    private func conversation(_ pieceLength: @escaping () -> Int) throws -> (SessionLog, SessionLog) {
        let pair = SessionPair()
        pair.pieceLength = pieceLength
        pair.run()
        pair.listener.accept(SessionPair.hello(.hub))
        pair.run()
        let stream = try pair.open(.dialler, fetch, .normal)
        for message in MessageSamples.all { _ = try pair.open(.listener, message) }
        pair.run()
        pair.reply(.listener, stream, content, isEnd: false)
        pair.send(.listener, stream, (0..<3000).map { UInt8(truncatingIfNeeded: $0) })
        pair.send(.listener, stream, [], isEnd: true)
        for request in pair.diallerLog.requests { pair.reply(.dialler, request, .ok(OK())) }
        pair.run()
        pair.listener.close(GoAway(.leaving, "bye"), at: pair.now)
        pair.run()
        return (pair.diallerLog, pair.listenerLog)
    }

    @Test("a silent peer is pinged by the dialler, and given up without an answer")
    func pings() throws {
        let pair = SessionPair.open()
        #expect(pair.dialler.nextTick == pair.now + ProtocolLimits.idleSilence)
        #expect(pair.listener.nextTick == pair.now + ProtocolLimits.idleSilence + ProtocolLimits.listenerExtra)
        pair.now += ProtocolLimits.idleSilence
        #expect(pair.tick(.dialler) == nil)
        #expect(pair.tick(.listener) == nil)
        pair.stepDialler()
        pair.stepListener()
        #expect(pair.dialler.nextTick == pair.now + ProtocolLimits.idleSilence)
        pair.now += ProtocolLimits.idleSilence
        #expect(pair.tick(.dialler) == nil)
        pair.now += ProtocolLimits.pongTime
        guard case .failed(let error) = pair.tick(.dialler) else { throw ProtocolError(.malformed, "not given up") }
        #expect(error.code == .timedOut)
    }

    @Test("with a stream open silence is noticed sooner")
    func busyPings() throws {
        let pair = SessionPair.open()
        _ = try pair.open(.dialler, fetch)
        #expect(pair.dialler.nextTick == pair.now + ProtocolLimits.busySilence)
    }

    @Test("no hello in time ends a session, even if a byte comes now and then")
    func helloTime() {
        let pair = SessionPair()
        let hello = RawFrame.hello(SessionPair.hello(.spoke))
        for (index, byte) in hello.prefix(9).enumerated() {
            pair.now = .seconds(1 + index)
            pair.inject(.listener, [byte])
        }
        pair.now = .seconds(1) + ProtocolLimits.helloTime
        #expect(pair.listener.nextTick == pair.now)
        #expect(pair.tick(.listener) == .failed(ProtocolError(.timedOut, "no hello in time")))
    }

    @Test("leaving ends at its time even if a stream stays open, and a last word that is not read is given up")
    func leaveTime() throws {
        let pair = SessionPair.open()
        _ = try pair.open(.dialler, fetch)
        pair.dialler.close(GoAway(.leaving, "bye"), at: pair.now)
        let start = pair.now
        while pair.now < start + ProtocolLimits.leaveTime {
            pair.now = try #require(pair.dialler.nextTick)
            pair.inject(.dialler, RawFrame.ping(1))
            _ = pair.tick(.dialler)
        }
        #expect(pair.dialler.state == .closing)
        #expect(!pair.dialler.isFinished)
        pair.now = try #require(pair.dialler.nextTick)
        #expect(pair.tick(.dialler) == nil)
        #expect(pair.dialler.isFinished)
        #expect(pair.dialler.nextTick == nil)
    }

    @Test("a frame that the caller writes itself is the frame that the session would have written")
    func directFrames() throws {
        let (pair, streams) = try sending([.normal])
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        var sent = 0
        var written: [UInt8] = []
        while sent < bytes.count {
            let frame = try #require(pair.frame(.listener, streams[0], count: bytes.count - sent, isEnd: true))
            #expect(frame.count <= ProtocolLimits.directLength && frame.count > 0)
            let header = RawFrame.header(frame)
            written += header + bytes[sent..<sent + frame.count]
            sent += frame.count
        }
        #expect(RawFrame.split(written).map(\.type) == [3, 3, 3])
        #expect(pair.frame(.listener, streams[0], count: 1, isEnd: true) == nil, "the stream has ended")
        pair.inject(.dialler, written)
        #expect(pair.diallerLog.data(streams[0]) == bytes)
        #expect(pair.dialler.isIdle && pair.listener.isIdle)
    }

    @Test("a frame that the caller writes itself obeys credit and limit, and its stream is named again")
    func directCredit() throws {
        let (pair, streams) = try sending([.normal])
        pair.consumesAtOnce = false
        var sent = 0
        while let frame = pair.frame(.listener, streams[0], count: 1 << 20, isEnd: false), frame.count > 0 {
            sent += frame.count
        }
        #expect(sent == Int(ProtocolLimits.streamCredit))
        #expect(pair.writable(.listener) == nil)
        pair.inject(.listener, RawFrame.credit(streams[0].number, 70_000))
        pair.listener.limitData(to: 50_000)
        #expect(pair.writable(.listener) == streams[0])
        #expect(pair.frame(.listener, streams[0], count: 1 << 20, isEnd: false)?.count == 50_000)
        #expect(pair.listener.isHeldBack && pair.writable(.listener) == nil)
    }

    @Test("a limit holds data back and nothing else, and the most urgent goes first when there is room again")
    func limit() throws {
        let (pair, streams) = try sending([.normal, .urgent])
        pair.listener.limitData(to: 1000)
        let bytes = [UInt8](repeating: 1, count: 100_000)
        #expect(pair.send(.listener, streams[0], bytes) == 1000)
        #expect(pair.send(.listener, streams[0], bytes) == 0)
        #expect(pair.send(.listener, streams[1], bytes) == 0)
        pair.run()
        #expect(pair.listener.isHeldBack && pair.writable(.listener) == nil)
        // Messages, pings and ends go on.
        let request = try pair.open(.dialler, fetch)
        pair.run()
        #expect(pair.reply(.listener, request, .ok(OK())))
        pair.run()
        #expect(pair.diallerLog.entries.contains(.event(.reply(request, .ok(OK()), isEnd: true))))
        pair.listener.allow(500)
        #expect(!pair.listener.isHeldBack)
        #expect(pair.writable(.listener) == streams[1])
        #expect(pair.send(.listener, streams[1], bytes) == 500)
        pair.listener.limitData(to: nil)
        #expect(!pair.listener.isHeldBack)
        #expect(pair.writable(.listener) == streams[1])
        #expect(pair.send(.listener, streams[1], bytes) == bytes.count)
    }

    @Test("a session that has nothing to send is not held back by its limit")
    func idleLimit() throws {
        let (pair, streams) = try sending([.normal])
        pair.listener.limitData(to: 0)
        #expect(!pair.listener.isHeldBack)
        #expect(pair.send(.listener, streams[0], []) == 0)
        #expect(!pair.listener.isHeldBack)
        #expect(pair.send(.listener, streams[0], [1]) == 0)
        #expect(pair.listener.isHeldBack)
        pair.listener.reset(streams[0])
        #expect(!pair.listener.isHeldBack)
        pair.listener.allow(-5)
        #expect(!pair.listener.isHeldBack)
    }

    @Test("a session's own state is small")
    func idleSize() {
        #expect(MemoryLayout<Session>.size <= 512)
        #expect(MemoryLayout<SessionEvent>.size <= 256)
    }
}

/// A small seeded generator, so that a failure repeats.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
