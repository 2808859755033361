package import Codec

/// What documents, schemas and examples say of a setting.
package struct SettingDescription: Sendable {
    package let name: String
    package let form: SettingForm
    /// One sentence without its full stop.
    package let purpose: String
    /// The value that the options have; nil where none stands for it.
    package let value: JSONValue?
    /// What holds without the setting, where that is no value.
    package let absent: String?
    package let example: JSONValue
    /// Whether the example would conflict with the one of another setting.
    package let isAlternative: Bool

    /// The default in words.
    package var normal: String {
        if case .object = form { return "" }
        return absent ?? value.map(SettingsExample.text) ?? "none"
    }
}

/// What documents, schemas and examples say of the settings of an object.
package struct SettingsDescription: Sendable {
    package let settings: [SettingDescription]
    /// JSON Schemas of what settings must have to do with each other.
    package let rules: [JSONValue]

    /// Every setting, those within settings too, with their full paths and in order.
    package var flat: [(path: String, setting: SettingDescription)] {
        settings.flatMap { setting in
            let own = [(path: setting.name, setting: setting)]
            guard case .object(let inner) = setting.form else { return own }
            return own + inner.flat.map { (path: "\(setting.name).\($0.path)", setting: $0.setting) }
        }
    }
}
