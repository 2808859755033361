import Codec
import Model

/// The hashes by which metadata names a file. At least one is of a known kind; unknown kinds are passed over.
///
/// They are kept as the lowercase hexadecimal text that metadata has, which is a piece of the file: a catalog has tens of thousands.
package struct FileHashes: Sendable, Equatable {
    /// 64 digits, if listed.
    private let sha256Text: JSONText?
    /// 128 digits, if listed.
    private let sha512Text: JSONText?

    /// 32 bytes, if listed.
    package var sha256: [UInt8]? { sha256Text.map(Self.bytes) }
    /// 64 bytes, if listed.
    package var sha512: [UInt8]? { sha512Text.map(Self.bytes) }

    /// A file named by SHA-256.
    package init(sha256: [UInt8]) {
        sha256Text = Self.text(sha256)
        sha512Text = nil
    }

    /// A file named by either or both; nil when it is by none.
    package init?(sha256: [UInt8]?, sha512: [UInt8]?) {
        guard sha256 != nil || sha512 != nil else { return nil }
        sha256Text = sha256.map(Self.text)
        sha512Text = sha512.map(Self.text)
    }

    init(_ value: JSONValue, _ what: JSONText, role: RoleName) throws(MetadataError) {
        let fields = try MetadataFields(value, "hashes", role: role)
        sha256Text = try Self.read(fields, MetadataName.sha256, count: 64)
        sha512Text = try Self.read(fields, MetadataName.sha512, count: 128)
        guard sha256Text != nil || sha512Text != nil else {
            throw MetadataError(.unknownHash, role: role, "\(what) has no hash of a known kind")
        }
    }

    private static func read(_ fields: MetadataFields, _ name: JSONText, count: Int) throws(MetadataError) -> JSONText?
    {
        guard let value = fields.object[name] else { return nil }
        guard let text = value.asText, text.count == count, isHexadecimal(text) else {
            throw fields.malformed(name, "\(count) lowercase hexadecimal digits")
        }
        return text
    }

    private static func isHexadecimal(_ text: JSONText) -> Bool {
        text.withBytes { digits in
            var wrong: UInt8 = 0
            for place in digits.indices {
                let digit = digits[place]
                // No way out of the loop, so that many digits are looked at in one step.
                wrong |= (digit &- 0x30 < 10 ? 0 : 1) & (digit &- 0x61 < 6 ? 0 : 1)
            }
            return wrong == 0
        }
    }

    private static func text(_ bytes: [UInt8]) -> JSONText { JSONText(ASCII.hex(bytes)) }

    /// The bytes of text that was checked.
    private static func bytes(_ text: JSONText) -> [UInt8] { ASCII.bytes(hex: text.string) ?? [] }

    /// The hexadecimal hash that begins a target's file name in a repository with consistent snapshots.
    package var namePrefix: String { (sha256Text ?? sha512Text)?.string ?? "" }

    /// Whether all listed known hashes are the file's; `known` is the file's SHA-256 where it has been computed already.
    func match(_ bytes: [UInt8], sha256 known: [UInt8]? = nil, digester: any Digester) -> Bool {
        if let sha256, sha256 != (known ?? digester.sha256(bytes)) { return false }
        if let sha512, sha512 != digester.sha512(bytes) { return false }
        return true
    }
}
