internal import System

/// How many peers a listener has at once, and how many of them may still be shaking hands.
///
/// Strangers in mid-handshake have a limit of their own, so that they cannot take the places of known peers.
package final class PeerLimit: Sendable {
    package let peers: Int
    package let handshakes: Int
    private let state = NativeLock((peers: 0, handshakes: 0))

    package init(peers: Int, handshakes: Int) {
        self.peers = peers
        self.handshakes = handshakes
    }

    /// Peers in session and in handshake now.
    package var current: (peers: Int, handshakes: Int) { state.withLock { $0 } }

    /// A place for one that begins its handshake; nil if there is none.
    package func enter() -> Place? {
        let entered = state.withLock { state in
            guard state.handshakes < handshakes else { return false }
            state.handshakes += 1
            return true
        }
        return entered ? Place(self) : nil
    }

    /// One connection's place, given back when it is left or forgotten.
    package final class Place: Sendable {
        private enum Stage { case handshake, peer, left }
        private let limit: PeerLimit
        private let stage = NativeLock(Stage.handshake)

        fileprivate init(_ limit: PeerLimit) { self.limit = limit }

        deinit { leave() }

        /// From handshake to session; false if all places for peers are taken.
        package func promote() -> Bool {
            stage.withLock { stage in
                guard stage == .handshake else { return stage == .peer }
                let promoted = limit.state.withLock { state in
                    guard state.peers < limit.peers else { return false }
                    state.peers += 1
                    state.handshakes -= 1
                    return true
                }
                if promoted { stage = .peer }
                return promoted
            }
        }

        /// Gives the place back now.
        package func leave() {
            stage.withLock { stage in
                limit.state.withLock { state in
                    switch stage {
                    case .handshake: state.handshakes -= 1
                    case .peer: state.peers -= 1
                    case .left: break
                    }
                }
                stage = .left
            }
        }
    }
}
