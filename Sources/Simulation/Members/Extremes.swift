internal import Agent
internal import Model
internal import Protocol
internal import Storage
internal import Trust

/// Draws values at the ends of what a format allows, and messages made of them.
///
/// Everything that it makes is legal: what a decoder would refuse is drawn again.
struct Extremes {
    var random: SimulationRandom
    let fleet: FleetName
    /// Names and ids that mean something to the daemon under test.
    var nodes: [NodeID] = []
    var actions: [ActionID] = []
    var packages: [Package] = []
    var pools: [NodeName] = []
    private let facts: ClientFacts

    init(_ random: SimulationRandom, fleet: FleetName) throws {
        self.random = random
        self.fleet = fleet
        facts = try Machine(.ordinary, keepsBase: false, hasLibrary: true).facts(.init(locked: [], rejected: []))
    }

    // MARK: Values

    mutating func size() -> UInt64 {
        let ends: [UInt64] = [
            0, 1, 255, 256, 65_535, 1 << 31, (1 << 32) - 1, (1 << 53) - 1, 1 << 53, UInt64(Int64.max) - 1,
            UInt64(Int64.max),
        ]
        return random.chance(300)
            ? random.next() >> UInt64(random.integer(1...63)) : ends[random.integer(0...ends.count - 1)]
    }

    mutating func time() -> UnixTime {
        let ends: [Int64] = [.min, .min + 1, -1, 0, 1, 253_402_300_800_000, .max - 1, .max]
        if random.chance(300) { return Scheduler.start + .milliseconds(Int64(random.integer(0...10_000_000))) }
        return UnixTime(milliseconds: ends[random.integer(0...ends.count - 1)])
    }

    mutating func text(_ limit: Int = 512) -> String {
        let pieces = [
            "", "a", "\u{0}", "\u{1B}[2J", "\r\nx", "\u{202E}", "é", "\u{1F600}", "'; DROP TABLE event; --", "%s",
            "{\"a\":",
        ]
        var text = ""
        for _ in 0..<random.integer(0...4) { text += pieces[random.integer(0...pieces.count - 1)] }
        if random.chance(100) { text += String(repeating: "x", count: limit) }
        return Event.singleLine(text, limit: limit)
    }

    mutating func node() -> NodeID {
        guard let known = nodes.randomElement(using: &random), random.chance(800) else {
            return .random(using: &random)
        }
        return known
    }

    mutating func action() -> ActionID {
        guard let known = actions.randomElement(using: &random), random.chance(800) else {
            return .random(using: &random)
        }
        return known
    }

