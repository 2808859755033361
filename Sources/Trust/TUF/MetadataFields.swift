import Codec
import Model

/// Reads the fields of one role's metadata; whatever is missing or of the wrong kind is `malformedMetadata` with its name.
struct MetadataFields {
    let object: JSONObject
    /// The role that is read, for errors.
    let role: JSONText

    init(_ object: JSONObject, role: JSONText) {
        self.object = object.read
        self.role = role
    }

    init(_ value: JSONValue?, _ what: String, role: JSONText) throws(MetadataError) {
        guard let object = value?.asObject else {
            throw MetadataError(.malformedMetadata, role: role, "\(what) must be an object")
        }
        self.init(object, role: role)
    }

    func malformed(_ name: JSONText, _ must: String) -> MetadataError {
        MetadataError(.malformedMetadata, role: role, "\(name.string) must be \(must)")
    }

    func text(_ name: JSONText) throws(MetadataError) -> JSONText {
        guard let text = object[name]?.asText else { throw malformed(name, "a string") }
        return text
    }

    func array(_ name: JSONText) throws(MetadataError) -> [JSONValue] {
        guard let array = object[name]?.asArray else { throw malformed(name, "an array") }
        return array
    }

    func object(_ name: JSONText) throws(MetadataError) -> JSONObject {
        guard let object = object[name]?.asObject else { throw malformed(name, "an object") }
        return object
    }

    func fields(_ name: JSONText) throws(MetadataError) -> MetadataFields {
        MetadataFields(try object(name), role: role)
    }

    /// An integer within the range.
    func integer(_ name: JSONText, _ range: ClosedRange<Int64>) throws(MetadataError) -> Int64 {
        guard let integer = object[name]?.asInteger, range.contains(integer) else {
            throw malformed(name, "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    /// An integer within the range, or nil when the field is absent.
    func optionalInteger(_ name: JSONText, _ range: ClosedRange<Int64>) throws(MetadataError) -> Int64? {
        object[name] == nil ? nil : try integer(name, range)
    }

    func bool(_ name: JSONText) throws(MetadataError) -> Bool {
        guard let bool = object[name]?.asBool else { throw malformed(name, "true or false") }
        return bool
    }

    /// A version of metadata: 1 to 2^53.
    func version(_ name: JSONText = MetadataName.version) throws(MetadataError) -> Int64 {
        try integer(name, 1...JSONValue.greatestInteger)
    }

    /// Every element as a string, none twice when `unique`.
    func texts(_ name: JSONText) throws(MetadataError) -> [JSONText] {
        var texts: [JSONText] = []
        for element in try array(name) {
            guard let text = element.asText else { throw malformed(name, "an array of strings") }
            texts.append(text)
        }
        return texts
    }
}

/// The member names of TUF metadata.
enum MetadataName {
    static let signatures: JSONText = "signatures"
    static let signed: JSONText = "signed"
    static let keyID: JSONText = "keyid"
    static let sig: JSONText = "sig"
    static let type: JSONText = "_type"
    static let specVersion: JSONText = "spec_version"
    static let version: JSONText = "version"
    static let expires: JSONText = "expires"
    static let keys: JSONText = "keys"
    static let roles: JSONText = "roles"
    static let keyIDs: JSONText = "keyids"
    static let threshold: JSONText = "threshold"
    static let consistentSnapshot: JSONText = "consistent_snapshot"
    static let keyType: JSONText = "keytype"
    static let scheme: JSONText = "scheme"
    static let keyValue: JSONText = "keyval"
    static let publicKey: JSONText = "public"
    /// Axle's own: who holds a key.
    static let keyHolder: JSONText = "x-axle-name"
    static let meta: JSONText = "meta"
    static let length: JSONText = "length"
    static let hashes: JSONText = "hashes"
    static let sha256: JSONText = "sha256"
    static let sha512: JSONText = "sha512"
    static let targets: JSONText = "targets"
    static let custom: JSONText = "custom"
    static let delegations: JSONText = "delegations"
    static let name: JSONText = "name"
    static let paths: JSONText = "paths"
    static let pathHashPrefixes: JSONText = "path_hash_prefixes"
    static let terminating: JSONText = "terminating"
    static let succinctRoles: JSONText = "succinct_roles"
    static let bitLength: JSONText = "bit_length"
    static let namePrefix: JSONText = "name_prefix"
    static let snapshotFile: JSONText = "snapshot.json"
}
