/// Why the settings of a machine's owner cannot be used: one sentence that names the file, the place in it and what is expected there.
package struct SettingsError: Error, Equatable, CustomStringConvertible, Sendable {
    package let description: String
    /// The full path of the setting; empty for the whole file.
    package let setting: String
    /// What is wrong, without file and setting.
    package let message: String

    /// What a setting names on the machine cannot be used.
    package init(_ setting: String, _ message: String) {
        self.setting = setting
        self.message = message
        description = setting.isEmpty ? message : "\(setting): \(message)"
    }

    /// The first of a file's problems, and how many there are besides.
    init(file: String, _ problems: [SettingsProblem]) {
        let first = problems.first
        let more = problems.count - 1
        let rest = more > 0 ? "; \(more) more \(more == 1 ? "problem is" : "problems are") shown by check-config" : ""
        setting = first?.setting ?? ""
        message = (first?.message ?? "") + rest
        description = "\(file): \(first?.description ?? "")\(rest)"
    }
}
