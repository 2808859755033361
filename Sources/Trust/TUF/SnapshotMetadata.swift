import Codec
package import Model

/// The snapshot role (§4.4): the version of every targets role at one moment.
package struct SnapshotMetadata: Sendable {
    package let version: Int64
    package let expires: UnixTime
    /// Targets and every delegated role, by role name.
    package let roles: [RoleName: ListedMetadata]

    private static let suffix = Array(".json".utf8)

    init(_ file: SignedMetadata) throws(MetadataError) {
        version = file.version
        expires = file.expires
        var roles: [RoleName: ListedMetadata] = [:]
        for member in try MetadataFields(file.signed, role: .snapshot).object(MetadataName.meta).members {
            guard member.name.count > Self.suffix.count, member.name.bytes.suffix(5).elementsEqual(Self.suffix)
            else { throw MetadataError(.malformedMetadata, role: .snapshot, "meta names \(member.name)") }
            let role = RoleName(utf8: Array(member.name.bytes.dropLast(5)))
            roles[role] = try ListedMetadata(member.value, member.name, role: .snapshot)
        }
        guard roles[.targets] != nil else {
            throw MetadataError(.malformedMetadata, role: .snapshot, "meta does not name targets.json")
        }
        self.roles = roles
    }
}
