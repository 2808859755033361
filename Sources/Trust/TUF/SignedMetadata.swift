package import Codec
package import Model

/// A metadata file taken apart once: what is signed, over which bytes, by whom. Nothing in it is believed yet.
package struct SignedMetadata: Sendable {
    /// A signature; `bytes` is empty when the text is no hexadecimal, and then it is never valid.
    package struct Signature: Sendable, Equatable {
        package let keyID: JSONText
        package let bytes: [UInt8]
    }

    /// The role as which it is read.
    package let role: RoleName
    /// The `signed` object with its unknown fields.
    package let signed: JSONObject
    /// What signatures are over.
    package let canonicalForm: [UInt8]
    /// One per key.
    package let signatures: [Signature]
    package let version: Int64
    package let expires: UnixTime

    /// Parses the file and checks what holds for every role: strict JSON, size, `_type`, specification, version, the one
    /// form of `expires`, and one signature per key.
    package init(_ bytes: [UInt8], role: RoleName, maximumLength: Int) throws(MetadataError) {
        guard bytes.count <= maximumLength else {
            throw MetadataError(.metadataTooLarge, role: role, "\(bytes.count) bytes, at most \(maximumLength)")
        }
        let document: JSONDocument
        do {
            document = try JSONParser.document(
                bytes, limits: JSONLimits(bytes: maximumLength), leaving: MetadataName.custom)
        } catch {
            throw MetadataError(.malformedMetadata, role: role, error.description)
        }
        let file = try MetadataFields(document.value, "the file", role: role)
        let fields = try file.fields(MetadataName.signed)
        let type = try fields.text(MetadataName.type)
        let expected: RoleName = role.isTopLevel ? role : .targets
        guard type == expected else {
            throw MetadataError(.wrongType, role: role, "_type is \(type), not \(expected)")
        }
        let specification = try fields.text(MetadataName.specVersion)
        guard Self.isSupported(specification) else {
            throw MetadataError(.unsupportedSpecification, role: role, "spec_version \(specification)")
        }
        self.role = role
        signed = fields.object
        version = try fields.version()
        do {
            expires = try UnixTime(strictISO8601: try fields.text(MetadataName.expires).string)
        } catch let error as MetadataError {
            throw error
        } catch {
            throw MetadataError(.malformedMetadata, role: role, "expires: \(error)")
        }
        signatures = try Self.signatures(file)
        canonicalForm = document.canonicalForm(ofMember: MetadataName.signed) ?? []
    }

    /// The number of keys of the role whose signature is valid, up to the threshold.
    ///
    /// A key counts once, however often its public key is listed under other ids. Signatures by others, by unknown keys
    /// and invalid ones are passed over.
    package func verify(
        by keys: [JSONText: MetadataKey], _ role: RoleKeys, delegator: RoleName, verifier: any SignatureVerifier
    ) throws(MetadataError) {
        var counted: Set<[UInt8]> = []
        for signature in signatures where role.keyIDs.contains(signature.keyID) {
            guard let key = keys[signature.keyID], let scheme = key.scheme, !counted.contains(key.publicKey),
                scheme.allows(signatureLength: signature.bytes.count),
                verifier.verify(
                    scheme, publicKey: key.publicKey, message: canonicalForm, signature: signature.bytes)
            else { continue }
            counted.insert(key.publicKey)
            if counted.count == role.threshold { return }
        }
        throw MetadataError(
            .thresholdNotMet, role: self.role,
            "\(counted.count) of \(role.threshold) valid signatures by the keys that \(delegator) names")
    }

    /// `1.x` or `1.x.y`.
    private static func isSupported(_ text: JSONText) -> Bool {
        let parts = text.bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3, parts[0] == [UInt8(ascii: "1")] else { return false }
        return parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(ASCII.isDigit) }
    }

    private static func signatures(_ file: MetadataFields) throws(MetadataError) -> [Signature] {
        var signatures: [Signature] = []
        var seen: Set<JSONText> = []
        for element in try file.array(MetadataName.signatures) {
            let fields = try MetadataFields(element, "a signature", role: file.role)
            let keyID = try fields.text(MetadataName.keyID)
            guard seen.insert(keyID).inserted else {
                throw MetadataError(.duplicateSignature, role: file.role, "two signatures by key \(keyID)")
            }
            let text = try fields.text(MetadataName.sig)
            signatures.append(Signature(keyID: keyID, bytes: ASCII.bytes(hex: text.string) ?? []))
        }
        return signatures
    }
}
