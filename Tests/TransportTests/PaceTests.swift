import Model
import Network
import Protocol
import System
import TLS
import TestSupport
import Testing
import Transport

@Suite("Limits on links: bulk is spread, messages never wait, changes count at once", .serialized)
struct PaceTests {
    /// Serves contents of any length; everything else is answered with ok.
    private func serve(_ site: Site) {
        let queue = NamedQueue("source")
        site.recorder.onRequest.withLock {
            $0 = { links, link, request, message in
                guard case .fetchPackage(let fetch) = message else {
                    return links.perform(.reply(link, request, .ok(OK())))
                }
                links.sendContent(
                    link, request, Content(length: fetch.length, offset: fetch.offset),
                    from: .reader(queue) { buffer, offset in
                        fillPattern(buffer, offset)
                        return buffer.count
                    })
            }
        }
    }

    /// Counts what comes, and notes whether it ever was more than the rate allows.
    private final class Meter: Sendable {
        private let state = NativeLock((count: 0, worst: 0.0))
        private let start = SystemClock.uptime
        private let rate: BitRate?

        init(_ rate: BitRate? = nil) { self.rate = rate }

        var count: Int { state.withLock { $0.count } }
        /// The most bytes over what the rate allows since the start.
        var worst: Double { state.withLock { $0.worst } }

        var sink: BulkSink {
            .onLoop { bytes, _ in
                // What came was sent before now, so a slow machine can only make it less.
                let elapsed = SystemClock.uptime - self.start
                self.state.withLock { state in
                    state.count += bytes.count
                    guard let rate = self.rate else { return }
                    let allowed = elapsed / .seconds(1) * Double(rate.bitsPerSecond) / 8
                    state.worst = max(state.worst, Double(state.count) - allowed)
                }
            }
        }
    }

