import Codec

/// A metadata file that a client keeps, and its name in the client's folder.
///
/// Every name is one safe path component whatever a role is called: no `/`, no NUL, never `.` or `..`, and no delegated
/// role's name meets that of a root.
package enum MetadataFile: Sendable, Hashable {
    /// The newest trusted root.
    case root
    /// A root by its version; all are kept, so that they can be relayed and an interrupted change be finished.
    case rootVersion(Int64)
    case timestamp
    case snapshot
    /// The top-level targets role or a delegated one.
    case targets(RoleName)
    /// No metadata but this client's own: `VersionFloors`. Kept apart, so that what deletes metadata leaves it.
    case floors

    /// The file's name in the client's folder, for example `root.json`, `5.root.json`, `ruff.json`.
    package var fileName: String {
        switch self {
        case .root: return "root.json"
        case .rootVersion(let version): return "\(version).root.json"
        case .timestamp: return "timestamp.json"
        case .snapshot: return "snapshot.json"
        case .floors: return "floors"
        case .targets(let role):
            let name = role.quoted
            // A delegated role called "5.root" must not overwrite a root: its first digit is encoded, which `quoted`
            // never does by itself.
            let number = name.utf8.prefix { (0x30...0x39).contains($0) }
            guard let digit = number.first, name.utf8.dropFirst(number.count).elementsEqual(".root".utf8) else {
                return name + ".json"
            }
            return "%\(String(digit, radix: 16))" + name.dropFirst() + ".json"
        }
    }

    /// The file's name at the repository. Roots carry their version always, timestamps never, the others when the
    /// repository has consistent snapshots (§6).
    static func remoteName(_ role: RoleName, version: Int64, consistent: Bool) -> String {
        if role == .root { return "\(version).root.json" }
        if role == .timestamp || !consistent { return role.quoted + ".json" }
        return "\(version).\(role.quoted).json"
    }
}
