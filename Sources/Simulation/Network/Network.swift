internal import Model
internal import Protocol

/// A process that has links.
protocol LinkOwner: AnyObject {
    var name: String { get }
    var identity: PeerIdentity { get }
    var isUp: Bool { get }
    func hello() -> Hello
    /// Why this peer is not let in; nil when it is.
    func refusal(of peer: PeerIdentity) -> String?
    func linkOpened(_ end: LinkEnd, _ hello: Hello)
    func linkEvent(_ end: LinkEnd, _ event: LinkEvent)
    /// The connection is gone; `wasOpen` says whether there was a session.
    func linkEnded(_ end: LinkEnd, wasOpen: Bool, _ closure: LinkClosure)
}

/// All connections of the fleet. It says who the peer is, which in production the certificates do.
final class Network {
    let scheduler: Scheduler
    private var random: SimulationRandom
    private(set) var connections: [Connection] = []
    private var lastLink: UInt64 = 0
    /// Those that cannot reach whom they dial.
    private var unreachable: Set<String> = []
    /// Milliseconds that a piece takes.
    var latencies: ClosedRange<Int64> = 1...20
    /// In how many thousandths of pieces the connection breaks; told by the faults.
    var cutPermille = 0
    private(set) var cuts = 0
    var note: (String, String) -> Void = { _, _ in }

    init(_ scheduler: Scheduler, _ random: SimulationRandom) {
        self.scheduler = scheduler
        self.random = random
    }

    func nextLink() -> LinkID {
        lastLink += 1
        return LinkID(lastLink)
    }

    func latency() -> Duration { random.milliseconds(latencies) }

    /// The bytes in pieces as a network may deliver them.
    func pieces(of bytes: [UInt8]) -> [[UInt8]] {
        guard bytes.count > 1, bytes.count > 4_096 || random.chance(200) else { return [bytes] }
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + random.integer(1...max(1, min(bytes.count - 1, 24_000))))
            pieces.append(Array(bytes[start..<end]))
            start = end
        }
        return pieces
    }

    /// Dials; `failed` is called if nobody answers.
    ///
    /// `isWanted` says whether the process that dialled is still the same one.
    func dial(
        from dialler: any LinkOwner, to listener: any LinkOwner, isWanted: @escaping () -> Bool,
        failed: @escaping () -> Void
    ) {
        scheduler.after(latency()) { [self] in
            guard isWanted() else { return }
            guard dialler.isUp, listener.isUp, !unreachable.contains(dialler.name) else {
                // A refusal comes at once, silence only after a while.
                let wait: Duration = unreachable.contains(dialler.name) ? .seconds(10) : latency()
                return scheduler.after(wait, failed)
            }
            let connection = Connection(self, dialler: dialler, listener: listener)
            connections.removeAll { connection in
                guard connection.isOver else { return false }
                connection.drop()
                return true
            }
            connections.append(connection)
            for end in connection.ends { end.start() }
        }
    }

    // MARK: Faults

    /// Breaks a connection in the middle of what is sent, sometimes.
    func maybeCut(_ connection: Connection) -> Bool {
        guard random.chance(cutPermille) else { return false }
        cut(connection)
        return true
    }

    func cut(_ connection: Connection) {
        cuts += 1
        note("network", "cut \(connection.dialler)")
        connection.cut()
    }

    /// No packet of this one's own connections arrives any more, and none of its dials succeed, until `reconnect`.
    func partition(_ name: String) {
        unreachable.insert(name)
        for connection in connections where connection.dialler == name { connection.fallSilent() }
    }

    func reconnect(_ name: String) { unreachable.remove(name) }

    func reconnectAll() { unreachable = [] }

    func clear() {
        for connection in connections { connection.drop() }
        connections = []
    }
}