    @Test func bulkComesNoFasterThanTheLimitAndOneBurst() async throws {
        let site = try Site()
        serve(site)
        let spoke = try site.dial()
        let link = try await spoke.link()
        let rate = try BitRate("16 Mbit/s")
        site.links.limit(try #require(site.recorder.opened.last).link, to: rate)
        let meter = Meter(rate)
        _ = try await spoke.links.fetch(link, fetchPackage(1_000_000), limit: 1_000_000, into: meter.sink)
        #expect(meter.count == 1_000_000)
        #expect(meter.worst <= 2_000_000 * 0.05 + Double(TokenBucket(rate).quantum), "\(meter.worst)")
        spoke.dialer.stop()
    }

    @Test func messagesDoNotWaitBehindALimitThatBulkWaitsFor() async throws {
        let site = try Site()
        serve(site)
        let spoke = try site.dial()
        let link = try await spoke.link()
        let hubLink = try #require(site.recorder.opened.last).link
        // The whole would take half an hour.
        site.links.limit(hubLink, to: try BitRate("8 kbit/s"))
        let task = Task {
            try await spoke.links.fetch(link, try fetchPackage(2_000_000), limit: 2_000_000, into: Meter().sink)
        }
        for number in 1...20 {
            let change = Message.catalogChanged(CatalogChanged(timestampVersion: UInt64(number)))
            #expect(try await spoke.links.request(link, change) == .ok(OK()))
            #expect(try await site.links.request(hubLink, change) == .ok(OK()))
        }
        // A change counts for what is under way.
        site.links.limit(hubLink, to: try BitRate("1 Gbit/s"))
        #expect(try await task.value.length == 2_000_000)
        spoke.dialer.stop()
    }

    @Test func aLimitThatIsLiftedLetsATransferGoOnAtOnce() async throws {
        let site = try Site()
        serve(site)
        let spoke = try site.dial()
        let link = try await spoke.link()
        let hubLink = try #require(site.recorder.opened.last).link
        site.links.limit(hubLink, to: try BitRate("8 kbit/s"))
        let meter = Meter()
        let task = Task {
            try await spoke.links.fetch(link, try fetchPackage(3_000_000), limit: 3_000_000, into: meter.sink)
        }
        try await eventually("begun") { meter.count > 0 }
        #expect(meter.count < 100_000)
        site.links.limit(hubLink, to: nil)
        #expect(try await task.value.length == 3_000_000)
        spoke.dialer.stop()
    }

    @Test func aHotfixOvertakesABulkTransferOnALimitedLink() async throws {
        let site = try Site()
        serve(site)
        let spoke = try site.dial()
        let link = try await spoke.link()
        site.links.limit(try #require(site.recorder.opened.last).link, to: try BitRate("20 Mbit/s"))
        let bulk = Meter()
        let task = Task {
            try await spoke.links.fetch(
                link, try fetchPackage(100_000_000), priority: .normal, limit: 100_000_000, into: bulk.sink)
        }
        try await eventually("bulk runs") { bulk.count > 200_000 }
        let before = bulk.count
        _ = try await spoke.links.fetch(
            link, fetchPackage(250_000), priority: .urgent, limit: 250_000, into: Meter().sink)
        // A second of the link is 2.5 MB; what was on its way is less than a tenth of that.
        #expect(bulk.count - before < 250_000, "\(bulk.count - before)")
        task.cancel()
        await #expect(throws: TransportError.cancelled) { _ = try await task.value }
        spoke.dialer.stop()
    }

    @Test func figuresSayWhatPassedAndWhatIsLeft() async throws {
        let site = try Site()
        serve(site)
        let spoke = try site.dial()
        let link = try await spoke.link()
        let hubLink = try #require(site.recorder.opened.last).link
        site.links.limit(hubLink, to: try BitRate("8 Mbit/s"))
        let meter = Meter()
        let task = Task {
            try await spoke.links.fetch(link, try fetchPackage(50_000_000), limit: 50_000_000, into: meter.sink)
        }
        try await eventually("some came") { meter.count > 500_000 }
        let figures = try #require(await site.links.figures(of: hubLink))
        #expect(figures.transfers == 1 && figures.sent >= 500_000 && figures.received > 0 && figures.sendRate > 0)
        #expect(figures.bytesLeft > 40_000_000 && figures.bytesLeft <= 49_500_000, "\(figures)")
        #expect(figures.secondsLeft == (figures.bytesLeft + figures.sendRate - 1) / figures.sendRate)
        task.cancel()
        await #expect(throws: TransportError.cancelled) { _ = try await task.value }
        spoke.dialer.stop()
        // What passed is told at the end at the latest.
        try await eventually("told") { site.recorder.used.withLock { $0.sent } >= 500_000 }
        #expect(await site.links.figures(of: LinkID(99_999)) == nil)
    }

    @Test func linksThatShareALimitGetEvenShares() async throws {
        let site = try Site()
        serve(site)
        site.links.limit(all: .spoke, to: try BitRate("40 Mbit/s"))
        var meters: [Meter] = []
        var tasks: [Task<Fetched, any Error>] = []
        var dialled: [Site.Dialled] = []
        for _ in 0..<5 {
            let spoke = try site.dial()
            let link = try await spoke.link()
            let meter = Meter()
            dialled.append(spoke)
            meters.append(meter)
            tasks.append(
                Task {
                    try await spoke.links.fetch(link, try fetchPackage(1 << 30), limit: 1 << 30, into: meter.sink)
                })
        }
        let counts = { meters.map(\.count) }
        try await eventually("all run") { (counts().min() ?? 0) > 0 }
        let before = counts()
        try await eventually("a second's worth") { zip(counts(), before).reduce(0) { $0 + $1.0 - $1.1 } > 5_000_000 }
        let got = zip(counts(), before).map { $0 - $1 }
        let (least, most) = (try #require(got.min()), try #require(got.max()))
        #expect(Double(least) > 0.6 * Double(most), "\(got)")
        for task in tasks { task.cancel() }
        for spoke in dialled { spoke.dialer.stop() }
    }

    @Test func spokesWithoutALimitShareAHubEvenlyToo() async throws {
        let site = try Site()
        serve(site)
        var meters: [Meter] = []
        var tasks: [Task<Fetched, any Error>] = []
        var dialled: [Site.Dialled] = []
        for _ in 0..<8 {
            let spoke = try site.dial()
            let link = try await spoke.link()
            let meter = Meter()
            dialled.append(spoke)
            meters.append(meter)
            tasks.append(
                Task {
                    try await spoke.links.fetch(link, try fetchPackage(1 << 40), limit: 1 << 40, into: meter.sink)
                })
        }
        let counts = { meters.map(\.count) }
        try await eventually("all run") { (counts().min() ?? 0) > 0 }
        let before = counts()
        let memory = try CurrentProcess.memory().anonymous
        try await eventually("a while") { zip(counts(), before).reduce(0) { $0 + $1.0 - $1.1 } > 200_000_000 }
        let got = zip(counts(), before).map { $0 - $1 }
        let (least, most) = (try #require(got.min()), try #require(got.max()))
        #expect(Double(least) > 0.3 * Double(most), "\(got)")
        // Two buffers of 256 KiB read ahead and two of output for each, whatever they take. The address sanitizer keeps what was freed.
        #expect(try Sanitizer.isPresent || CurrentProcess.memory().anonymous - memory < 8 * 2_000_000)
        for task in tasks { task.cancel() }
        for spoke in dialled { spoke.dialer.stop() }
    }
}
