package import Codec
import Model

/// A public key as metadata names it.
///
/// The key id is the hexadecimal SHA-256 of the canonical form of the whole key object, unknown fields included; a key
/// whose id differs never counts. A key of an unknown kind is kept, since newer repositories may list one beside those
/// that we know, but it never counts.
package struct MetadataKey: Sendable, Equatable {
    /// The key's id: 64 hexadecimal digits.
    package let id: JSONText
    /// How it signs; nil when the kind is unknown or the public key cannot be read.
    package let scheme: SignatureScheme?
    /// In the form that the scheme names; empty without a scheme.
    package let publicKey: [UInt8]
    /// The object as it was written.
    package let object: JSONObject

    /// An Ed25519 key of 32 raw bytes.
    package static func ed25519(_ publicKey: [UInt8], digester: some Digester) -> MetadataKey {
        make("ed25519", .ed25519, .string(JSONText(ASCII.hex(publicKey))), publicKey, digester)
    }

    /// An ECDSA P-256 key, by its PEM text and the DER inside.
    package static func ecdsaP256(pem: String, digester: some Digester) -> MetadataKey? {
        PEM.publicKey(Array(pem.utf8)).map { make("ecdsa", .ecdsaP256, .string(JSONText(pem)), $0, digester) }
    }

    /// An RSA key, by its PEM text.
    package static func rsa(pem: String, digester: some Digester) -> MetadataKey? {
        PEM.publicKey(Array(pem.utf8)).map { make("rsa", .rsaPSS, .string(JSONText(pem)), $0, digester) }
    }

    /// The name that its publisher gave the key, so that people know whose signature is missing; nothing is decided by it.
    package var name: String? { object[MetadataName.keyHolder]?.asText?.string }

    /// The same key under a name; the id covers the name, as it covers every field.
    package func named(_ name: String, digester: some Digester) -> MetadataKey {
        var object = object
        object.set(MetadataName.keyHolder, .string(JSONText(name)))
        return MetadataKey(id: Self.id(of: object, digester), scheme: scheme, publicKey: publicKey, object: object)
    }

    private static func make(
        _ type: JSONText, _ scheme: SignatureScheme, _ text: JSONValue, _ publicKey: [UInt8], _ digester: some Digester
    ) -> MetadataKey {
        var value = JSONObject()
        value.set(MetadataName.publicKey, text)
        var object = JSONObject()
        object.set(MetadataName.keyType, .string(type))
        object.set(MetadataName.keyValue, .object(value))
        object.set(MetadataName.scheme, .string(JSONText(scheme.rawValue)))
        return MetadataKey(id: id(of: object, digester), scheme: scheme, publicKey: publicKey, object: object)
    }

    private init(id: JSONText, scheme: SignatureScheme?, publicKey: [UInt8], object: JSONObject) {
        self.id = id
        self.scheme = scheme
        self.publicKey = publicKey
        self.object = object
    }

    /// Reads a key and checks its id.
    init(id: JSONText, _ value: JSONValue, role: RoleName, digester: any Digester) throws(MetadataError) {
        let fields = try MetadataFields(value, "a key", role: role)
        let type = try fields.text(MetadataName.keyType)
        let scheme = try fields.text(MetadataName.scheme)
        let text = try fields.fields(MetadataName.keyValue).text(MetadataName.publicKey)
        guard Self.id(of: fields.object, digester) == id else {
            throw MetadataError(.keyIDMismatch, role: role, "key id \(id) is not the hash of its key")
        }
        let known = Self.publicKey(type: type.string, scheme: scheme.string, text)
        self.init(id: id, scheme: known?.0, publicKey: known?.1 ?? [], object: fields.object)
    }

    /// Reads an object of keys by their ids, without those whose id is not the hash of its key.
    ///
    /// The specification wants each id calculated "to verify this is correct for the associated key" (4.2); it does not say
    /// what becomes of the file. Such a key is passed over: it counts for no signature, so that nothing is believed that the
    /// other keys have not signed up to their threshold. To refuse the file would lock every client below it out for good,
    /// since roots are taken one after the other, for a mistake of its publisher that harms nobody else.
    static func keys(
        _ object: JSONObject, role: RoleName, digester: any Digester
    ) throws(MetadataError) -> [JSONText: MetadataKey] {
        var keys: [JSONText: MetadataKey] = [:]
        for member in object.members {
            do throws(MetadataError) {
                keys[member.name] = try MetadataKey(id: member.name, member.value, role: role, digester: digester)
            } catch {
                guard error.code == .keyIDMismatch else { throw error }
            }
        }
        return keys
    }

    private static func id(of object: JSONObject, _ digester: any Digester) -> JSONText {
        JSONText(ASCII.hex(digester.sha256(JSONValue.object(object).canonicalForm)))
    }

    private static func publicKey(type: String, scheme: String, _ text: JSONText) -> (SignatureScheme, [UInt8])? {
        switch (type, scheme) {
        case ("ed25519", "ed25519"):
            guard let key = ASCII.bytes(hex: text.string), key.count == 32 else { return nil }
            return (.ed25519, key)
        // Older repositories give the scheme's name as the type.
        case ("ecdsa", "ecdsa-sha2-nistp256"), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"):
            return PEM.publicKey(text.bytes).map { (.ecdsaP256, $0) }
        case ("rsa", "rsassa-pss-sha256"):
            return PEM.publicKey(text.bytes).map { (.rsaPSS, $0) }
        default:
            return nil
        }
    }
}
