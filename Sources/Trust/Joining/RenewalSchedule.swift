package import Model

/// When a member asks its hub for a new certificate or for the fleet's word.
package struct RenewalSchedule: Equatable, Sendable {
    package enum Need: Equatable, Sendable {
        case nothing
        /// Time, roots, and to tell the hub which are believed here.
        case word
        case certificate
    }

    /// DESIGN's offline horizon: how long a member may be away and come back by itself.
    package static let offlineHorizon = Duration.seconds(45 * 86_400)
    /// How old the hub's word may be before it is asked for again.
    package static let wordAge = Duration.seconds(86_400)
    /// How old a revocation list may be before that is an alarm: a third of the horizon.
    package static let listAge = Duration.seconds(15 * 86_400)
    /// The most that a certificate has left in a fleet whose clocks are right: ninety days, and a margin. One with
    /// more was issued by a hub whose clock was ahead.
    package static let longestRest = Duration.seconds(100 * 86_400)
    /// Over how long members of one fleet spread what all of them would do at once.
    package static func spread(_ need: Need) -> Duration { need == .certificate ? .seconds(15) : .seconds(5) }

    /// Begin and end of the certificate.
    package var begins: UnixTime
    package var ends: UnixTime
    /// Whether it is under the root under which the hub issues now.
    package var isUnderIssuingRoot: Bool
    /// 0 to 255, of the member's own: certificates that were made on one day are not all renewed on one day.
    package var share: UInt8

    package init(begins: UnixTime, ends: UnixTime, isUnderIssuingRoot: Bool, share: UInt8) {
        self.begins = begins
        self.ends = ends
        self.isUnderIssuingRoot = isUnderIssuingRoot
        self.share = share
    }

    /// Half of the certificate's life, and up to a twentieth of it more.
    package var renews: UnixTime {
        let life = max(ends - begins, .zero)
        return begins + life / 2 + life / 20 * Int(share) / 255
    }

    /// What is needed now. `word` is the time of the hub's last answer; `hasNews` says that the hub has not heard yet what is believed and
    /// used here.
    package func need(at now: UnixTime, word: UnixTime?, hasNews: Bool) -> Need {
        if now >= renews || !isUnderIssuingRoot { return .certificate }
        // Issued while the hub's clock was ahead.
        if now < begins || ends - now > Self.longestRest { return .certificate }
        guard let word, !hasNews, now - word < Self.wordAge else { return .word }
        return .nothing
    }
}
