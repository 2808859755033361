import Codec

/// The versions below which nothing is believed again, kept apart from the metadata: a file that is deleted, broken or replaced by an older
/// one does not open the way back (5.3.5, 5.4.3, 5.5.5).
///
/// They rise with what passed every check. A root that retires a key of timestamp or snapshot clears all but its own (5.3.11). Written as
/// JSON; a text that is no such thing reads as none, since the metadata beside it is a yardstick of its own.
package struct VersionFloors: Sendable, Equatable {
    package private(set) var root: Int64 = 0
    package private(set) var timestamp: Int64 = 0
    /// Of the snapshot, as the highest timestamp named it.
    package private(set) var snapshot: Int64 = 0
    /// Of each role that the snapshot names; one that is here may not vanish.
    package private(set) var roles: [RoleName: Int64] = [:]

    private static let rootName: JSONText = "root"
    private static let timestampName: JSONText = "timestamp"
    private static let snapshotName: JSONText = "snapshot"
    private static let rolesName: JSONText = "roles"
    /// A snapshot of the greatest length has fewer roles than fit in here.
    private static let limits = JSONLimits(bytes: 4 << 20, depth: 2)

    package init() {}

    /// Reads `encoded`; nil when it is none.
    package init?(_ bytes: [UInt8]) {
        // What cannot be read is no floor; see the type.
        guard let object = (try? JSONParser.parse(bytes, limits: Self.limits))?.asObject,
            let root = object[Self.rootName]?.asInteger, let timestamp = object[Self.timestampName]?.asInteger,
            let snapshot = object[Self.snapshotName]?.asInteger, let roles = object[Self.rolesName]?.asObject
        else { return nil }
        self.root = root
        self.timestamp = timestamp
        self.snapshot = snapshot
        for member in roles.members {
            guard let version = member.value.asInteger else { return nil }
            self.roles[member.name] = version
        }
    }

    /// The bytes to keep.
    package var encoded: [UInt8] {
        var roles = JSONObject()
        if let made = JSONObject(self.roles.sorted { $0.key < $1.key }.map { .init($0.key, .integer($0.value)) }) {
            roles = made
        }
        var object = JSONObject()
        object.set(Self.rolesName, .object(roles))
        object.set(Self.rootName, .integer(root))
        object.set(Self.snapshotName, .integer(snapshot))
        object.set(Self.timestampName, .integer(timestamp))
        return JSONValue.object(object).text()
    }

    mutating func raise(root version: Int64) { root = max(root, version) }

    mutating func raise(_ metadata: TimestampMetadata) {
        timestamp = max(timestamp, metadata.version)
        snapshot = max(snapshot, metadata.snapshot.version)
    }

    /// The roles of a snapshot that stands above the one before: none of them vanished or fell.
    mutating func raise(_ metadata: SnapshotMetadata) {
        for (role, listed) in metadata.roles { roles[role] = max(roles[role] ?? 0, listed.version) }
    }

    /// 5.3.11: what a retired key may have signed is no yardstick.
    mutating func forgetBelowRoot() {
        timestamp = 0
        snapshot = 0
        roles = [:]
    }
}
