package import Identity
package import Model
package import Network
package import Protocol
internal import System
internal import TLS
internal import Trust

/// Keeps a member a member: renews its certificate in time, tells the hub what it believes, and finds the way back when certificate, roots
/// or clock no longer serve.
///
/// Over the session upstream it asks as `RenewalSchedule` says. When a session is refused it asks over a join connection, where nothing is
/// believed but the hub's signature. Attempts are jittered and at least a minute apart.
package final class IdentityUpkeep: Sendable {
    /// Where this member asks, and as what.
    package struct Place: Sendable {
        let endpoint: Endpoint
        let group: EventLoopGroup
        let role: Role
        let upstream: Role
        let program: String

        package init(endpoint: Endpoint, group: EventLoopGroup, role: Role, upstream: Role, program: String) {
            self.endpoint = endpoint
            self.group = group
            self.role = role
            self.upstream = upstream
            self.program = program
        }
    }

    private struct State {
        var link: LinkID?
        var task: Task<Void, Never>?
        /// The set and the certificate that the hub has heard of since this process started.
        var told: (anchors: UInt64, certificate: Certificate)?
        var lastRecovery: Duration?
        var lastAlarm: Duration?
    }

    /// How often it looks whether something is due, and the least and the longest time between attempts that fail.
    private static let look = Duration.seconds(3600)
    private static let firstRetry = Duration.seconds(60)

    private let keeper: IdentityKeeper
    private let clock: ClockFloor
    private let links: Links
    private let place: Place
    private let messages: @Sendable (EventSeverity, String) -> Void
    private let queue: NamedQueue
    private let state = NativeLock(State())

    package init(
        keeper: IdentityKeeper, clock: ClockFloor, links: Links, place: Place,
        messages: @escaping @Sendable (EventSeverity, String) -> Void
    ) {
        self.keeper = keeper
        self.clock = clock
        self.links = links
        self.place = place
        self.messages = messages
        queue = NamedQueue("identity")
    }

    // MARK: The session upstream

    /// A session is open: what it was opened with has proved itself, and the hub can be asked. `time` is what the
    /// peer's clock shows: nobody believes it, but where it differs the hub is asked at once.
    package func opened(_ link: LinkID, peerTime time: UnixTime) {
        let difference = time - clock.now
        if difference > ClockFloor.tolerance || difference < .zero - ClockFloor.tolerance {
            state.withLock { $0.told = nil }
        }
        queue.submit { [self] in
            do {
                if try keeper.opened() { messages(.notice, "the new certificate is in use, the old one is gone") }
            } catch {
                messages(.error, "the new certificate could not be kept: \(error)")
            }
            begin(link)
        }
    }

    /// The session is over.
    package func closed(_ link: LinkID) {
        state.withLock { state in
            guard state.link == link else { return }
            state.link = nil
            state.task?.cancel()
            state.task = nil
        }
    }

    private func begin(_ link: LinkID) {
        state.withLock { state in
            state.link = link
            state.task?.cancel()
            state.task = Task { [weak self] in await self?.run(link) }
        }
    }

    private func run(_ link: LinkID) async {
        var random = SystemRandom()
        var retry = Self.firstRetry
        while !Task.isCancelled {
            watchList()
            let need = need()
            var pause = Self.look
            if need != .nothing {
                await sleep(RenewalSchedule.spread(need) * Double.random(in: 0..<1, using: &random))
                guard !Task.isCancelled else { return }
                do {
                    let links = links
                    try await exchange(forCertificate: need == .certificate) { message in
                        try await links.request(link, message)
                    }
                    retry = Self.firstRetry
                    // What the answer brought may need another question.
                    if self.need() != .nothing { pause = .seconds(1) }
                } catch {
                    guard !Task.isCancelled else { return }
                    messages(.warning, "the hub was asked to renew this identity: \(error)")
                    pause = retry * Double.random(in: 0.5..<1.5, using: &random)
                    retry = min(retry * 2, Self.look)
                }
            }
            await sleep(pause)
        }
    }

    private func sleep(_ time: Duration) async {
        // Cut short by the end of the session.
        _ = try? await Task.sleep(for: time)
    }

    /// An old revocation list keeps the peer, and is said once a day.
    private func watchList() {
        guard let issued = keeper.revocations?.issued, clock.now - issued > RenewalSchedule.listAge else { return }
        let now = SystemClock.uptime
        let isSaid = state.withLock { state in
            if let last = state.lastAlarm, now - last < .seconds(86_400) { return true }
            state.lastAlarm = now
            return false
        }
        if !isSaid {
            messages(
                .warning,
                "no revocation list has come since \(issued): known peers are kept; connect this site to its hub")
        }
    }

    private func need() -> RenewalSchedule.Need {
        let identity = keeper.identity
        let leaf = identity.tls.leaf
        let told = state.withLock { $0.told }
        let hasNews = told?.anchors != (identity.anchorSet?.number ?? 0) || told?.certificate != leaf
        let schedule = RenewalSchedule(
            begins: UnixTime(seconds: leaf.notBefore), ends: UnixTime(seconds: leaf.notAfter),
            isUnderIssuingRoot: identity.isUnderIssuingRoot, share: identity.member.id.bytes.last ?? 0)
        return schedule.need(at: clock.now, word: keeper.word?.time, hasNews: hasNews)
    }

    /// One question and its answer.
    private func exchange(forCertificate: Bool, ask: (Message) async throws -> Message) async throws {
        let (keeper, clock) = (keeper, clock)
        let question = try await queue.run { try keeper.ask(forCertificate: forCertificate, clock: clock) }
        let message: Message
        do {
            message = try await ask(question.message)
        } catch TransportError.answered(let error) {
            message = .error(error)
        }
        let answer = try await queue.run { try keeper.take(message, to: question, clock: clock) }
        state.withLock { $0.told = (question.anchors, question.certificate) }
        if let error = clock.error {
            let way = error > .zero ? "ahead" : "behind"
            let seconds = error.components.seconds.magnitude
            messages(
                .warning, "the clock of this machine is wrong, \(seconds) s \(way); the hub's time is used instead")
        }
        if answer.hasNewAnchors { messages(.notice, "the fleet's set of root certificates has changed") }
        if answer.hasNewCertificate {
            messages(.notice, "there is a new certificate; the session is made anew with it")
        }
        // The dialler makes the next session with it; what is on its way in this one is finished first.
        if answer.hasNewCertificate, let link = state.withLock({ $0.link }) {
            links.perform(.close(link, .leaving, "there is a new certificate"))
        }
    }

    /// New roots came over the session: the hub is to hear that they are here.
    package func anchorsCame() {
        if let link = state.withLock({ $0.link }) { begin(link) }
    }

    /// Runs disk work on the keeper's queue.
    package func run<Value: Sendable>(_ work: @escaping @Sendable (IdentityKeeper) throws -> Value) async throws
        -> Value
    {
        let keeper = keeper
        return try await queue.run { try work(keeper) }
    }

    // MARK: The way back

    /// A session was refused, by this side or the other: asks over a join connection. Tells whether another attempt makes sense, or what
    /// a person has to do.
    package func recover() async -> SessionDialer.Recovery {
        keeper.refused()
        let now = SystemClock.uptime
        let isTooSoon = state.withLock { state in
            if let last = state.lastRecovery, now - last < Self.firstRetry { return true }
            state.lastRecovery = now
            return false
        }
        guard !isTooSoon else { return .none("") }
        do {
            let client = try await JoinClient.renewing(
                place.endpoint, role: place.role, peerRole: place.upstream, program: place.program, group: place.group)
            defer { client.close() }
            // First the time and the roots, by which the need for a certificate is judged.
            try await exchange(forCertificate: false) { try await client.request($0) }
            if need() == .certificate {
                try await exchange(forCertificate: true) { try await client.request($0) }
            }
            return .tryAgain
        } catch IdentityError.later(let why) {
            state.withLock { $0.lastRecovery = nil }
            return .later(why)
        } catch let error as IdentityError {
            return .none(error.description)
        } catch {
            state.withLock { $0.lastRecovery = nil }
            return .later("asking for the way back failed: \(error)")
        }
    }
}
