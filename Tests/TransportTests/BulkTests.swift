import Foundation
import Model
import Network
import Protocol
import System
import TLS
import TestSupport
import Testing
import Transport

@Suite("Bulk: content, back-pressure, cuts", .serialized)
struct BulkTests {
    /// Serves patterned content of `length` bytes from a queue.
    private func serve(_ site: Site, _ length: UInt64, _ onRead: @escaping @Sendable (UInt64) throws -> Void = { _ in })
    {
        let queue = NamedQueue("source")
        site.recorder.onRequest.withLock {
            $0 = { links, link, request, message in
                guard case .fetchPackage(let fetch) = message else { return }
                let content = Content(length: length, offset: fetch.offset)
                links.sendContent(
                    link, request, content,
                    from: .reader(queue) { buffer, offset in
                        try onRead(offset)
                        fillPattern(buffer, offset)
                        return buffer.count
                    })
            }
        }
    }

    /// Checks what is written and notes how far it got.
    private final class Check: Sendable {
        let queue = NamedQueue("sink")
        let state: NativeLock<(next: UInt64, isRight: Bool)>

        init(from offset: UInt64 = 0) { state = NativeLock((offset, true)) }

        var next: UInt64 { state.withLock { $0.next } }
        var isRight: Bool { state.withLock { $0.isRight } }

        func write(_ bytes: UnsafeRawBufferPointer, _ offset: UInt64) {
            var isRight = true
            for index in stride(from: 0, to: bytes.count, by: 61) where bytes[index] != pattern(offset + UInt64(index))
            {
                isRight = false
            }
            state.withLock { state in
                if state.next != offset || !isRight { state.isRight = false }
                state.next = offset + UInt64(bytes.count)
            }
        }

        var sink: BulkSink { .writer(queue) { self.write($0, $1) } }
    }

    @Test func contentArrivesWholeInOrderAndFromAnOffset() async throws {
        let length: UInt64 = 20_000_001
        let site = try Site()
        serve(site, length)
        let spoke = try site.dial()
        let link = try await spoke.link()
        for offset in [0, 12_345_678, length - 1, length] {
            let check = Check(from: offset)
            let fetched = try await spoke.links.fetch(
                link, fetchPackage(length, offset), limit: length, into: check.sink)
            #expect(fetched.length == length && fetched.offset == offset)
            #expect(check.isRight && check.next == length)
        }
        spoke.dialer.stop()
    }

    /// What each reading of a source at hand answers: how much of what was wanted, nil for "the disk would have to be waited for".
    enum AtHand: CaseIterable { case all, some, none, nowAndThen }

