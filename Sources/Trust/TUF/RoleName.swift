package import Codec

/// The name of a role, byte for byte as metadata writes it. Delegated roles may have any name but those of the
/// top-level roles, hostile ones included, so a name never becomes a path: see `MetadataFile`.
package typealias RoleName = JSONText

extension RoleName {
    package static let root: RoleName = "root"
    package static let timestamp: RoleName = "timestamp"
    package static let snapshot: RoleName = "snapshot"
    package static let targets: RoleName = "targets"

    /// Whether this is one of the four names that no delegation may take.
    package var isTopLevel: Bool { [.root, .timestamp, .snapshot, .targets].contains(self) }

    /// The longest name of a delegated role, in bytes: percent-encoded three times as long it still fits a file name.
    package static let maximumRoleLength = 80

    /// Percent-encoded as Python's `quote(name, safe="")`: letters, digits and `_.-~` stay, every other byte is `%XX`.
    package var quoted: String {
        var text = ""
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2E, 0x2D, 0x7E:
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text += "%"
                text.unicodeScalars.append(Self.upperHex(byte >> 4))
                text.unicodeScalars.append(Self.upperHex(byte & 0x0F))
            }
        }
        return text
    }

    private static func upperHex(_ value: UInt8) -> Unicode.Scalar {
        Unicode.Scalar(value < 10 ? 0x30 + value : 0x41 + value - 10)
    }
}
