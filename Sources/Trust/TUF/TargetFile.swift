package import Codec

/// A target as signed metadata names it (§4.5): any file that the repository vouches for.
package struct TargetFile: Sendable, Equatable {
    /// The name, byte for byte: hostile ones included, so it never becomes a path of this machine.
    package let path: JSONText
    /// In bytes.
    package let length: Int64
    package let hashes: FileHashes
    /// What the repository says about it beyond that, with unknown fields; see `PackageMetadata.init(custom:)`.
    package let custom: JSONObject?

    package init(path: JSONText, length: Int64, hashes: FileHashes, custom: JSONObject? = nil) {
        self.path = path
        self.length = length
        self.hashes = hashes
        self.custom = custom
    }

    init(_ value: JSONValue, path: JSONText, role: RoleName) throws(MetadataError) {
        let fields = try MetadataFields(value, "a target", role: role)
        self.path = path
        length = try fields.integer(MetadataName.length, 0...JSONValue.greatestInteger)
        guard let hashes = fields.object[MetadataName.hashes] else {
            throw fields.malformed(MetadataName.hashes, "an object")
        }
        self.hashes = try FileHashes(hashes, path, role: role)
        custom = fields.object[MetadataName.custom] == nil ? nil : try fields.object(MetadataName.custom)
    }

    /// Refuses bytes that are not the target's: another length or another hash (5.7). For small targets; large ones are
    /// hashed while they are written and checked by `check(length:sha256:)`.
    package func check(_ bytes: [UInt8], digester: some Digester) throws(MetadataError) {
        try check(length: Int64(bytes.count))
        guard hashes.match(bytes, digester: digester) else {
            throw MetadataError(.hashMismatch, role: path, "the file's hashes are not those listed")
        }
    }

    /// Refuses a file that was hashed elsewhere; a target without a SHA-256 is refused, too.
    package func check(length: Int64, sha256: [UInt8]) throws(MetadataError) {
        try check(length: length)
        guard hashes.sha256 == sha256 else {
            throw MetadataError(.hashMismatch, role: path, "the file's SHA-256 is not the one listed")
        }
    }

    /// Refuses a file that was hashed elsewhere by every kind of hash that is listed (5.7); nil for a kind that is not.
    package func check(length: Int64, sha256: [UInt8]?, sha512: [UInt8]?) throws(MetadataError) {
        try check(length: length)
        guard hashes.sha256 == nil || hashes.sha256 == sha256, hashes.sha512 == nil || hashes.sha512 == sha512 else {
            throw MetadataError(.hashMismatch, role: path, "the file's hashes are not those listed")
        }
    }

    private func check(length actual: Int64) throws(MetadataError) {
        guard actual == length else {
            throw MetadataError(.lengthMismatch, role: path, "the file has \(actual) bytes, \(length) are listed")
        }
    }

    /// Where the repository keeps the file: the path as it is, or with consistent snapshots its last part begun with a
    /// hash (§6.1). Kept byte for byte.
    package func remotePath(consistentSnapshot: Bool) -> JSONText {
        guard consistentSnapshot else { return path }
        let slash = path.bytes.lastIndex(of: UInt8(ascii: "/"))
        let split = slash.map { $0 + 1 } ?? 0
        return JSONText(utf8: path.bytes[..<split] + Array("\(hashes.namePrefix).".utf8) + path.bytes[split...])
    }

    /// `remotePath` as the tail of a URL: every part percent-encoded, the slashes as they are, nothing normalised.
    package func remoteURLPath(consistentSnapshot: Bool) -> String {
        remotePath(consistentSnapshot: consistentSnapshot).bytes
            .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { JSONText(utf8: Array($0)).quoted }.joined(separator: "/")
    }
}
