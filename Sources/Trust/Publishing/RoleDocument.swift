import Codec
import Model

/// A role's metadata in the making: what is signed, and the signatures so far.
struct RoleDocument: Sendable {
    let role: RoleName
    let version: Int64
    private let signed: JSONObject
    let canonicalForm: [UInt8]
    private var signatures: [(keyID: JSONText, bytes: [UInt8])] = []

    /// A document without signatures; `members` are the role's own.
    init(_ role: RoleName, version: Int64, expires: UnixTime, members: [JSONObject.Member]) {
        let type: RoleName = role.isTopLevel ? role : .targets
        let common = [
            JSONObject.Member(MetadataName.type, .string(type)),
            JSONObject.Member(MetadataName.expires, .string(JSONText(expires.description))),
            JSONObject.Member(MetadataName.specVersion, "1.0.34"),
            JSONObject.Member(MetadataName.version, .integer(version)),
        ]
        self.role = role
        self.version = version
        // Names are this code's own, each once.
        signed = JSONObject((common + members).sorted { $0.name < $1.name }) ?? JSONObject()
        canonicalForm = JSONValue.object(signed).canonicalForm
    }

    /// A document that was written with the signatures it had.
    init(_ file: SignedMetadata) {
        role = file.role
        version = file.version
        signed = file.signed
        canonicalForm = file.canonicalForm
        signatures = file.signatures.map { ($0.keyID, $0.bytes) }
    }

    /// Signs with those of the signers whose keys are asked for and have not signed yet.
    ///
    /// A key is known by its public half: other tools, and names that people gave, make other ids of it. A signer whose signature is
    /// not valid is refused.
    mutating func sign(
        with signers: [any MetadataSigner], for keys: [MetadataKey], _ verifier: any SignatureVerifier
    ) throws(PublishingError) {
        for signer in signers {
            for key in keys where key.publicKey == signer.key.publicKey && key.scheme == signer.key.scheme {
                guard signed(by: [key], verifier).isEmpty else { continue }
                let signature: [UInt8]
                do {
                    signature = try signer.sign(canonicalForm)
                } catch {
                    throw .signing(role: role.string, "\(error)")
                }
                guard isValid(signature, by: key, verifier) else {
                    throw .signing(role: role.string, "the signature does not fit to the key")
                }
                signatures.removeAll { $0.keyID == key.id }
                signatures.append((key.id, signature))
            }
        }
    }

    /// Takes over the valid signatures of another copy of this document by these keys; how many were new.
    mutating func merge(
        _ other: SignedMetadata, for keys: [MetadataKey], _ verifier: any SignatureVerifier
    ) -> Int {
        var added = 0
        for signature in other.signatures where !signatures.contains(where: { $0.keyID == signature.keyID }) {
            guard let key = keys.first(where: { $0.id == signature.keyID }),
                isValid(signature.bytes, by: key, verifier)
            else { continue }
            signatures.append((signature.keyID, signature.bytes))
            added += 1
        }
        return added
    }

    /// Those of the keys that have signed, the signature being valid.
    func signed(by keys: [MetadataKey], _ verifier: any SignatureVerifier) -> [MetadataKey] {
        keys.filter { key in
            signatures.contains { $0.keyID == key.id && isValid($0.bytes, by: key, verifier) }
        }
    }

    private func isValid(_ signature: [UInt8], by key: MetadataKey, _ verifier: any SignatureVerifier) -> Bool {
        guard let scheme = key.scheme, scheme.allows(signatureLength: signature.count) else { return false }
        return verifier.verify(
            scheme, publicKey: key.publicKey, message: canonicalForm, signature: signature)
    }

    /// Refuses a document that has not enough signatures by these keys.
    func check(_ signers: RoleSigners, _ verifier: any SignatureVerifier) throws(PublishingError) {
        let present = signed(by: signers.keys, verifier).count
        guard present >= signers.threshold else {
            throw .missingSignatures(role: role.string, present: present, threshold: signers.threshold)
        }
    }

    /// The file, with the signatures so far.
    var bytes: [UInt8] {
        let listed: [JSONValue] = signatures.map { signature in
            .object(
                JSONObject([
                    JSONObject.Member(MetadataName.keyID, .string(signature.keyID)),
                    JSONObject.Member(MetadataName.sig, .string(JSONText(ASCII.hex(signature.bytes)))),
                ]) ?? JSONObject())
        }
        let file = JSONObject([
            JSONObject.Member(MetadataName.signatures, .array(listed)),
            JSONObject.Member(MetadataName.signed, .object(signed)),
        ])
        return JSONValue.object(file ?? JSONObject()).text()
    }
}