    @Test(arguments: AtHand.allCases) func whatIsAtHandNeedsNoQueueAndWhatIsNotComesFromIt(_ kind: AtHand) async throws
    {
        let length: UInt64 = 20_000_001
        let site = try Site()
        let queue = NamedQueue("source")
        let counts = NativeLock((atHand: 0, queue: 0))
        site.recorder.onRequest.withLock {
            $0 = { links, link, request, message in
                guard case .fetchPackage(let fetch) = message else { return }
                links.sendContent(
                    link, request, Content(length: length, offset: fetch.offset),
                    from: .reader(
                        queue,
                        { buffer, offset in
                            counts.withLock { $0.queue += 1 }
                            fillPattern(buffer, offset)
                            return buffer.count
                        },
                        atHand: { buffer, offset in
                            let turn = counts.withLock { counts in
                                counts.atHand += 1
                                return counts.atHand
                            }
                            let count =
                                switch kind {
                                case .all: buffer.count
                                case .some: min(buffer.count, turn * 4099 % 70_001 + 1)
                                case .none: 0
                                case .nowAndThen: turn % 3 == 0 ? 0 : buffer.count
                                }
                            guard count > 0 else { return nil }
                            fillPattern(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), offset)
                            return count
                        }))
            }
        }
        let spoke = try site.dial()
        let link = try await spoke.link()
        let check = Check(from: 123)
        let fetched = try await spoke.links.fetch(link, fetchPackage(length, 123), limit: length, into: check.sink)
        #expect(fetched.length == length && check.isRight && check.next == length)
        let seen = counts.withLock { $0 }
        switch kind {
        case .all, .some: #expect(seen.queue == 0)
        // Asked again every sixteen buffers, not before each.
        case .none: #expect(seen.atHand * 8 < seen.queue)
        case .nowAndThen: #expect(seen.queue > 0)
        }
        spoke.dialer.stop()
    }

    @Test func contentFromMemoryIntoMemory() async throws {
        let site = try Site()
        let bytes = (0..<300_000).map { pattern(UInt64($0)) }
        site.recorder.onRequest.withLock {
            $0 = { links, link, request, _ in
                links.sendContent(link, request, Content(length: 300_000, offset: 0), from: .bytes(bytes))
            }
        }
        let spoke = try site.dial()
        let link = try await spoke.link()
        let message = Message.fetchMetadata(FetchMetadata(name: "timestamp.json"))
        #expect(try await spoke.links.fetch(link, message, limit: 300_000, into: .memory).bytes == bytes)
        await #expect(throws: TransportError.tooLong(length: 300_000, limit: 299_999)) {
            _ = try await spoke.links.fetch(link, message, limit: 299_999, into: .memory)
        }
        // The link is whole after a fetch that was cut off.
        #expect(try await spoke.links.fetch(link, message, limit: 300_000, into: .memory).bytes == bytes)
        spoke.dialer.stop()
    }

    @Test func emptyContentAndErrorsAreAnswers() async throws {
        let site = try Site()
        site.recorder.onRequest.withLock {
            $0 = { links, link, request, message in
                if case .fetchMetadata(let fetch) = message, fetch.name == "empty.json" {
                    links.sendContent(link, request, Content(length: 0, offset: 0), from: .bytes([]))
                } else if case .fetchMetadata = message {
                    links.perform(.reply(link, request, .error(ErrorReply(code: .notFound, text: "no such file"))))
                } else {
                    links.perform(.reply(link, request, .ok(OK())))
                }
            }
        }
        let spoke = try site.dial()
        let link = try await spoke.link()
        let empty = Message.fetchMetadata(FetchMetadata(name: "empty.json"))
        #expect(try await spoke.links.fetch(link, empty, limit: 10, into: .memory).bytes.isEmpty)
        await #expect(throws: TransportError.answered(ErrorReply(code: .notFound, text: "no such file"))) {
            _ = try await spoke.links.fetch(
                link, .fetchMetadata(FetchMetadata(name: "9.root.json")), limit: 10, into: .memory)
        }
        await #expect(throws: TransportError.unexpectedAnswer("ok")) {
            _ = try await spoke.links.fetch(link, fetchPackage(10), limit: 10, into: .memory)
        }
        spoke.dialer.stop()
    }

    @Test func aSlowWriterSlowsTheSenderAndNothingPilesUp() async throws {
        let length: UInt64 = 400_000_000
        let site = try Site()
        let furthest = NativeLock<UInt64>(0)
        serve(site, length) { offset in furthest.withLock { $0 = max($0, offset) } }
        let spoke = try site.dial()
        let link = try await spoke.link()
        let gate = NativeLock(true)
        let check = Check()
        let before = try CurrentProcess.memory().anonymous
        let task = Task {
            try await spoke.links.fetch(
                link, try fetchPackage(length), limit: length,
                into: .writer(check.queue) { bytes, offset in
                    while gate.withLock({ $0 }) && offset > 1_000_000 { try ChildProcess.pause() }
                    check.write(bytes, offset)
                })
        }
        try await eventually("stuck") { furthest.withLock { $0 } > 1_000_000 }
        try await Task.sleep(for: .milliseconds(400))
        // Credit of 4 MiB, the kernel's buffers, and what is read ahead.
        let reached = furthest.withLock { $0 }
        #expect(reached < 24_000_000, "\(reached)")
        #expect(try CurrentProcess.memory().anonymous - before < 40_000_000)
        // Requests go on meanwhile.
        site.recorder.onRequest.withLock {
            $0 = { links, link, request, _ in links.perform(.reply(link, request, .ok(OK()))) }
        }
        let answer = try await spoke.links.request(link, .catalogChanged(CatalogChanged(timestampVersion: 1)))
        #expect(answer == .ok(OK()))
        task.cancel()
        gate.withLock { $0 = false }
        await #expect(throws: (any Error).self) { _ = try await task.value }
        spoke.dialer.stop()
    }

    @Test func aTransferThatIsCutGoesOnBehindWhatWasWritten() async throws {
        let length: UInt64 = 60_000_000
        let site = try Site()
        serve(site, length)
        let spoke = try site.dial()
        let check = Check()
        var rounds = 0
        var reads: [UInt64] = []
        while check.next < length, rounds < 20 {
            rounds += 1
            let link = try await spoke.link()
            let from = check.next
            reads.append(from)
            // Bytes are still being written after the cut; they must not cut the next link too.
            let cuts = NativeLock(rounds < 4)
            do {
                _ = try await spoke.links.fetch(
                    link, fetchPackage(length, from), limit: length,
                    into: .writer(check.queue) { bytes, offset in
                        check.write(bytes, offset)
                        guard offset - from > 5_000_000 else { return }
                        let isFirst = cuts.withLock { cuts in
                            defer { cuts = false }
                            return cuts
                        }
                        if isFirst {
                            // The hub drops the link in mid-transfer.
                            site.links.closeAll(.internalFault, "cut by the test")
                        }
                    })
            } catch {
                try await eventually("closed") { spoke.recorder.closures.count == rounds }
            }
        }
        #expect(rounds == 4 && check.isRight && check.next == length)
        #expect(reads == reads.sorted() && reads[1] > 5_000_000)
        spoke.dialer.stop()
    }

    @Test func aWriterThatFailsEndsItsFetchOnly() async throws {
        struct Full: Error, CustomStringConvertible { let description = "disk full" }
        let length: UInt64 = 50_000_000
        let site = try Site()
        serve(site, length)
        let spoke = try site.dial()
        let link = try await spoke.link()
        let queue = NamedQueue("full")
        await #expect(throws: TransportError.consumerFailed("disk full")) {
            _ = try await spoke.links.fetch(
                link, fetchPackage(length), limit: length,
                into: .writer(queue) { _, offset in if offset > 1_000_000 { throw Full() } })
        }
        let check = Check()
        _ = try await spoke.links.fetch(link, fetchPackage(length), limit: length, into: check.sink)
        #expect(check.isRight && check.next == length)
        spoke.dialer.stop()
    }

    @Test func aSourceThatFailsOrEndsEarlyCutsTheTransferOff() async throws {
        struct Bad: Error {}
        let site = try Site()
        serve(site, 10_000_000) { offset in if offset > 2_000_000 { throw Bad() } }
        let spoke = try site.dial()
        let link = try await spoke.link()
        await #expect(throws: TransportError.reset(.failed)) {
            _ = try await spoke.links.fetch(link, fetchPackage(10_000_000), limit: 10_000_000, into: Check().sink)
        }
        spoke.dialer.stop()
    }

    @Test func aSenderThatStandsStillIsGivenUpAndTheLinkLivesOn() async throws {
        let length: UInt64 = 10_000_000
        let site = try Site()
        let stop = NativeLock(false)
        defer { stop.withLock { $0 = true } }
        serve(site, length) { offset in
            if offset > 2_000_000 { while !stop.withLock({ $0 }) { try ChildProcess.pause() } }
        }
        let spoke = try site.dial(stall: .milliseconds(300))
        let link = try await spoke.link()
        await #expect(throws: TransportError.timedOut) {
            _ = try await spoke.links.fetch(link, fetchPackage(length), limit: length, into: Check().sink)
        }
        #expect(spoke.recorder.closures.isEmpty)
        spoke.dialer.stop()
    }

    @Test func aTransferThatNobodyReadsEndsAndLetsItsSourceGo() async throws {
        let length: UInt64 = 40_000_000
        let site = try Site(change: { $0.stallTimeout = .milliseconds(500) })
        let queue = NamedQueue("source")
        let sent = NativeLock<UInt64?>(nil)
        site.recorder.onRequest.withLock {
            $0 = { links, link, request, message in
                links.sendContent(
                    link, request, Content(length: length, offset: 0),
                    from: .reader(queue) { buffer, offset in
                        fillPattern(buffer, offset)
                        return buffer.count
                    }, ended: { bytes in sent.withLock { $0 = bytes } })
            }
        }
        let spoke = try site.dial()
        let link = try await spoke.link()
        let reading = NamedQueue("sink")
        let isReleased = NativeLock(false)
        let sink = BulkSink.writer(reading) { _, _ in
            // The reader stands still, and the session lives.
            while !isReleased.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.01) }
        }
        let task = Task { try await spoke.links.fetch(link, try fetchPackage(length), limit: length, into: sink) }
        try await eventually("the sender to give up") { sent.withLock { $0 != nil } }
        #expect(sent.withLock { $0 ?? length } < length)
        #expect(spoke.recorder.closures.isEmpty)
        isReleased.withLock { $0 = true }
        await #expect(throws: (any Error).self) { _ = try await task.value }
        spoke.dialer.stop()
    }

    @Test func aFetchThatIsCalledOffEndsAtOnce() async throws {
        let site = try Site()
        site.recorder.onRequest.withLock { $0 = { _, _, _, _ in } }
        let spoke = try site.dial()
        let link = try await spoke.link()
        let task = Task { try await spoke.links.fetch(link, try fetchPackage(10), limit: 10, into: .memory) }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        await #expect(throws: TransportError.cancelled) { _ = try await task.value }
        spoke.dialer.stop()
    }

    @Test func severalTransfersAndRequestsShareALink() async throws {
        let length: UInt64 = 30_000_000
        let site = try Site()
        let queue = NamedQueue("source")
        site.recorder.onRequest.withLock {
            $0 = { links, link, request, message in
                guard case .fetchPackage(let fetch) = message else {
                    links.perform(.reply(link, request, .ok(OK())))
                    return
                }
                links.sendContent(
                    link, request, Content(length: length, offset: fetch.offset),
                    from: .reader(queue) { buffer, offset in
                        fillPattern(buffer, offset)
                        return buffer.count
                    })
            }
        }
        let spoke = try site.dial()
        let link = try await spoke.link()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let check = Check()
                    _ = try await spoke.links.fetch(link, fetchPackage(length), limit: length, into: check.sink)
                    return check.isRight && check.next == length
                }
            }
            for _ in 0..<50 {
                group.addTask {
                    try await spoke.links.request(link, .catalogChanged(CatalogChanged(timestampVersion: 1)))
                        == .ok(OK())
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        spoke.dialer.stop()
    }
}

extension ChildProcess {
    /// Sleeps a moment on a queue's thread.
    static func pause() throws {
        _ = try ChildProcess("sleep", ["0.02"]).run()
    }
}
