internal import Model
internal import Protocol

/// An in-memory connection: bytes arrive in order, late, and in pieces of any size, until it is cut or falls silent.
final class Connection {
    private unowned let network: Network
    private(set) var ends: [LinkEnd] = []
    /// Nothing arrives any more and nobody is told: sessions find out by their pings.
    private(set) var isSilent = false
    private(set) var isCut = false
    /// When the last piece arrives at each end.
    private var lastArrival: [UnixTime]
    /// The name of the side that dialled.
    let dialler: String

    init(_ network: Network, dialler: any LinkOwner, listener: any LinkOwner) {
        self.network = network
        self.dialler = dialler.name
        lastArrival = [network.scheduler.now, network.scheduler.now]
        ends = [
            LinkEnd(0, network, owner: dialler, peer: listener.identity, connection: self),
            LinkEnd(1, network, owner: listener, peer: dialler.identity, connection: self),
        ]
    }

    /// Sends bytes to the other end.
    func send(_ bytes: [UInt8], from side: Int) {
        guard !isCut, !isSilent else { return }
        for piece in network.pieces(of: bytes) {
            arrive(at: 1 - side) { $0.receive(piece) }
        }
    }

    /// The side has said all and closes; the other end sees it behind what was sent.
    func close(from side: Int) {
        guard !isCut, !isSilent else { return }
        arrive(at: 1 - side) { $0.end("the peer has closed") }
    }

    private func arrive(at side: Int, _ body: @escaping (LinkEnd) -> Void) {
        let time = max(network.scheduler.now + network.latency(), lastArrival[side])
        lastArrival[side] = time
        network.scheduler.at(time) { [weak self] in
            guard let self, !self.isCut, !self.isSilent else { return }
            body(self.ends[side])
        }
    }

    /// Breaks it now, with what is on its way.
    func cut() {
        guard !isCut else { return }
        isCut = true
        for end in ends { end.end("the connection broke") }
    }

    /// Lets both sides believe that it is there.
    func fallSilent() { isSilent = true }

    /// Neither end lives any more.
    var isOver: Bool { ends.allSatisfy(\.isDead) }

    /// Lets go of the ends, which point back here.
    func drop() { ends = [] }
}
