import Codec

/// How timestamp and snapshot name another metadata file: its version and, if listed, its length and hashes (§4.4, §4.5).
package struct ListedMetadata: Sendable, Equatable {
    package let version: Int64
    /// In bytes.
    package let length: Int64?
    package let hashes: FileHashes?

    package init(version: Int64, length: Int64? = nil, hashes: FileHashes? = nil) {
        self.version = version
        self.length = length
        self.hashes = hashes
    }

    init(_ value: JSONValue, _ name: JSONText, role: RoleName) throws(MetadataError) {
        let fields = try MetadataFields(value, "a file that meta names", role: role)
        version = try fields.version()
        length = try fields.optionalInteger(MetadataName.length, 1...JSONValue.greatestInteger)
        if let value = fields.object[MetadataName.hashes] {
            hashes = try FileHashes(value, name, role: role)
        } else {
            hashes = nil
        }
    }

    /// How many bytes of the file are fetched at most; refuses a listed length over the limit.
    func maximumLength(_ limit: Int, role: RoleName) throws(MetadataError) -> Int {
        guard let length else { return limit }
        guard length <= Int64(limit) else {
            throw MetadataError(.metadataTooLarge, role: role, "\(length) bytes are listed, at most \(limit)")
        }
        return Int(length)
    }

    /// Refuses bytes of another length or with other hashes than those listed. `sha256` is the bytes' hash if known.
    func check(
        _ bytes: [UInt8], sha256: [UInt8]? = nil, role: RoleName, digester: any Digester
    ) throws(MetadataError) {
        if let length, length != Int64(bytes.count) {
            throw MetadataError(.lengthMismatch, role: role, "\(bytes.count) bytes, \(length) are listed")
        }
        guard hashes?.match(bytes, sha256: sha256, digester: digester) ?? true else {
            throw MetadataError(.hashMismatch, role: role, "the hashes are not those listed")
        }
    }
}
