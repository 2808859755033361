/// Whose lines go into a log: each peer has a bucket of lines, so that none fills the disk or hides
/// what the others did. What is left out is counted and said.
package struct LogBudget<Peer: Hashable & Sendable>: Sendable {
    package enum Verdict: Equatable, Sendable {
        case write
        /// Write it, and say before it how many were left out since the last one.
        case writeAfter(leftOut: Int)
        /// Leave it out. The first time, say that lines are left out from here on.
        case leaveOut(isFirst: Bool)

        /// Whether the line is written.
        package var isWritten: Bool {
            switch self {
            case .write, .writeAfter: true
            case .leaveOut: false
            }
        }

        /// What the log says of the lines that are left out; nil where there is nothing to say.
        package var notice: String? {
            switch self {
            case .write, .leaveOut(isFirst: false): nil
            case .writeAfter(let count):
                "\(count) line\(count == 1 ? "" : "s") that this peer caused were left out: it causes more than its share"
            case .leaveOut(isFirst: true):
                "this peer causes more lines than its share of the log; until it has been quiet for a while, further lines "
                    + "are counted and left out"
            }
        }
    }

    private var allowance: PeerAllowance<Peer>
    /// Tokens that a peer must have again before its lines are written again.
    private let enough: Int
    private var leftOut: [Peer: Int] = [:]

    package init(_ rate: AllowanceRate) {
        allowance = PeerAllowance(rate)
        enough = max(1, rate.burst / 4)
    }

    /// Judges the next line of a peer and takes it off its budget.
    package mutating func verdict(for peer: Peer, at now: UnixTime) -> Verdict {
        let isMuted = leftOut[peer] != nil
        guard !isMuted || allowance.available(peer, at: now) >= enough, allowance.take(peer, at: now) else {
            leftOut[peer, default: 0] += 1
            return .leaveOut(isFirst: leftOut[peer] == 1)
        }
        guard let count = leftOut.removeValue(forKey: peer) else { return .write }
        return .writeAfter(leftOut: count)
    }

    /// Takes a line off the budget if there is one, and counts nothing: for lines that the peer keeps
    /// and sends again.
    package mutating func take(_ peer: Peer, at now: UnixTime) -> Bool { allowance.take(peer, at: now) }
}
