internal import Codec
internal import System

/// The declaration of one setting of `Options`: what readers, messages, documents, schemas and
/// examples have in common.
///
/// Options are read by their declarations and by nothing else, so there is no setting that is read
/// and not declared.
package struct Setting<Options: Sendable>: Sendable {
    /// Where the options keep a value.
    package typealias Member<Value> = any WritableKeyPath<Options, Value> & Sendable

    package let name: String
    /// What is said of the setting; its value is the one of the options.
    let describe: @Sendable (Options) -> SettingDescription
    /// Takes over a value, or notes why it cannot.
    let read: @Sendable (JSONNode, String, inout Options, inout SettingsReading) -> Void

    /// A setting with a value of its own: `decode` gives nil where it noted a problem.
    private init<Value>(
        _ name: String, _ form: SettingForm, _ purpose: String, absent: String? = nil, example: JSONValue,
        isAlternative: Bool = false, get: @escaping @Sendable (Options) -> JSONValue?,
        set: @escaping @Sendable (inout Options, Value) -> Void,
        decode: @escaping @Sendable (JSONNode, String, inout SettingsReading) -> Value?
    ) {
        self.name = name
        describe = { options in
            SettingDescription(
                name: name, form: form, purpose: purpose, value: get(options), absent: absent, example: example,
                isAlternative: isAlternative)
        }
        read = { node, path, options, reading in
            guard let value = decode(node, path, &reading) else { return }
            set(&options, value)
        }
    }

    /// A whole number of a unit.
    package static func number<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ member: Member<Number>, _ limits: ClosedRange<Int64>,
        _ unit: String, _ purpose: String, example: Int64
    ) -> Self {
        let form = SettingForm.number(limits, unit: unit)
        return Self(
            name, form, purpose, example: .integer(example),
            get: { .integer(Int64(clamping: $0[keyPath: member])) },
            set: { $0[keyPath: member] = Number(clamping: $1 as Int64) }
        ) { node, path, reading in
            reading.number(node, path, limits, form)
        }
    }

    /// A time in whole seconds.
    package static func seconds(
        _ name: String, _ member: Member<Duration>, _ limits: ClosedRange<Int64>,
        _ purpose: String, example: Int64
    ) -> Self {
        let form = SettingForm.number(limits, unit: "seconds")
        return Self(
            name, form, purpose, example: .integer(example),
            get: { .integer($0[keyPath: member].components.seconds) },
            set: { $0[keyPath: member] = .seconds($1 as Int64) }
        ) { node, path, reading in
            reading.number(node, path, limits, form)
        }
    }

    /// True or false.
    package static func flag(
        _ name: String, _ member: Member<Bool>, _ purpose: String, example: Bool
    ) -> Self {
        Self(
            name, .flag, purpose, example: .bool(example), get: { .bool($0[keyPath: member]) },
            set: { $0[keyPath: member] = $1 }
        ) { node, path, reading -> Bool? in
            if case .scalar(.bool(let value)) = node.content { return value }
            reading.refuseType(node, path, .flag)
            return nil
        }
    }

    /// One of a few words, each of which stands for a value.
    package static func choice<Value: Sendable & Equatable>(
        _ name: String, _ member: Member<Value>, _ words: [(String, Value)],
        _ purpose: String, example: String
    ) -> Self {
        let form = SettingForm.choice(words.map(\.0))
        return Self(
            name, form, purpose, example: .string(JSONText(example)),
            get: { options in
                words.first { $0.1 == options[keyPath: member] }.map { .string(JSONText($0.0)) }
            }, set: { $0[keyPath: member] = $1 }
        ) { node, path, reading -> Value? in
            guard case .scalar(.string(let text)) = node.content else {
                reading.refuseType(node, path, form)
                return nil
            }
            if let found = words.first(where: { $0.0 == text.string }) { return found.1 }
            let near = Suggestion.nearest(to: text.string, among: words.map(\.0)).map { "; did you mean \($0)?" } ?? ""
            reading.refuse(node, path, .notAllowed, "must be \(form.allowed), not \(reading.shown(node))\(near)")
            return nil
        }
    }

    /// A text; `absent` says what holds without it.
    package static func text(
        _ name: String, _ member: Member<String?>, _ rule: SettingForm.TextRule,
        _ purpose: String, absent: String?, example: String, isAlternative: Bool = false
    ) -> Self {
        Self(
            name, .text(rule), purpose, absent: absent, example: .string(JSONText(example)),
            isAlternative: isAlternative, get: { $0[keyPath: member].map { .string(JSONText($0)) } },
            set: { $0[keyPath: member] = $1 }
        ) { node, path, reading in
            reading.text(node, path, rule, .text(rule))
        }
    }

    /// Texts, so many.
    package static func list(
        _ name: String, _ member: Member<[String]>, _ rule: SettingForm.TextRule,
        _ count: ClosedRange<Int>, _ purpose: String, example: [String]
    ) -> Self {
        Self(
            name, .list(rule, count), purpose, example: .array(example.map { .string(JSONText($0)) }),
            get: { .array($0[keyPath: member].map { .string(JSONText($0)) }) }, set: { $0[keyPath: member] = $1 }
        ) { node, path, reading in
            reading.list(node, path, rule, count)
        }
    }

    /// Settings within the setting. The default of each is the one of the options that hold it.
    package static func object<Inner: Sendable>(
        _ name: String, _ member: Member<Inner>, _ group: SettingsGroup<Inner>,
        _ purpose: String
    ) -> Self {
        Self(
            name: name,
            describe: { options in
                SettingDescription(
                    name: name, form: .object(group.describe(options[keyPath: member])), purpose: purpose, value: nil,
                    absent: nil, example: .object(JSONObject()), isAlternative: false)
            },
            read: { node, path, options, reading in
                var inner = options[keyPath: member]
                // A file with a problem is refused as a whole, so nothing is lost here.
                if group.read(node, path, &inner, &reading) { options[keyPath: member] = inner }
            })
    }

    private init(
        name: String, describe: @escaping @Sendable (Options) -> SettingDescription,
        read: @escaping @Sendable (JSONNode, String, inout Options, inout SettingsReading) -> Void
    ) {
        self.name = name
        self.describe = describe
        self.read = read
    }
}
