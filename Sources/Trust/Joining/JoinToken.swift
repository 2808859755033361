package import Model

/// What lets a machine join once: `axle1.ID.SECRET.CAPIN`, each part base64url without padding of 16, 32 and 32 bytes.
///
/// Whoever reads the text can join in its place, so it is never logged: `description` shows the id only.
package struct JoinToken: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// Names the token at the hub.
    package let id: TokenID
    /// 32 random bytes; never sent, see `JoinProof`.
    package let secret: [UInt8]
    /// SHA-256 of the root CA's SubjectPublicKeyInfo: the first contact accepts no other root.
    package let pin: SHA256Digest

    /// A token; refuses a secret that has not 32 bytes.
    package init(id: TokenID, secret: [UInt8], pin: SHA256Digest) throws(RecordError) {
        guard secret.count == 32 else { throw .malformed("token: a secret that has not 32 bytes") }
        self.id = id
        self.secret = secret
        self.pin = pin
    }

    /// Reads the text form; white space around it is left out, since it comes from a file or a terminal.
    ///
    /// No error shows any of the text.
    package init(_ text: String) throws(RecordError) {
        let trimmed = text.utf8.prefix(1024).drop(while: Self.isSpace)
        let end = trimmed.lastIndex { !Self.isSpace($0) }
        let parts = trimmed[..<(end.map { trimmed.index(after: $0) } ?? trimmed.startIndex)]
            .split(separator: 0x2E, maxSplits: 4, omittingEmptySubsequences: false)
        guard let version = parts.first, version.elementsEqual("axle1".utf8) else {
            throw .malformed("token: it must begin with axle1.")
        }
        guard parts.count == 4, let id = Base64URL.decode(Substring(parts[1])),
            let secret = Base64URL.decode(Substring(parts[2])), let pin = Base64URL.decode(Substring(parts[3])),
            secret.count == 32
        else { throw .malformed("token: it must be axle1.ID.SECRET.CAPIN, complete and unchanged") }
        do {
            try self.init(id: try TokenID(bytes: id), secret: secret, pin: try SHA256Digest(bytes: pin))
        } catch {
            throw .malformed("token: its id and pin must have 16 and 32 bytes")
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// The text form, which is the secret: for the file or terminal of whoever asked for the token, nowhere else.
    package var text: String {
        "axle1.\(Base64URL.encode(id.bytes)).\(Base64URL.encode(secret)).\(Base64URL.encode(pin.bytes))"
    }

    package var description: String { "token \(id)" }
    package var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
