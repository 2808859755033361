import Model
import Network
import Protocol
import System
import TLS
import TestSupport
import Testing
import Transport

/// What a peer asks for and does not take, and what it sends faster than it is handled.
@Suite("Peers that are ahead of this side", .serialized)
struct UnreadTests {
    /// A writer that waits until it may go on.
    private final class Gate: Sendable {
        let isOpen = NativeLock(false)
        let queue: NamedQueue

        init(_ number: Int) { queue = NamedQueue("gate.\(number)") }

        var sink: BulkSink {
            .writer(queue) { _, _ in
                while !self.isOpen.withLock({ $0 }) { NativeThread.sleep(.milliseconds(2)) }
            }
        }
    }

    @Test("one file of metadata is in memory for each connection, however many are asked for")
    func filesTakeTurns() async throws {
        let site = try Site()
        let length = 6 << 20
        let reads = NativeLock((begun: 0, names: [String]()))
        site.recorder.onRequest.withLock {
            $0 = { links, link, request, message in
                guard case .fetchMetadata(let fetch) = message else { return }
                links.sendFile(link, request, named: fetch.name) {
                    reads.withLock { reads in
                        reads.begun += 1
                        reads.names.append(fetch.name)
                    }
                    return switch fetch.name {
                    case "absent.json": nil
                    case "failing.json": throw SystemError(call: "read", errno: .inputOutput)
                    default: [UInt8](repeating: 7, count: fetch.name.hasPrefix("small") ? 10 : length)
                    }
                }
            }
        }
        let spoke = try site.dial()
        let link = try await spoke.link()
        let gate = Gate(1)
        let names = [
            "big.json", "1.root.json", "absent.json", "2.root.json", "failing.json", "small.json", "3.root.json",
        ]
        let results = NativeLock<[String: String]>([:])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, name) in names.enumerated() {
                group.addTask {
                    do {
                        let fetched = try await spoke.links.fetch(
                            link, .fetchMetadata(FetchMetadata(name: name)), limit: UInt64(length),
                            into: index == 0 ? gate.sink : .memory)
                        results.withLock { $0[name] = "\(fetched.length)" }
                    } catch TransportError.answered(let reply) {
                        results.withLock { $0[name] = "\(reply.code)" }
                    }
                }
                // In this order.
                try await eventually("\(name) is asked for") {
                    site.recorder.all.filter { if case .request = $0 { true } else { false } }.count > index
                }
            }
            // The first one is more than its stream's credit, and nobody takes it.
            try await eventually("the first is read") { reads.withLock { $0.begun } >= 1 }
            try await Task.sleep(for: .milliseconds(100))
            #expect(reads.withLock { $0.begun } == 1)
            gate.isOpen.withLock { $0 = true }
            try await group.waitForAll()
        }
        #expect(reads.withLock { $0.names } == names)
        let expected = [
            "big.json": "\(length)", "1.root.json": "\(length)", "2.root.json": "\(length)", "3.root.json": "\(length)",
            "absent.json": "notFound", "failing.json": "internalFault", "small.json": "10",
        ]
        #expect(results.withLock { $0 } == expected)
        spoke.dialer.stop()
    }

    @Test("a file that is asked for and called off is not read, and those behind it are sent")
    func filesThatAreCalledOff() async throws {
        let site = try Site()
        let length = 6 << 20
        let reads = NativeLock<[String]>([])
        site.recorder.onRequest.withLock {
            $0 = { links, link, request, message in
                guard case .fetchMetadata(let fetch) = message else { return }
                links.sendFile(link, request, named: fetch.name) {
                    reads.withLock { $0.append(fetch.name) }
                    return [UInt8](repeating: 7, count: length)
                }
            }
        }
        let spoke = try site.dial()
        let link = try await spoke.link()
        let gate = Gate(2)
        func asked() -> Int { site.recorder.all.filter { if case .request = $0 { true } else { false } }.count }
        let first = Task {
            try await spoke.links.fetch(
                link, .fetchMetadata(FetchMetadata(name: "a")), limit: UInt64(length), into: gate.sink)
        }
        try await eventually("asked") { asked() == 1 }
        let second = Task {
            try await spoke.links.fetch(
                link, .fetchMetadata(FetchMetadata(name: "b")), limit: UInt64(length), into: .memory)
        }
        try await eventually("asked") { asked() == 2 }
        let third = Task {
            try await spoke.links.fetch(
                link, .fetchMetadata(FetchMetadata(name: "c")), limit: UInt64(length), into: .memory)
        }
        try await eventually("asked") { asked() == 3 }
        second.cancel()
        _ = await second.result
        // A question behind the reset: it has been heard when this is answered.
        let ping = Task {
            try await spoke.links.fetch(
                link, .fetchMetadata(FetchMetadata(name: "d")), limit: UInt64(length), into: .memory)
        }
        try await eventually("asked") { asked() == 4 }
        // The one that is sent is called off as well: the next has its turn.
        first.cancel()
        gate.isOpen.withLock { $0 = true }
        _ = await first.result
        #expect(try await third.value.length == UInt64(length))
        #expect(try await ping.value.length == UInt64(length))
        #expect(reads.withLock { $0 } == ["a", "c", "d"])
        spoke.dialer.stop()
    }

    /// A daemon whose core handles nothing until it is told to.
    private final class Slow: LinkHandler {
        let links: Links
        let inbox: EventInbox<LinkEvent, LinkID>
        let most = NativeLock(0)
        let waiting = NativeLock(0)
        let isPaused = NativeLock(false)

        init(_ links: Links, sharedLimit: Int = EventInbox<LinkEvent, LinkID>.sharedLimit) {
            self.links = links
            inbox = EventInbox(sharedLimit: sharedLimit)
        }

        func linkEvent(_ event: LinkEvent) {}

        func linkEvent(_ event: LinkEvent, bytes: Int) -> Bool {
            let sum = waiting.withLock { waiting in
                waiting += bytes
                return waiting
            }
            most.withLock { $0 = max($0, sum) }
            let mayGoOn = inbox.put(event, bytes: bytes, over: links) { $0 }.mayGoOn
            if !mayGoOn { isPaused.withLock { $0 = true } }
            return mayGoOn
        }

        /// Handles what waits; gives how many requests that were.
        func handle() -> Int {
            var handled = 0
            var isMore = true
            while isMore {
                let batch = inbox.take()
                waiting.withLock { $0 = 0 }
                for link in batch.resumed { links.resumeReading(link) }
                for case .request(let link, let request, _) in batch.events {
                    links.perform(.reply(link, request, .ok(OK())))
                    handled += 1
                }
                isMore = batch.isMore
            }
            return handled
        }
    }

    @Test("a link whose events are not handled is read no more, and nothing of it is lost")
    func backPressure() async throws {
        let fleet = try TestFleet()
        let links = Links()
        let slow = Slow(links)
        let listener = try listen(fleet, links, slow)
        let spoke = try dial(fleet.spoke, of: fleet, to: listener)
        let (spokeLinks, recorder) = (spoke.links, spoke.recorder)
        let link = try await spoke.link()
        let length = 40 << 10
        let count = 200
        for number in 1...count {
            spokeLinks.perform(.request(link, RequestID(UInt64(number)), report(number, length), .control))
        }
        try await eventually("the link is read no more") { slow.isPaused.withLock { $0 } }
        try await Task.sleep(for: .milliseconds(200))
        // All of it is 8 MB. On top of the budget come what one read brings, and the message before it.
        let bound = EventInbox<LinkEvent, LinkID>.budget + EventLoop.scratchSize + ProtocolLimits.messageLength
        #expect(slow.most.withLock { $0 } < bound)
        var handled = 0
        try await eventually("all are handled") {
            handled += slow.handle()
            return handled == count
        }
        #expect(slow.most.withLock { $0 } < bound)
        try await eventually("all are answered") {
            recorder.all.filter { if case .reply = $0 { true } else { false } }.count == count
        }
        #expect(recorder.closures.isEmpty)
        spoke.dialer.stop()
    }

    private func report(_ number: Int, _ length: Int) -> Message {
        .report(
            ReportMessage(
                agent: NodeID(high: 1, low: 1), incarnation: 1, counter: UInt64(number),
                signed: [UInt8](repeating: 7, count: length)))
    }

    private func listen(_ fleet: TestFleet, _ links: Links, _ slow: Slow) throws -> SessionListener {
        var settings = SessionSettings(
            fleet: try FleetName("test"), role: .hub, peerRoles: [.spoke], program: "test hub")
        settings.certificateTime = { TestFleet.now }
        let context = try SessionTLS.listener(identity: fleet.hub, anchors: fleet.anchors, takesJoins: true)
        return try SessionListener(
            Endpoint(host: "127.0.0.1", port: 0), group: sharedGroup, limit: PeerLimit(peers: 10, handshakes: 10),
            settings: settings, handshakeTimeout: .seconds(10), context: { context }, links: links, handler: slow)
    }

    private func dial(
        _ identity: TLSIdentity, of fleet: TestFleet, to listener: SessionListener
    ) throws -> Site.Dialled {
        var settings = SessionSettings(
            fleet: try FleetName("test"), role: .spoke, peerRoles: [.hub], program: "test spoke")
        settings.certificateTime = { TestFleet.now }
        let links = Links()
        let recorder = Recorder(links)
        let context = try SessionTLS.dialler(identity: identity, anchors: fleet.anchors)
        let dialer = SessionDialer(
            listener.endpoint, expecting: try NodeID(TestFleet.hubID), group: sharedGroup, settings: settings,
            firstWait: .milliseconds(20), longestWait: .milliseconds(100), context: { context }, links: links,
            handler: recorder, changed: { _ in })
        dialer.start()
        return Site.Dialled(links: links, recorder: recorder, dialer: dialer, statuses: Site.StatusBox())
    }

    @Test("a hostile member that fills the inbox is answered busy and waits alone; the others are served")
    func hostileMember() async throws {
        let fleet = try TestFleet()
        let links = Links()
        let slow = Slow(links, sharedLimit: 256 << 10)
        let listener = try listen(fleet, links, slow)
        let hostile = try dial(fleet.spoke, of: fleet, to: listener)
        let honest = try dial(fleet.otherSpoke, of: fleet, to: listener)
        let hostileLink = try await hostile.link()
        let honestLink = try await honest.link()
        func answers(_ spoke: Site.Dialled) -> (ok: Int, busy: Int) {
            spoke.recorder.all.reduce(into: (0, 0)) { sum, event in
                guard case .reply(_, _, let message) = event else { return }
                switch message {
                case .ok: sum.0 += 1
                case .error(let error) where error.code == .busy && error.retryAfterSeconds == 5: sum.1 += 1
                default: Issue.record("\(message.name)")
                }
            }
        }
        func send(_ spoke: Site.Dialled, _ link: LinkID, _ numbers: ClosedRange<Int>) {
            for number in numbers {
                spoke.links.perform(
                    .request(link, RequestID(UInt64(number)), report(number, 40 << 10), .control))
            }
        }
        send(hostile, hostileLink, 1...100)
        try await eventually("the hostile member is read no more") { slow.isPaused.withLock { $0 } }
        // Its share is full. What others send is accepted all the same.
        send(honest, honestLink, 1...1)
        var handled = 0
        try await eventually("the honest member is served") {
            handled += slow.handle()
            return answers(honest).ok == 1
        }
        #expect(answers(honest).busy == 0)
        // The hostile one is read again, too: each of its requests has an answer.
        try await eventually("all are answered") {
            handled += slow.handle()
            let all = answers(hostile)
            return all.ok + all.busy == 100
        }
        let all = answers(hostile)
        #expect(all.busy > 0 && all.ok > 0 && handled == all.ok + 1)
        send(hostile, hostileLink, 101...101)
        try await eventually("it is served again") {
            handled += slow.handle()
            return answers(hostile).ok == all.ok + 1
        }
        #expect(hostile.recorder.closures.isEmpty && honest.recorder.closures.isEmpty)
        hostile.dialer.stop()
        honest.dialer.stop()
    }

    @Test("of a reply beyond the sender's share the core hears that its request is to be repeated")
    func repliesBeyondTheShare() throws {
        let links = Links()
        let inbox = EventInbox<LinkEvent, LinkID>(sharedLimit: 0)
        let (link, request) = (LinkID(1), RequestID(1))
        let (isFirst, mayGoOn) = inbox.put(
            .reply(link, request, report(1, 40 << 10)), bytes: 40 << 10, over: links
        ) { $0 }
        #expect(isFirst && !mayGoOn)
        let batch = inbox.take()
        guard case .reply(link, request, .error(let error)) = try #require(batch.events.first) else {
            Issue.record("\(batch.events)")
            return
        }
        #expect(error.code == .busy && error.retryAfterSeconds == 5)
        #expect(batch.resumed == [link])
    }
}
