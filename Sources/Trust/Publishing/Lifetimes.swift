import Codec
import Model

/// How long roles stay fresh after they were signed.
package struct Lifetimes: Sendable, Equatable {
    /// Root, targets, products and snapshot: signed by people.
    package var signed: Duration
    /// The timestamp: the offline horizon, since a site without news for longer freezes.
    package var timestamp: Duration

    /// A year, and 45 days for the timestamp.
    package init(signed: Duration = .seconds(365 * 86_400), timestamp: Duration = .seconds(45 * 86_400)) {
        self.signed = signed
        self.timestamp = timestamp
    }

    /// When a role that is signed now expires, on a whole second.
    func expiry(of role: RoleName, at now: UnixTime) -> UnixTime {
        let end = now + (role == .timestamp ? timestamp : signed)
        return UnixTime(seconds: end.milliseconds / 1000)
    }
}
