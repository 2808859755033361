import Model
import Network
import Protocol
import System
import TLS
import TestSupport
import Testing
import Transport

@Suite("Sessions: who is let in, requests, ends", .serialized)
struct SessionTests {
    private let ping = Message.catalogChanged(CatalogChanged(timestampVersion: 7))

    @Test func bothSidesKnowEachOtherAndRequestsGoBothWays() async throws {
        let site = try Site()
        let spoke = try site.dial()
        let link = try await spoke.link()
        try await eventually("hub side") { site.recorder.opened.count == 1 }
        #expect(site.recorder.opened[0].peer.role == .spoke)
        #expect(site.recorder.opened[0].peer.id == (try NodeID(TestFleet.spokeID)))
        #expect(spoke.recorder.opened[0].peer.role == .hub)

        spoke.links.perform(.request(link, RequestID(41), ping, .control))
        try await eventually("reply") { spoke.recorder.all.contains(.reply(link, RequestID(41), .ok(OK()))) }
        let back = site.recorder.opened[0].link
        site.links.perform(.request(back, RequestID(42), ping, .control))
        try await eventually("reply") { site.recorder.all.contains(.reply(back, RequestID(42), .ok(OK()))) }
        let answer = try await spoke.links.request(link, ping)
        #expect(answer == .ok(OK()))

        spoke.dialer.stop()
        try await eventually("both closed") { site.recorder.closures.count == 1 && spoke.recorder.closures.count == 1 }
        #expect(site.recorder.closures[0].code == .leaving && site.recorder.closures[0].isPeers)
        try await eventually("forgotten") { site.links.count == 0 && spoke.links.count == 0 }
        try await eventually("place given back") { site.listener.limit.current == (0, 0) }
    }

    @Test func thousandsOfRequestsAreAnsweredInOrder() async throws {
        let site = try Site()
        let spoke = try site.dial()
        let link = try await spoke.link()
        for index in 0..<3000 { spoke.links.perform(.request(link, RequestID(UInt64(index)), ping, .control)) }
        func replies(_ recorder: Recorder) -> [UInt64] {
            recorder.all.compactMap { if case .reply(_, let request, _) = $0 { request.number } else { nil } }
        }
        try await eventually("all replies") { replies(spoke.recorder).count == 3000 }
        #expect(replies(spoke.recorder) == Array(0..<3000))
        spoke.dialer.stop()
    }

    @Test func wrongRoleIsRefusedWithTheReason() async throws {
        let site = try Site()
        let agent = try site.dial(site.fleet.agent, role: .agent)
        #expect(try await agent.refusal().contains("port 7441"))
        #expect(site.recorder.opened.isEmpty)
        agent.dialer.stop()
    }

    @Test func whoSaysAnotherRoleThanItsCertificateIsRefused() async throws {
        let site = try Site()
        let liar = try site.dial(site.fleet.spoke, role: .agent)
        #expect(try await liar.refusal().contains("the certificate spoke"))
        liar.dialer.stop()
    }

    @Test func strangeIdentitiesAreRefused() async throws {
        let site = try Site()
        for (identity, text) in [
            (site.fleet.unknownRole, "no member"), (site.fleet.otherFleet, "is of fleet"),
            (site.fleet.twoURIs, "2 URIs"),
            (site.fleet.noURI, "0 URIs"),
        ] {
            let dialled = try site.dial(identity)
            let refusal = try await dialled.refusal()
            #expect(refusal.contains(text), "\(refusal)")
            dialled.dialer.stop()
        }
        #expect(site.recorder.opened.isEmpty)
    }

    @Test func certificatesThatTLSRefusesNeverOpenASession() async throws {
        let site = try Site()
        for identity in [site.fleet.expired, site.fleet.notYetValid, site.fleet.otherCA, site.fleet.issuedByLeaf] {
            let dialled = try site.dial(identity)
            _ = try await dialled.refusal()
            dialled.dialer.stop()
        }
        #expect(site.recorder.opened.isEmpty)
        try await eventually("told") { site.recorder.refusals.withLock { $0.count } >= 4 }
    }

    @Test func aHubOfAnotherAuthorityIsNotBelieved() async throws {
        let site = try Site()
        let dialled = try site.dial(anchors: try TrustStore([site.fleet.otherRoot.certificate]))
        _ = try await dialled.refusal()
        #expect(dialled.recorder.opened.isEmpty && site.recorder.opened.isEmpty)
        dialled.dialer.stop()
    }

    @Test func anotherIdOrRoleThanExpectedIsNotBelieved() async throws {
        let site = try Site()
        let other = try site.dial(expecting: TestFleet.otherSpokeID)
        #expect(try await other.refusal().contains("not the one that was joined"))
        let role = try site.dial(expecting: nil, peerRoles: [.spoke])
        #expect(try await role.refusal().contains("that is a hub"))
        #expect(other.recorder.opened.isEmpty && role.recorder.opened.isEmpty)
        other.dialer.stop()
        role.dialer.stop()
    }

