import Model
import Network
import Protocol
import System
import TLS
import TestSupport
import Testing
import Transport

/// Records link events; what it does with requests is settable.
final class Recorder: LinkHandler {
    let links: Links
    let events = NativeLock<[LinkEvent]>([])
    let joins = NativeLock<[Message]>([])
    let refusals = NativeLock<[String]>([])
    let used = NativeLock<(sent: UInt64, received: UInt64)>((0, 0))
    let onRequest = NativeLock<@Sendable (Links, LinkID, RequestID, Message) -> Void>({ links, link, request, _ in
        links.perform(.reply(link, request, .ok(OK())))
    })

    init(_ links: Links) { self.links = links }

    func linkEvent(_ event: LinkEvent) {
        events.withLock { $0.append(event) }
        if case .request(let link, let request, let message) = event {
            onRequest.withLock { $0 }(links, link, request, message)
        }
    }

    func linkUsed(_ link: LinkID, sent: UInt64, received: UInt64) {
        used.withLock { used in
            used.sent += sent
            used.received += received
        }
    }

    func joinRequest(_ link: LinkID, _ request: RequestID, _ message: Message) {
        joins.withLock { $0.append(message) }
        links.perform(.reply(link, request, .joinChallenge(JoinChallenge(nonce: Array(1...32)))))
    }

    func linkRefused(_ address: String, _ reason: String) {
        refusals.withLock { $0.append(reason) }
    }

    var all: [LinkEvent] { events.withLock { $0 } }
    var opened: [(link: LinkID, peer: PeerIdentity)] {
        all.compactMap { if case .opened(let link, let peer, _) = $0 { (link, peer) } else { nil } }
    }
    var closures: [LinkClosure] {
        all.compactMap { if case .closed(_, let closure) = $0 { closure } else { nil } }
    }
}

/// Waits until `condition` holds, for at most a minute.
func eventually(_ what: String, _ condition: () -> Bool) async throws {
    let end = SystemClock.uptime + .seconds(60)
    while !condition() {
        guard SystemClock.uptime < end else {
            Issue.record("never: \(what)")
            throw CancellationError()
        }
        try await Task.sleep(for: .milliseconds(4))
    }
}

let sharedGroup: EventLoopGroup = {
    do { return try EventLoopGroup("test", count: 2) } catch { fatalError("\(error)") }
}()

/// A hub's listener and what is needed to dial it.
final class Site: Sendable {
    let fleet: TestFleet
    let links = Links()
    let recorder: Recorder
    let listener: SessionListener
    let revoked = NativeLock<Set<NodeID>>([])

    init(
        peers: Int = 100, handshakes: Int = 100, handshakeTimeout: Duration = .seconds(10),
        change: (inout SessionSettings) -> Void = { _ in }
    ) throws {
        fleet = try TestFleet()
        recorder = Recorder(links)
        var settings = SessionSettings(
            fleet: try FleetName("test"), role: .hub, peerRoles: [.spoke], program: "test hub")
        settings.certificateTime = { TestFleet.now }
        change(&settings)
        let context = try SessionTLS.listener(identity: fleet.hub, anchors: fleet.anchors, takesJoins: true)
        let box = RevokedBox()
        settings.refusal = { identity, _ in
            box.site?.revoked.withLock { $0.contains(identity.id) } == true ? "\(identity) is revoked" : nil
        }
        listener = try SessionListener(
            Endpoint(host: "127.0.0.1", port: 0), group: sharedGroup,
            limit: PeerLimit(peers: peers, handshakes: handshakes), settings: settings,
            handshakeTimeout: handshakeTimeout, context: { context }, links: links, handler: recorder)
        box.site = self
    }

    private final class RevokedBox: Sendable {
        nonisolated(unsafe) weak var site: Site?
    }

    /// A spoke that dials with this identity (the fleet's spoke by default).
    func dial(
        _ identity: TLSIdentity? = nil, anchors: TrustStore? = nil, expecting: String? = TestFleet.hubID,
        role: Role = .spoke,
        peerRoles: Set<Role> = [.hub], stall: Duration = .seconds(60)
    ) throws -> Dialled {
        var settings = SessionSettings(
            fleet: try FleetName("test"), role: role, peerRoles: peerRoles, program: "test spoke")
        settings.certificateTime = { TestFleet.now }
        settings.stallTimeout = stall
        let context = try SessionTLS.dialler(identity: identity ?? fleet.spoke, anchors: anchors ?? fleet.anchors)
        let links = Links()
        let recorder = Recorder(links)
        let statuses = StatusBox()
        let dialer = SessionDialer(
            listener.endpoint, expecting: try expecting.map { try NodeID($0) }, group: sharedGroup, settings: settings,
            firstWait: .milliseconds(20), longestWait: .milliseconds(100), context: { context }, links: links,
            handler: recorder, changed: { status in statuses.list.withLock { $0.append(status) } })
        dialer.start()
        return Dialled(links: links, recorder: recorder, dialer: dialer, statuses: statuses)
    }

    final class StatusBox: Sendable {
        let list = NativeLock<[SessionDialer.Status]>([])
    }

    struct Dialled: Sendable {
        let links: Links
        let recorder: Recorder
        let dialer: SessionDialer
        let statuses: StatusBox

        /// The link once it is open.
        func link() async throws -> LinkID {
            try await eventually("session opens") { recorder.opened.count > recorder.closures.count }
            return try #require(recorder.opened.last).link
        }

        /// The text of the first refusal.
        func refusal() async throws -> String {
            try await eventually("refused") { refusals.first != nil }
            return refusals.first ?? ""
        }

        var refusals: [String] {
            statuses.list.withLock { list in
                list.compactMap { if case .refused(_, let reason) = $0 { reason } else { nil } }
            }
        }
    }
}

/// Deterministic bytes of a content of any length: a table of a prime length, over and over.
private let table: [UInt8] = (0..<65_521).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 7) }

func pattern(_ offset: UInt64) -> UInt8 { table[Int(offset % 65_521)] }

func fillPattern(_ buffer: UnsafeMutableRawBufferPointer, _ offset: UInt64) {
    table.withUnsafeBytes { table in
        var done = 0
        while done < buffer.count {
            let start = Int((offset + UInt64(done)) % 65_521)
            let count = min(table.count - start, buffer.count - done)
            UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: table[start..<start + count]))
            done += count
        }
    }
}

func fetchPackage(_ length: UInt64, _ offset: UInt64 = 0) throws -> Message {
    .fetchPackage(
        FetchPackage(
            path: try TargetPath("ruff/1.0/linux-x86_64-glibc/ruff.tar"),
            sha256: try SHA256Digest(bytes: [UInt8](repeating: 7, count: 32)), length: length, offset: offset))
}
