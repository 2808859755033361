import Foundation
package import Model
package import Rollout

/// A time zone of the system's database, for windows.
package struct FoundationZone: ZoneRules, Sendable {
    private let zone: TimeZone

    /// The zone of that name, for example `Europe/Berlin`; nil for a name that the database does not have.
    package init?(name: String) {
        guard name.utf8.count <= 64, TimeZone.knownTimeZoneIdentifiers.contains(name) || name == "UTC",
            let zone = TimeZone(identifier: name)
        else { return nil }
        self.zone = zone
    }

    package func utcOffset(at time: UnixTime) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time.seconds)))
    }

    /// For `HubConfiguration.zones`.
    package static let named: @Sendable (String) -> (any ZoneRules)? = { FoundationZone(name: $0) }
}
