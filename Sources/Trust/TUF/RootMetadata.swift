package import Codec
package import Model

/// The root role (§4.3): the keys and thresholds of the top-level roles.
package struct RootMetadata: Sendable {
    package let version: Int64
    package let expires: UnixTime
    /// Whether the repository's file names carry versions and hashes; absent means no.
    package let consistentSnapshot: Bool
    package let keys: [JSONText: MetadataKey]
    /// Root, timestamp, snapshot and targets; all four are there. Other roles are passed over.
    package let roles: [RoleName: RoleKeys]

    init(_ file: SignedMetadata, digester: any Digester) throws(MetadataError) {
        let fields = MetadataFields(file.signed, role: .root)
        version = file.version
        expires = file.expires
        consistentSnapshot =
            file.signed[MetadataName.consistentSnapshot] == nil
            ? false : try fields.bool(MetadataName.consistentSnapshot)
        keys = try MetadataKey.keys(try fields.object(MetadataName.keys), role: .root, digester: digester)
        let listed = try fields.fields(MetadataName.roles)
        var roles: [RoleName: RoleKeys] = [:]
        for name in [RoleName.root, .timestamp, .snapshot, .targets] {
            roles[name] = try RoleKeys(try listed.fields(name))
        }
        self.roles = roles
    }

    /// Refuses a file that the role's keys did not sign up to the threshold.
    func verify(_ file: SignedMetadata, as role: RoleName, verifier: any SignatureVerifier) throws(MetadataError) {
        guard let signers = roles[role] else {
            throw MetadataError(.notDelegated, role: role, "root names no such role")
        }
        try file.verify(by: keys, signers, delegator: .root, verifier: verifier)
    }

    /// Whether a key that `other` trusted for the role is not trusted here any more.
    func retiresKey(of role: RoleName, from other: RootMetadata) -> Bool {
        let before = Set(other.roles[role]?.keyIDs ?? [])
        return !before.subtracting(roles[role]?.keyIDs ?? []).isEmpty
    }
}