    mutating func digest() -> SHA256Digest {
        if let known = packages.randomElement(using: &random), random.chance(700) { return known.sha256 }
        // 32 bytes are a hash.
        return (try? SHA256Digest(bytes: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }))
            ?? packages[0].sha256
    }

    mutating func path() -> TargetPath {
        if let known = packages.randomElement(using: &random), random.chance(700) { return known.path }
        // A good path.
        return (try? TargetPath("tool/\(random.integer(0...99)).0/linux-x86_64-glibc/tool.tar")) ?? packages[0].path
    }

    /// Releases of several products that are said to be completed, known ones and others.
    mutating func completedReleases() -> Message {
        var products: [ProductName: [LineName: ReleaseName]] = [:]
        for _ in 0..<random.integer(0...3) {
            let path = path()
            guard let line = try? LineName(path.release.text) else { continue }  // a good name
            products[path.product, default: [:]][line] = path.release
        }
        return .completedReleases(CompletedReleases(products))
    }

    /// Shares of products that are known and of others, each by any rule.
    mutating func shares() -> Shares {
        Shares(
            (0..<random.integer(0...Shares.most)).map { _ in
                let path = path()
                let rules: [ShareRule] = [.newest, .completed, .pinned(path.release)]
                return Shares.Item(
                    name: pool(), product: path.product, platform: nil, folder: text(), state: code(ShareState.self),
                    release: path.release.text, text: text(), rule: rules[random.integer(0...2)])
            })
    }

    mutating func pool() -> NodeName {
        if let known = pools.randomElement(using: &random), random.chance(700) { return known }
        // A good name.
        return (try? NodeName("p\(random.integer(0...40))")) ?? pools[0]
    }

    mutating func code<Code: CaseIterable>(_ type: Code.Type) -> Code where Code.AllCases: RandomAccessCollection {
        let all = type.allCases
        return all[all.index(all.startIndex, offsetBy: random.integer(0...all.count - 1))]
    }

    // MARK: Reports

    /// A report that its agent has signed.
    mutating func report(_ agent: NodeID, _ key: SimulatedKey, _ last: inout (incarnation: UInt64, counter: UInt64))
        throws
        -> Message
    {
        if random.chance(10) { last.incarnation = max(1, size()) }
        switch random.integer(0...7) {
        case 0: last.counter = max(1, size())
        case 1: last.counter = UInt64(random.integer(1...3_000))
        case 2: last.counter = last.counter > 2 ? last.counter - 2 : 1_000
        default: last.counter = min(UInt64(Int64.max), last.counter + UInt64(random.integer(1...2)))
        }
        let about = random.chance(400) ? action() : nil
        let states = ActionState.allCases.filter { !$0.isHubOnly }
        var facts: ClientFacts? = random.chance(300) ? self.facts : nil
        if random.chance(500) {
            facts?.freeSpace = ByteCount(size())
            facts?.sessions = Int(clamping: size())
            facts?.hostname = text()
            facts?.osName = text()
            facts?.installed = try (0..<random.integer(0...RecordLimits.installed)).map {
                InstalledPackage(
                    product: try ProductName("p\($0)"), release: try ReleaseName("1.\(random.integer(0...9))"),
                    counter: size(), source: code(InstallSource.self))
            }
        }
        let report = Report(
            agent: agent, incarnation: last.incarnation, counter: last.counter, time: time(), fleet: fleet,
            action: about, state: about.map { _ in states[random.integer(0...states.count - 1)] },
            reasons: (0..<random.integer(0...3)).map { _ in Reason(.diskSpace, text()) },
            notes: (0..<(random.chance(50) ? RecordLimits.reasons : random.integer(0...2))).map { _ in
                Note(.storeNewer, text())
            },
            facts: facts, attack: random.chance(200) ? AttackSeen(.replay, text()) : nil, detail: text(),
            orderSequence: random.chance(300) ? OrderSequence(epoch: size(), number: size()) : nil)
        return .report(
            ReportMessage(
                agent: agent, incarnation: last.incarnation, counter: last.counter, signed: try report.signed(by: key)))
    }

    // MARK: Messages

    /// Any message of the protocol that a daemon may be sent as a request.
    mutating func request() -> Message {
        while true {
            // What a decoder refuses never reaches a core.
            if let message = try? Message(decoding: drawn().encoded()) { return message }
        }
    }

    private mutating func drawn() -> Message {
        switch random.integer(0...15) {
        case 0:
            return .replica(
                Replica(
                    path: path(), sha256: digest(), state: code(ReplicaState.self), bytesHeld: size(), text: text()))
        case 1:
            return .poolStatus(
                PoolStatus(
                    pool: pool(), quota: size(), used: size(), reserved: size(), freeOnDisk: size(),
                    access: code(PoolAccess.self), problem: random.chance(200) ? text() : nil,
                    pools: (0..<random.integer(0...PoolStatus.limit)).map { _ in pool() }))
        case 2: return .presence(Presence(agent: node(), isConnected: random.chance(500), since: time()))
        case 3:
            return .event(
                EventMessage(
                    sequence: size(), time: time(), severity: code(EventSeverity.self),
                    code: [EventCode.hubRestored, .tokenCreated, .replicaVerified, .attackSeen][random.integer(0...3)],
                    subject: random.chance(500) ? "client/\(node())" : text(), text: text(1024)))
        case 4:
            return .fetchPackage(FetchPackage(path: path(), sha256: digest(), length: size(), offset: size()))
        case 5: return .fetchMetadata(FetchMetadata(name: "\(random.integer(0...9)).root.json"))
        case 6:
            return .poolChecked(
                PoolChecked(
                    pool: pool(), check: size(), isOver: random.chance(500), read: size(), total: size(),
                    problems: (0..<random.integer(0...3)).map { _ in text() }, corrupt: [digest()]))
        case 7: return .shares(shares())
        case 8:
            return .order(
                OrderMessage(
                    agent: node(), action: action(), kind: size(), expires: time(), signed: bytes(), replicas: size()))
        case 9: return .joinBegin(JoinBegin(token: .random(using: &random)))
        case 10: return .revocations(Revocations(signed: bytes()))
        case 11: return .anchors(Anchors(signed: bytes()))
        case 12 where random.chance(300):
            return completedReleases()
        case 12: return .catalogChanged(CatalogChanged(timestampVersion: size()))
        case 13: return .setQuota(SetQuota(pool: pool(), quota: size()))
        case 14:
            return .report(ReportMessage(agent: node(), incarnation: size(), counter: size(), signed: bytes()))
        default:
            return .error(ErrorReply(code: .busy, text: text(), retryAfterSeconds: size()))
        }
    }

    /// An answer, whatever was asked.
    mutating func answer() -> Message {
        switch random.integer(0...3) {
        case 0: .ok(OK(reportKey: random.chance(300) ? bytes() : nil))
        case 1:
            .error(
                ErrorReply(
                    code: RequestErrorCode(number: UInt64(random.integer(1...12))), text: text(),
                    retryAfterSeconds: size()))
        default: request()
        }
    }

    mutating func bytes() -> [UInt8] {
        (0..<random.integer(0...random.integer(1...200))).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// How a batch is shuffled together: how many events it has.
    mutating func batch() -> Int { random.integer(1...24) }
}