    @Test func aRevokedPeerStaysOutUntilItIsPutRightAtTheHub() async throws {
        let site = try Site()
        let spoke = try site.dial()
        _ = try await spoke.link()
        try await eventually("hub side") { site.recorder.opened.count == 1 }
        site.revoked.withLock { set in
            if let id = try? NodeID(TestFleet.spokeID) { set.insert(id) }
        }
        // Cut: the dialler comes back.
        site.links.perform(.close(site.recorder.opened[0].link, .internalFault, "cut by the test"))
        #expect(try await spoke.refusal().contains("revoked"))
        #expect(site.recorder.opened.count == 1)
        let again = try site.dial()
        #expect(try await again.refusal().contains("revoked"))
        // Put right at the hub, it comes back by itself.
        site.revoked.withLock { $0 = [] }
        _ = try await again.link()
        spoke.dialer.stop()
        again.dialer.stop()
    }

    @Test func peersBeyondTheLimitAreToldToComeBack() async throws {
        let site = try Site(peers: 1) { $0.busyRetryAfterSeconds = 1 }
        let first = try site.dial()
        _ = try await first.link()
        let second = try site.dial(site.fleet.otherSpoke)
        try await eventually("told") {
            second.statuses.list.withLock { list in
                list.contains {
                    if case .waiting(let wait, let reason) = $0 {
                        wait >= .seconds(1) && reason.contains("as many peers")
                    } else {
                        false
                    }
                }
            }
        }
        first.dialer.stop()
        _ = try await second.link()
        second.dialer.stop()
    }

    @Test func aDiallerComesBackAfterACut() async throws {
        let site = try Site()
        let spoke = try site.dial()
        _ = try await spoke.link()
        try await eventually("hub side") { site.recorder.opened.count == 1 }
        site.links.perform(.close(site.recorder.opened[0].link, .internalFault, "cut by the test"))
        try await eventually("again") { site.recorder.opened.count == 2 && spoke.recorder.opened.count == 2 }
        #expect(spoke.recorder.closures[0].text == "cut by the test")
        spoke.dialer.stop()
    }

    @Test func aJoinNeedsNoCertificateAndMayDoNothingElse() async throws {
        let site = try Site()
        let hash = try SHA256Digest(bytes: site.fleet.root.certificate.publicKeyFingerprint)
        let client = try await JoinClient.connect(
            site.listener.endpoint, rootKeyHash: hash, role: .spoke, peerRole: .hub, program: "joiner",
            group: sharedGroup, certificateTime: TestFleet.now)
        #expect(client.peer.role == .hub)
        let token = try TokenID("000000000000000000000000000000d1")
        let answer = try await client.request(.joinBegin(JoinBegin(token: token)))
        #expect(answer == .joinChallenge(JoinChallenge(nonce: Array(1...32))))
        await #expect(throws: TransportError.self) { _ = try await client.request(ping) }
        #expect(site.recorder.opened.isEmpty && site.recorder.joins.withLock { $0.count } == 1)
        client.close()
        try await eventually("gone") { site.links.count == 0 }
    }

