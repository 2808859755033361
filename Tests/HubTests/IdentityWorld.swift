import Codec
import Hub
import Identity
import Model
import Protocol
import Storage
import System
import TLS
import TestSupport
import Testing
import Trust

/// A hub's core with its real keys, and members with real identities in folders, under one clock that the test sets.
final class IdentityWorld {
    /// A spoke or an agent: its folder and what reads it.
    final class Member {
        let folder: String
        let time: Time
        private(set) var keeper: IdentityKeeper
        private(set) var clock: ClockFloor

        init(folder: String, time: Time) throws {
            self.folder = folder
            self.time = time
            keeper = try IdentityKeeper(folder: folder)
            clock = ClockFloor(seconds: keeper.signedTime, system: { time.shown }, uptime: { time.uptime })
        }

        /// Another process over the same folder.
        func restart() throws {
            keeper = try IdentityKeeper(folder: folder)
            let time = time
            clock = ClockFloor(seconds: keeper.signedTime, system: { time.shown }, uptime: { time.uptime })
        }

        var id: NodeID { keeper.identity.member.id }
        var leaf: Certificate { keeper.identity.tls.leaf }
    }

    /// The true time, and what a machine's clock shows of it.
    final class Time: Sendable {
        private let state = NativeLock<(seconds: Int64, skew: Int64)>((1_800_000_000, 0))
        var seconds: Int64 { state.withLock { $0.seconds } }
        var shown: Int64 { state.withLock { ($0.seconds + $0.skew) * 1000 } }
        var uptime: Duration { .seconds(seconds - 1_700_000_000) }
        func advance(days: Int64) { state.withLock { $0.seconds += days * 86_400 } }
        func advance(seconds: Int64) { state.withLock { $0.seconds += seconds } }
        /// What a clock shows beside the truth.
        func skew(by seconds: Int64) { state.withLock { $0.skew = seconds } }
    }

    let temporary: TemporaryFolder
    let fleet: FleetName
    let keys: HubKeys
    let cryptography: OpenSSLHubCryptography
    let store: any HubStore
    let time = Time()
    var core: HubCore
    var effects: [HubEffect] = []
    private var number: UInt64 = 0

    /// What the hub's clock is ahead by.
    var hubAhead: Int64 = 0
    var now: UnixTime { UnixTime(seconds: time.seconds + hubAhead) }

    init(_ kind: StoreKind = .memory) throws {
        temporary = try TemporaryFolder()
        fleet = try FleetName("test")
        let (fleet, begin) = (fleet, time.seconds)
        let folder = temporary.path("hub")
        try HubKeys.create(folder, names: APINames()) { try HubAuthority.create($0, fleet: fleet, now: begin) }
        keys = try HubKeys(
            folder: folder, identity: PeerIdentity(fleet: fleet, role: .hub, id: identityHubID),
            name: try NodeName("hub"))
        cryptography = OpenSSLHubCryptography(keys)
        let fixture = try kind.make()
        store = fixture.store
        core = HubCore(
            store: store, cryptography: cryptography,
            configuration: try Self.configuration(fleet),
            random: SeededGenerator(state: 1))
        let figures = PoolFigures(PoolAccount(quota: .zero, used: .zero, reserved: .zero, freeOnDisk: .zero))
        try send(.started(held: [], figures))
    }

    private static func configuration(_ fleet: FleetName) throws -> HubConfiguration {
        HubConfiguration(
            fleet: fleet, hub: identityHubID, poolName: try NodeName("main"), patchPoolName: try NodeName("patches"),
            zones: ZoneFolder.find)
    }

    /// The hub begins anew over its store, as its shell does when the machine's clock was set back.
    func restartHub() throws {
        core = HubCore(
            store: store, cryptography: cryptography, configuration: try Self.configuration(fleet),
            random: SeededGenerator(state: 2))
        let figures = PoolFigures(PoolAccount(quota: .zero, used: .zero, reserved: .zero, freeOnDisk: .zero))
        try send(.started(held: [], figures))
    }

    func send(_ event: HubEvent) throws { effects += try core.perform([event], at: now) }

    @discardableResult
    func run(_ command: HubCommand) throws -> HubAnswer {
        let (answer, more) = try core.execute(command, at: now)
        effects += more
        return answer
    }

    /// Asks at the hub's join listener, or through a spoke's session.
    func ask(_ message: Message, through link: LinkID? = nil) throws -> Message {
        number += 1
        effects = []
        guard let link else {
            try send(.joinAsked(JoinID(number), message))
            for case .answerJoin(_, let answer) in effects { return answer }
            throw HubStoreError.missing("answer")
        }
        try send(.link(.request(link, RequestID(number), message)))
        for case .link(.reply(link, _, let answer)) in effects { return answer }
        throw HubStoreError.missing("answer")
    }

    func connect(_ spoke: Member) throws -> LinkID {
        number += 1
        let link = LinkID(number)
        let peer = PeerIdentity(fleet: fleet, role: .spoke, id: spoke.id)
        try send(.link(.opened(link, peer, Hello(time: now, role: .spoke, program: "1.0"))))
        return link
    }

    func join(_ role: Role, _ text: String, through link: LinkID? = nil) async throws -> Member {
        guard
            case .token(_, let token) = try run(
                .members(.createToken(role: role, spoke: nil, uses: 1, life: .seconds(3600))))
        else { throw HubStoreError.missing("token") }
        let joining = try Joining(token: try JoinToken(token), role: role, name: try NodeName(text))
        let peer = PeerIdentity(fleet: fleet, role: role == .spoke ? .hub : .spoke, id: identityHubID)
        let outcome = try await joining.run(peer: peer, upstream: "127.0.0.1:1") { try self.ask($0, through: link) }
        let folder = temporary.path(text)
        try outcome.identity.write(to: folder)
        return try Member(folder: folder, time: time)
    }

    /// The whole exchange of a renewal; what it carries may be altered on the way.
    @discardableResult
    func renew(
        _ member: Member, certificate: Bool = true, through link: LinkID? = nil,
        request: (Message) throws -> Message = { $0 }, answer: (Message) throws -> Message = { $0 }
    ) throws -> IdentityKeeper.Answer {
        let question = try member.keeper.ask(forCertificate: certificate, clock: member.clock)
        let answered = try answer(try ask(try request(question.message), through: link))
        return try member.keeper.take(answered, to: question, clock: member.clock)
    }

    /// A session was opened with what the member shows: the shell's part of `IdentityUpkeep`.
    func use(_ member: Member) throws {
        _ = member.keeper.dialling()
        try member.keeper.opened()
    }

    func events(_ code: EventCode) throws -> [Event] {
        try store.events(after: 0, search: nil, limit: .max).map(\.event).filter { $0.code == code }
    }

    /// What a peer with the roots of another member would say of a certificate in TLS, at the true time or another.
    func isAccepted(_ identity: TLSIdentity, by anchors: [Certificate], at moment: Int64? = nil) throws -> Bool {
        let store = try TrustStore(anchors)
        do {
            try identity.leaf.verify(
                through: Array(identity.chain.dropFirst()), to: store, for: .client, at: moment ?? time.seconds)
            return true
        } catch {
            guard error.code == .certificateRefused else { throw error }
            return false
        }
    }
}

let identityHubID = NodeID(high: 0xFF, low: 0xFF)
