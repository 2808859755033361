/// SHA-256 (FIPS 180-4), streaming and one-shot.
///
/// A value: a copy continues on its own. Use one from one thread at a time. Never fails.
package struct SHA256 {
    /// Length of the digest in bytes.
    package static let length = 32

    private var context: MessageDigest

    package init() {
        context = MessageDigest(.sha256)
    }

    /// The digest of `bytes`.
    package static func hash(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { hash($0) }
    }

    /// The digest of `bytes`.
    package static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var digest = SHA256()
        digest.update(bytes)
        return digest.finish()
    }

    /// The digest of the bytes of `span`.
    package static func hash(_ span: RawSpan) -> [UInt8] {
        span.withUnsafeBytes { hash($0) }
    }

    /// Continues with `bytes`.
    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Continues with `bytes`.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if !isKnownUniquelyReferenced(&context) { context = context.copy() }
        context.update(bytes)
    }

    /// Continues with the bytes of `span`.
    package mutating func update(_ span: RawSpan) {
        span.withUnsafeBytes { update($0) }
    }

    /// The digest (32 bytes) of all bytes so far; starts anew afterwards.
    package mutating func finish() -> [UInt8] {
        if !isKnownUniquelyReferenced(&context) { context = context.copy() }
        let digest = context.finish()
        context.restart()
        return digest
    }
}
