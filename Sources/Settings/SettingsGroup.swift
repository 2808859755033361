package import Codec
internal import Model
internal import System

/// The declarations of all settings of an object, and the rules between them.
package struct SettingsGroup<Options: Sendable>: Sendable {
    /// What settings must have to do with each other.
    package struct Rule: Sendable {
        /// The same as a JSON Schema.
        let schema: JSONValue
        /// Which setting breaks it and why; nil where none does.
        let refusal: @Sendable (Options) -> (setting: String?, why: String)?

        package init(
            _ schema: JSONValue, _ refusal: @escaping @Sendable (Options) -> (setting: String?, why: String)?
        ) {
            self.schema = schema
            self.refusal = refusal
        }
    }

    private let settings: [Setting<Options>]
    private let rules: [Rule]
    /// What to write in place of settings that there were once.
    private let gone: [String: String]

    package init(_ settings: [Setting<Options>], rules: [Rule] = [], gone: [String: String] = [:]) {
        self.settings = settings
        self.rules = rules
        self.gone = gone
    }

    /// What is said of the settings; the values are those of the options.
    package func describe(_ options: Options) -> SettingsDescription {
        SettingsDescription(settings: settings.map { $0.describe(options) }, rules: rules.map(\.schema))
    }

    /// Takes over what an object says; false where it noted a problem. What is not there, or null,
    /// stays as it is.
    func read(_ node: JSONNode, _ path: String, _ options: inout Options, _ reading: inout SettingsReading) -> Bool {
        guard case .object(let members) = node.content else {
            reading.refuse(
                node, path, .wrongType, "must be an object in braces, not \(reading.shown(node))")
            return false
        }
        let known = reading.problems.count
        var seen: Set<JSONText> = []
        for member in members {
            let name = Event.singleLine(member.name.string, limit: 64)
            let path = path.isEmpty ? name : "\(path).\(name)"
            guard let setting = settings.first(where: { $0.name == member.name.string }) else {
                reading.refuse(at: member.offset, path, .unknownName, unknown(member.name.string))
                continue
            }
            guard seen.insert(member.name).inserted else {
                reading.refuse(at: member.offset, path, .duplicate, "this object has the same name twice; remove one")
                continue
            }
            guard !member.node.isNull else { continue }
            reading.found(path, at: member.node.offset)
            setting.read(member.node, path, &options, &reading)
        }
        // A rule between settings says nothing while one of them cannot be read.
        guard reading.problems.count == known else { return false }
        for rule in rules {
            guard let refusal = rule.refusal(options) else { continue }
            let member = members.first { $0.name.string == refusal.setting }
            let full = [path, refusal.setting ?? ""].filter { !$0.isEmpty }.joined(separator: ".")
            reading.refuse(at: member?.node.offset ?? node.offset, full, .conflict, refusal.why)
        }
        return reading.problems.count == known
    }

    /// What to write in place of a name that is no setting.
    private func unknown(_ name: String) -> String {
        if let instead = gone[name] { return "is gone: \(instead)" }
        let names = settings.map(\.name)
        if let near = Suggestion.nearest(to: name, among: names) {
            return "there is no such setting; did you mean \(near)?"
        }
        return "there is no such setting; there are \(names.joined(separator: ", "))"
    }
}
