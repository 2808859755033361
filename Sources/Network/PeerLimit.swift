package import System

/// The places of a listener: how many connections it has at once, of whom, and in which stage. Safe from any thread.
///
/// `Admission` decides; this has the lock and the randomness.
package final class PeerLimit: Sendable {
    package let rules: AdmissionRules
    private let state: NativeLock<Admission>

    package init(_ rules: AdmissionRules) {
        self.rules = rules
        state = NativeLock(Admission(rules))
    }

    /// Without limits for each address and without early drops: for a listener whose peers are all known.
    package convenience init(peers: Int, handshakes: Int) {
        self.init(AdmissionRules(peers: peers, handshakes: handshakes))
    }

    /// Peers in session and in handshake now.
    package var current: (peers: Int, handshakes: Int) { state.withLock { ($0.peers, $0.handshakes.count) } }

    /// Open connections of peers that nobody knows yet.
    package var visitors: Int { state.withLock { $0.visitors.count } }

    /// A place for a peer that begins its handshake; nil if there is none for it.
    package func enter(_ address: SocketAddress) -> Place? {
        let source = AddressGroup(address)
        var random = SystemRandom()
        let refusal = state.withLock { $0.enter(source, random: random.next()) }
        return refusal == nil ? Place(self, source) : nil
    }

    /// One connection's place, given back when it is left or forgotten.
    package final class Place: Sendable {
        private let limit: PeerLimit
        private let source: AddressGroup
        private let stage = NativeLock<Admission.Stage?>(.handshake)

        fileprivate init(_ limit: PeerLimit, _ source: AddressGroup) {
            self.limit = limit
            self.source = source
        }

        deinit { leave() }

        /// To a known peer's place; false if all of these are taken.
        package func promote() -> Bool { move(to: .peer) }

        /// From handshake to an open connection of a peer that nobody knows yet; false if all such places are taken.
        package func admitVisitor() -> Bool { move(to: .visitor) }

        /// Gives the place back now.
        package func leave() {
            stage.withLock { stage in
                guard let left = stage else { return }
                limit.state.withLock { $0.leave(source, left) }
                stage = nil
            }
        }

        private func move(to next: Admission.Stage) -> Bool {
            stage.withLock { stage in
                guard let now = stage else { return false }
                guard now != next else { return true }
                guard limit.state.withLock({ $0.move(source, from: now, to: next) }) else { return false }
                stage = next
                return true
            }
        }
    }
}
