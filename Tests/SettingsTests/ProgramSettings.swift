import Agent
import Codec
import Hub
import Settings
import Spoke
import Testing

/// The settings of one program, without its type.
struct ProgramSettings: Sendable, CustomTestStringConvertible {
    let program: String
    let file: String
    let described: SettingsDescription
    let schema: String
    let example: String
    /// What is wrong with a text.
    let problems: @Sendable (String) -> [SettingsProblem]
    /// What is said of the settings after a text is read.
    let read: @Sendable (String) -> SettingsDescription

    var testDescription: String { program }
    /// `hub` of `hub.json5`.
    var name: String { String(file.dropLast(".json5".count)) }

    static let all = [
        ProgramSettings(HubOptions.self), ProgramSettings(SpokeOptions.self), ProgramSettings(AgentConfiguration.self),
    ]

    private init<Options: SettingsOptions>(_ type: Options.Type) {
        program = Options.program
        file = Options.fileName
        described = Options.described
        schema = SettingsSchema.text(type)
        example = SettingsExample.text(type)
        problems = { SettingsFile.content(type, of: Array($0.utf8)).problems }
        read = { Options.settings.describe(SettingsFile.content(type, of: Array($0.utf8)).options) }
    }

    /// One setting of one program.
    struct One: Sendable, CustomTestStringConvertible {
        let settings: ProgramSettings
        let path: String
        let setting: SettingDescription

        var testDescription: String { "\(settings.program) \(path)" }

        /// A file in which the setting alone is written, with a text as its value; each level on a
        /// line of its own.
        func file(_ value: String, besides: String = "") -> String {
            let names = path.split(separator: ".")
            var text = "{\n"
            for (index, name) in names.enumerated() {
                text += String(repeating: "  ", count: index + 1) + name + ": "
                text += index + 1 < names.count ? "{\n" : value + besides
            }
            return text + String(repeating: "}", count: names.count)
        }

        var line: Int { path.split(separator: ".").count + 1 }
        /// Where the name begins, and where the value does.
        var nameColumn: Int { 2 * (line - 1) + 1 }
        var column: Int { nameColumn + setting.name.count + 2 }

        /// Texts of values that are wrong, with the code of each; `[0]` where an entry is wrong.
        var wrong: [(value: String, code: SettingsProblem.Code, isEntry: Bool)] {
            let text = #""-x y@\u0000""#
            switch setting.form {
            case .number(let limits, _):
                return [
                    ("\(limits.lowerBound - 1)", .outOfRange, false), ("\(limits.upperBound + 1)", .outOfRange, false),
                    ("99999999999999999999", .outOfRange, false), ("\"10 parsecs\"", .wrongType, false),
                    ("10parsecs", .wrongType, false), ("1.5", .wrongType, false), ("true", .wrongType, false),
                    ("[]", .wrongType, false), ("{}", .wrongType, false),
                ]
            case .flag: return ["1", "\"true\"", "yes", "[]", "{}"].map { ($0, .wrongType, false) }
            case .choice:
                return [("\"perhaps\"", .notAllowed, false)]
                    + ["1", "true", "no", "[]", "{}"].map { ($0, .wrongType, false) }
            case .text:
                return [(text, .notAllowed, false)] + ["1", "true", "bare", "[]", "{}"].map { ($0, .wrongType, false) }
            case .list(_, let count):
                let entry = SettingsExample.text(setting.example.asArray?.first ?? .null)
                let many = "[" + String(repeating: entry + ", ", count: count.upperBound + 1) + "]"
                return [(many, .outOfRange, false), ("[\(text)]", .notAllowed, true), ("[7]", .wrongType, true)]
                    + (count.lowerBound > 0 ? [("[]", .outOfRange, false)] : [])
                    + ["1", "\"x\"", "{}"].map { ($0, .wrongType, false) }
            case .object: return ["1", "\"x\"", "[]", "bare"].map { ($0, .wrongType, false) }
            }
        }
    }

    var each: [One] { described.flat.map { One(settings: self, path: $0.path, setting: $0.setting) } }
}
