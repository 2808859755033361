/// How many connections a listener takes, of whom, and when it begins to refuse some.
///
/// A peer that has shown who it is takes one of `peers`, and no limit of its address applies to it. Before that it has a place
/// in its handshake, and then perhaps one of a visitor: a machine that joins, a client without a token.
package struct AdmissionRules: Sendable, Equatable {
    /// Peers that have shown who they are.
    package var peers: Int
    /// Connections in their handshake.
    package var handshakes: Int
    /// Of these, of one address.
    package var handshakesPerAddress: Int
    /// Open connections of peers that have not shown who they are.
    package var visitors: Int
    /// Of these, of one address.
    package var visitorsPerAddress: Int
    /// The part of the places for handshakes and visitors, in percent, that only addresses get from which a peer has shown who
    /// it is.
    package var keptPercent: Int
    /// From this part of the other places on, in percent, unknown newcomers are dropped at random.
    package var dropFromPercent: Int
    /// How many of them, in percent, when that begins; it rises to all of them where no place is left.
    package var dropPercent: Int

    package init(
        peers: Int, handshakes: Int, handshakesPerAddress: Int = .max, visitors: Int = .max,
        visitorsPerAddress: Int = .max, keptPercent: Int = 0, dropFromPercent: Int = 100, dropPercent: Int = 100
    ) {
        self.peers = peers
        self.handshakes = handshakes
        self.handshakesPerAddress = handshakesPerAddress
        self.visitors = visitors
        self.visitorsPerAddress = visitorsPerAddress
        self.keptPercent = min(max(keptPercent, 0), 100)
        self.dropFromPercent = min(max(dropFromPercent, 0), 100)
        self.dropPercent = min(max(dropPercent, 0), 100)
    }

    /// The rules of a listener that strangers reach.
    package static func open(
        peers: Int, handshakes: Int, handshakesPerAddress: Int, visitors: Int, visitorsPerAddress: Int
    ) -> AdmissionRules {
        AdmissionRules(
            peers: peers, handshakes: handshakes, handshakesPerAddress: handshakesPerAddress, visitors: visitors,
            visitorsPerAddress: visitorsPerAddress, keptPercent: 25, dropFromPercent: 50, dropPercent: 30)
    }
}
