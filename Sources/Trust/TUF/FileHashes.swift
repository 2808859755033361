import Codec
import Model

/// The hashes by which metadata names a file. At least one is of a known kind; unknown kinds are passed over.
package struct FileHashes: Sendable, Equatable {
    /// 32 bytes, if listed.
    package let sha256: [UInt8]?
    /// 64 bytes, if listed.
    package let sha512: [UInt8]?

    /// A file named by SHA-256.
    package init(sha256: [UInt8]) {
        self.sha256 = sha256
        sha512 = nil
    }

    /// A file named by either or both; nil when it is by none.
    package init?(sha256: [UInt8]?, sha512: [UInt8]?) {
        guard sha256 != nil || sha512 != nil else { return nil }
        self.sha256 = sha256
        self.sha512 = sha512
    }

    init(_ value: JSONValue, _ what: String, role: RoleName) throws(MetadataError) {
        let fields = try MetadataFields(value, "hashes", role: role)
        sha256 = try Self.read(fields, MetadataName.sha256, count: 32)
        sha512 = try Self.read(fields, MetadataName.sha512, count: 64)
        guard sha256 != nil || sha512 != nil else {
            throw MetadataError(.unknownHash, role: role, "\(what) has no hash of a known kind")
        }
    }

    private static func read(_ fields: MetadataFields, _ name: JSONText, count: Int) throws(MetadataError) -> [UInt8]? {
        guard let value = fields.object[name] else { return nil }
        guard let bytes = value.asText.flatMap(bytes(hexadecimal:)), bytes.count == count else {
            throw fields.malformed(name, "\(count * 2) lowercase hexadecimal digits")
        }
        return bytes
    }

    /// The bytes of lowercase hexadecimal, else nil.
    private static func bytes(hexadecimal text: JSONText) -> [UInt8]? {
        text.withBytes { digits in
            guard digits.count % 2 == 0, digits.count <= 128 else { return nil }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(digits.count / 2)
            var place = 0
            while place < digits.count {
                guard let high = ASCII.hexValue(digits[place]), let low = ASCII.hexValue(digits[place + 1]) else {
                    return nil
                }
                bytes.append(high << 4 | low)
                place += 2
            }
            return bytes
        }
    }

    /// The hexadecimal hash that begins a target's file name in a repository with consistent snapshots.
    package var namePrefix: String { ASCII.hex(sha256 ?? sha512 ?? []) }

    /// Whether all listed known hashes are the file's; `digest` computes those that are asked for.
    func match(_ bytes: [UInt8], sha256 known: [UInt8]? = nil, digester: any Digester) -> Bool {
        if let sha256, sha256 != (known ?? digester.sha256(bytes)) { return false }
        if let sha512, sha512 != digester.sha512(bytes) { return false }
        return true
    }
}
