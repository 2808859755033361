import Identity
import Model
import Network
import Protocol
import System
import TLS
import TestSupport
import Transport
import Trust

/// An agent in the wrong hands: it has the agent's own certificate and keys, and sends its spoke what it likes.
final class EvilAgent: LinkHandler {
    let identity: MemberIdentity
    let links = Links()
    private let key: OpenSSLRecordSigner
    private let link = NativeLock<LinkID?>(nil)
    private let dialer = NativeLock<SessionDialer?>(nil)
    private let given = NativeLock<[OrderMessage]>([])

    /// Takes the place of the agent whose state folder is given; the agent itself must be stopped.
    init(_ folder: String) throws {
        identity = try MemberIdentity(folder: folder + "/identity")
        guard let spoke = Endpoint(identity.member.upstream), let report = identity.reportKey else {
            throw TestSupportError("no address or key")
        }
        key = OpenSSLRecordSigner(report)
        let settings = SessionSettings(
            fleet: identity.member.fleet, role: .agent, peerRoles: [.spoke], program: "axle-agent/0.1.0")
        let context = try SessionTLS.dialler(identity: identity.tls, anchors: try TrustStore(identity.anchors))
        let dialer = SessionDialer(
            spoke, expecting: identity.member.upstreamID, group: try EventLoopGroup("evil-agent", count: 1),
            settings: settings, context: { context }, links: links, handler: self)
        self.dialer.withLock { $0 = dialer }
        dialer.start()
    }

    func stop() {
        dialer.withLock { $0?.stop() }
        links.closeAll(.leaving, "gone")
    }

    var isConnected: Bool { link.withLock { $0 != nil } }
    /// Every order that its spoke gave it.
    var orders: [OrderMessage] { given.withLock { $0 } }

    /// A genuine report of this agent: valid, signed, and whatever `alter` makes of it.
    func report(
        _ counter: UInt64, incarnation: UInt64 = 77, alter: (inout Report) -> Void = { _ in }
    ) throws -> ReportMessage {
        var report = Report(
            agent: identity.member.id, incarnation: incarnation, counter: counter,
            time: UnixTime(milliseconds: SystemClock.nowMilliseconds), fleet: identity.member.fleet)
        alter(&report)
        return ReportMessage(
            agent: identity.member.id, incarnation: incarnation, counter: counter, signed: try report.signed(by: key))
    }

    /// Sends it and gives the spoke's answer, or why there is none.
    func send(_ report: ReportMessage) async -> String {
        guard let link = link.withLock({ $0 }) else { return "no link" }
        do {
            switch try await links.request(link, .report(report)) {
            case .error(let error): return "\(error.code)"
            case let answer: return answer.name
            }
        } catch {
            return "\(error)"
        }
    }

    func linkEvent(_ event: LinkEvent) {
        switch event {
        case .opened(let opened, _, _): link.withLock { $0 = opened }
        case .closed(let closed, _): link.withLock { if $0 == closed { $0 = nil } }
        case .request(let link, let request, let message):
            if case .order(let order) = message { given.withLock { $0.append(order) } }
            links.perform(.reply(link, request, .ok(OK())))
        case .reply, .failed: break
        }
    }
}
