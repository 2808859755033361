import Codec
import Model

/// Reads the members of one object within a target's `custom`; errors name the target and the member.
struct CustomFields {
    let object: JSONObject
    /// Where the object is, for errors.
    let place: String
    /// The target's name.
    let path: JSONText

    init(_ object: JSONObject, _ place: String, _ path: JSONText) {
        self.object = object.read
        self.place = place
        self.path = path
    }

    func refused(_ name: JSONText, _ why: String) -> MetadataError {
        MetadataError(.malformedMetadata, role: path, "\(place).\(name): \(why)")
    }

    /// Refuses members of other names.
    func allow(_ names: Set<JSONText>) throws(MetadataError) {
        for member in object.members where !names.contains(member.name) {
            throw refused(member.name, "unknown, and it may matter")
        }
    }

    /// What `read` gives for the member, or nil without one.
    func optional<Value>(
        _ name: JSONText, _ read: (JSONText) throws(MetadataError) -> Value
    ) throws(MetadataError) -> Value? {
        object[name] == nil ? nil : try read(name)
    }

    func string(_ name: JSONText) throws(MetadataError) -> String {
        guard let text = object[name]?.asText else { throw refused(name, "must be a string") }
        return text.string
    }

    /// A value with a text form.
    func text<Value: TextForm>(_ name: JSONText) throws(MetadataError) -> Value {
        let text = try string(name)
        return try checked(name) { () throws(ModelError) in try Value(text) }
    }

    func code<Code: NamedCode>(_ name: JSONText) throws(MetadataError) -> Code {
        let text = try string(name)
        guard let code = Code(name: text) else {
            throw refused(name, "\(text) is none of \(Code.allCases.map(\.name).joined(separator: ", "))")
        }
        return code
    }

    /// An integer from 0 to 2^53.
    func integer(_ name: JSONText) throws(MetadataError) -> UInt64 {
        guard let integer = object[name]?.asInteger, integer >= 0 else {
            throw refused(name, "must be an integer from 0 to 2^53")
        }
        return UInt64(integer)
    }

    /// A number of bytes; none without a member.
    func byteCount(_ name: JSONText) throws(MetadataError) -> ByteCount {
        ByteCount(try optional(name, integer) ?? 0)
    }

    func bool(_ name: JSONText) throws(MetadataError) -> Bool {
        guard let bool = object[name]?.asBool else { throw refused(name, "must be true or false") }
        return bool
    }

    func object(_ name: JSONText) throws(MetadataError) -> CustomFields {
        guard let object = object[name]?.asObject else { throw refused(name, "must be an object") }
        return CustomFields(object, "\(place).\(name)", path)
    }

    /// Objects; none without a member.
    func objects(_ name: JSONText) throws(MetadataError) -> [CustomFields] {
        var objects: [CustomFields] = []
        for value in try array(name) {
            guard let object = value.asObject else { throw refused(name, "must be an array of objects") }
            objects.append(CustomFields(object, "\(place).\(name)", path))
        }
        return objects
    }

    /// Strings; none without a member.
    func strings(_ name: JSONText) throws(MetadataError) -> [String] {
        var strings: [String] = []
        for value in try array(name) {
            guard let text = value.asText else { throw refused(name, "must be an array of strings") }
            strings.append(text.string)
        }
        return strings
    }

    /// An object of strings; empty without a member. Names that differ only in normalisation are refused.
    func dictionary(_ name: JSONText) throws(MetadataError) -> [String: String] {
        var values: [String: String] = [:]
        guard object[name] != nil else { return values }
        for member in try object(name).object.members {
            guard let text = member.value.asText else { throw refused(name, "must be an object of strings") }
            guard values.updateValue(text.string, forKey: member.name.string) == nil else {
                throw refused(name, "has a name twice")
            }
        }
        return values
    }

    /// What `body` makes, its refusal with the member's name.
    func checked<Value>(
        _ name: JSONText, _ body: () throws(ModelError) -> Value
    ) throws(MetadataError) -> Value {
        do {
            return try body()
        } catch {
            throw refused(name, error.description)
        }
    }

    private func array(_ name: JSONText) throws(MetadataError) -> [JSONValue] {
        guard let value = object[name] else { return [] }
        guard let array = value.asArray else { throw refused(name, "must be an array") }
        return array
    }
}
