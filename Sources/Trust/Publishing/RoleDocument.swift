import Codec
import Model

/// A role's metadata in the making: what is signed, and the signatures so far.
struct RoleDocument: Sendable {
    let role: RoleName
    let version: Int64
    private let signed: JSONObject
    private let canonicalForm: [UInt8]
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
    mutating func sign(with signers: [any MetadataSigner], for keys: [MetadataKey]) throws(PublishingError) {
        for signer in signers {
            let id = signer.key.id
            guard keys.contains(where: { $0.id == id }), !signatures.contains(where: { $0.keyID == id }) else {
                continue
            }
            do {
                signatures.append((id, try signer.sign(canonicalForm)))
            } catch {
                throw .signing(role: role.string, "\(error)")
            }
        }
    }

    /// Refuses a document that has not enough signatures by these keys.
    func check(_ signers: RoleSigners) throws(PublishingError) {
        let present = signers.keys.count { key in signatures.contains { $0.keyID == key.id } }
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
