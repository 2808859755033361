package import Codec
package import Model

/// The targets role or a role delegated to (§4.5).
package struct TargetsMetadata: Sendable {
    package let version: Int64
    package let expires: UnixTime
    package let targets: [JSONText: TargetFile]
    package let delegations: Delegations?

    init(_ file: SignedMetadata, digester: any Digester) throws(MetadataError) {
        version = file.version
        expires = file.expires
        let listed = try MetadataFields(file.signed, role: file.role).object(MetadataName.targets)
        var targets: [JSONText: TargetFile] = Dictionary(minimumCapacity: listed.count)
        for member in listed.members {
            targets[member.name] = try TargetFile(member.value, path: member.name, role: file.role)
        }
        self.targets = targets
        delegations =
            try file.signed[MetadataName.delegations].map { value throws(MetadataError) in
                try Delegations(value, role: file.role, digester: digester)
            }
    }
}