    @Test func aJoinBelievesNoOtherRootAndNoOtherRole() async throws {
        let site = try Site()
        let wrong = try SHA256Digest(bytes: site.fleet.otherRoot.certificate.publicKeyFingerprint)
        let right = try SHA256Digest(bytes: site.fleet.root.certificate.publicKeyFingerprint)
        for (hash, role) in [(wrong, Role.hub), (right, Role.spoke)] {
            await #expect(throws: TransportError.self) {
                _ = try await JoinClient.connect(
                    site.listener.endpoint, rootKeyHash: hash, role: .agent, peerRole: role, program: "joiner",
                    group: sharedGroup, certificateTime: TestFleet.now)
            }
        }
    }

    @Test func aSlowHandshakeAndASilentPeerAreCutOff() async throws {
        let site = try Site(handshakeTimeout: .milliseconds(100))
        let (socket, _) = try await Connector().connect(site.listener.endpoint, on: sharedGroup.next())
        let raw = FileDescriptor(takingOwnership: socket)
        try await eventually("cut off") { site.recorder.refusals.withLock { $0.count } == 1 }
        #expect(site.links.count == 0)
        try raw.close()
    }

    @Test func aRequestThatNobodyAnswersFailsInTime() async throws {
        let site = try Site()
        site.recorder.onRequest.withLock { $0 = { _, _, _, _ in } }
        let spoke = try site.dial()
        let link = try await spoke.link()
        await #expect(throws: TransportError.timedOut) {
            _ = try await spoke.links.request(link, ping, timeout: .milliseconds(200))
        }
        // The link lives on.
        #expect(spoke.recorder.closures.isEmpty)
        spoke.dialer.stop()
    }

    @Test func aRequestThatIsOutWhenTheLinkCloseFails() async throws {
        let site = try Site()
        site.recorder.onRequest.withLock {
            $0 = { links, link, _, _ in links.perform(.close(link, .internalFault, "boom")) }
        }
        let spoke = try site.dial()
        let link = try await spoke.link()
        await #expect(throws: TransportError.self) { _ = try await spoke.links.request(link, ping) }
        await #expect(throws: TransportError.self) { _ = try await spoke.links.request(LinkID(9999), ping) }
        spoke.dialer.stop()
    }

    /// Sends raw bytes with the spoke's good certificate and tells how the hub ended the session.
    private func send(_ bytes: [UInt8], to site: Site) async throws -> [UInt8] {
        let raw = try await connect(bytes, to: site)
        try await eventually("the hub ends it") { raw.state.withLock { $0.isClosed } }
        return raw.state.withLock { $0.received }
    }

    private func connect(
        _ bytes: [UInt8], to site: Site, context: TLSContext? = nil, session: TLSSession? = nil
    ) async throws -> RawPeer {
        let loop = sharedGroup.next()
        let context = try context ?? SessionTLS.dialler(identity: site.fleet.spoke, anchors: site.fleet.anchors)
        let (socket, address) = try await Connector().connect(site.listener.endpoint, on: loop)
        let raw = RawPeer(bytes)
        loop.execute {
            var options = TLSChannel.Options()
            options.certificateTime = TestFleet.now
            raw.channel = TLSChannel(
                connected: socket, to: address, context: context, expecting: .checkedByCaller, session: session,
                loop: loop, options: options, handler: raw)
        }
        return raw
    }

    private final class RawPeer: TLSChannelHandler, Sendable {
        let bytes: [UInt8]
        let state = NativeLock<(received: [UInt8], isClosed: Bool)>(([], false))
        let tls = NativeLock<(isResumed: Bool, session: TLSSession?)>((false, nil))
        nonisolated(unsafe) var channel: TLSChannel?

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        func channelOpened(_ channel: TLSChannel) {
            let isResumed = channel.isResumed
            tls.withLock { $0.isResumed = isResumed }
            channel.queue(bytes)
        }
        func channel(_ channel: TLSChannel, received bytes: UnsafeRawBufferPointer) {
            let bytes = Array(bytes)
            let session = channel.session
            tls.withLock { $0.session = session }
            state.withLock { $0.received += bytes }
        }
        func channelWritable(_ channel: TLSChannel) {}
        func channelClosed(_ channel: TLSChannel, _ end: ChannelEnd) {
            self.channel = nil
            state.withLock { $0.isClosed = true }
        }
    }

    @Test func aRevokedPeerIsRefusedAlthoughTLSResumed() async throws {
        let site = try Site()
        let context = try SessionTLS.dialler(identity: site.fleet.spoke, anchors: site.fleet.anchors)
        var session = Session.dialler(
            Hello(time: UnixTime(milliseconds: 0), role: .spoke, program: "raw"), at: .zero)
        var hello: [UInt8] = []
        session.withOutput { span in
            for index in span.indices { hello.append(span[index]) }
            return span.count
        }
        let first = try await connect(hello, to: site, context: context)
        try await eventually("a hello and a ticket") { first.tls.withLock { $0.session != nil } }
        try await eventually("open") { site.recorder.opened.count == 1 }
        let ticket = first.tls.withLock { $0.session }

        let second = try await connect(hello, to: site, context: context, session: ticket)
        try await eventually("open again") { site.recorder.opened.count == 2 }
        #expect(second.tls.withLock { $0.isResumed })
        // A ticket serves once; the next one comes with the first bytes.
        try await eventually("the next ticket") { second.tls.withLock { $0.session != nil } }
        let next = second.tls.withLock { $0.session }

        let id = try NodeID(TestFleet.spokeID)
        site.revoked.withLock { _ = $0.insert(id) }
        let third = try await connect(hello, to: site, context: context, session: next)
        try await eventually("refused") { third.state.withLock { $0.isClosed } }
        #expect(third.tls.withLock { $0.isResumed })
        #expect(third.state.withLock { $0.received.count > 12 && $0.received[4] == 7 })
        #expect(site.recorder.opened.count == 2)
        site.links.closeAll(.leaving, "done")
    }

    @Test func anOversizeFrameEndsThatSessionWithAReasonAndNoOther() async throws {
        let site = try Site()
        let good = try site.dial()
        let link = try await good.link()
        for header: [UInt8] in [
            [0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 99, 0, 0, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1],
        ] {
            let answer = try await send(header + [UInt8](repeating: 0, count: 64), to: site)
            // A go-away frame: type 7 in byte 4.
            #expect(answer.count > 12 && answer[4] == 7)
        }
        #expect(try await good.links.request(link, ping) == .ok(OK()))
        #expect(site.recorder.opened.count == 1)
        good.dialer.stop()
    }

    @Test func aDiallerThatIsStoppedLeavesNothingBehind() async throws {
        let site = try Site()
        for pause in [0, 1, 5, 20, 100] {
            let spoke = try site.dial()
            try await Task.sleep(for: .milliseconds(pause))
            spoke.dialer.stop()
            try await eventually("nothing left") { spoke.links.count == 0 && spoke.dialer.status == .idle }
        }
        try await eventually("nothing left at the hub") { site.links.count == 0 }
        #expect(await site.links.drained(within: .seconds(1)))
    }
}
