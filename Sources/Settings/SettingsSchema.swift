package import Codec

/// The JSON Schema (draft 2020-12) of a file of settings, made from its declarations.
package enum SettingsSchema {
    /// The schema as text, indented, with a line break at the end.
    package static func text<Options: SettingsOptions>(_ type: Options.Type) -> String {
        let name = Options.fileName.split(separator: ".").first ?? ""
        let head: KeyValuePairs<String, JSONValue> = [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": .string(JSONText("https://axle.invalid/formats/\(name)-settings.schema.json")),
            "title": .string(JSONText("Settings of \(Options.program): DIR/\(Options.fileName)")),
            "description": .string(
                JSONText(
                    "A setting that is absent or null is at its default. Lengths count characters here and bytes in "
                        + "\(Options.program), whose check-config has the last word.")),
        ]
        let schema = object(head.map { ($0.key, $0.value) } + members(Options.described, types: "object"))
        return String(decoding: schema.text(indented: true), as: UTF8.self) + "\n"
    }

    /// An object of these members; of members of one name the first holds.
    package static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        var object = JSONObject()
        for (name, value) in members where object[JSONText(name)] == nil { object.set(JSONText(name), value) }
        return .object(object)
    }

    /// An object as a literal.
    package static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        object(members.map { ($0.key, $0.value) })
    }

    private static func members(_ described: SettingsDescription, types: JSONValue) -> [(String, JSONValue)] {
        var members: [(String, JSONValue)] = [
            ("type", types), ("additionalProperties", false),
            ("properties", object(described.settings.map { ($0.name, schema($0)) })),
        ]
        if !described.rules.isEmpty { members.append(("allOf", .array(described.rules))) }
        return members
    }

    private static func schema(_ setting: SettingDescription) -> JSONValue {
        var members: [(String, JSONValue)] = [("description", .string(JSONText(sentence(setting))))]
        switch setting.form {
        case .number(let limits, _):
            members += [
                ("type", ["integer", "null"]), ("minimum", .integer(limits.lowerBound)),
                ("maximum", .integer(limits.upperBound)),
            ]
        case .flag: members.append(("type", ["boolean", "null"]))
        case .choice(let words): members.append(("enum", .array(words.map { .string(JSONText($0)) } + [.null])))
        case .text(let rule): members += text(rule, ["string", "null"])
        case .list(let rule, let count):
            members += [
                ("type", ["array", "null"]), ("minItems", .integer(Int64(count.lowerBound))),
                ("maxItems", .integer(Int64(count.upperBound))), ("items", object(text(rule, "string"))),
            ]
        case .object(let inner): return object(members + Self.members(inner, types: ["object", "null"]))
        }
        if let value = setting.value { members.append(("default", value)) }
        return object(members + [("examples", [setting.example])])
    }

    private static func text(_ rule: SettingForm.TextRule, _ types: JSONValue) -> [(String, JSONValue)] {
        [
            ("type", types), ("maxLength", .integer(Int64(rule.maximumLength))),
            ("pattern", .string(JSONText(rule.pattern))),
        ]
    }

    private static func sentence(_ setting: SettingDescription) -> String {
        let absent = setting.absent.map { " Default: \($0)." } ?? ""
        switch setting.form {
        case .number(_, let unit): return "\(setting.purpose), in \(unit)."
        case .flag, .choice, .text, .list, .object: return "\(setting.purpose).\(absent)"
        }
    }
}
