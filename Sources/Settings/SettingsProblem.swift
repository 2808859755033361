/// One mistake in a file of settings: where it is, which setting, and what is allowed there.
package struct SettingsProblem: Error, Equatable, Sendable {
    /// The kind of mistake, as a stable code.
    package enum Code: String, Sendable, CaseIterable {
        /// The file cannot be read.
        case unreadable
        /// The text is no JSON5; what follows was not looked at.
        case syntax
        /// A name that is no setting.
        case unknownName
        /// A setting that is there twice.
        case duplicate
        /// A value of another type.
        case wrongType
        /// A number or a count of entries beyond the limits.
        case outOfRange
        /// A text that is not allowed.
        case notAllowed
        /// Settings that do not go together.
        case conflict
        /// What the setting names on the machine cannot be used.
        case unusable
    }

    package let code: Code
    /// The full path, such as `downloads.allow[1]`; empty for the whole file.
    package let setting: String
    /// From 1 on; nil where the mistake has no place in the text.
    package let line: Int?
    package let column: Int?
    /// What is wrong and what is allowed.
    package let message: String

    package init(_ code: Code, _ setting: String, line: Int? = nil, column: Int? = nil, _ message: String) {
        self.code = code
        self.setting = setting
        self.line = line
        self.column = column
        self.message = message
    }
}

extension SettingsProblem: CustomStringConvertible {
    /// `line 3, column 15: downloads.minimumRate: must be …`
    package var description: String {
        let place = line.map { "line \($0), column \(column ?? 1): " } ?? ""
        return place + (setting.isEmpty ? "" : "\(setting): ") + message
    }
}

extension SettingsProblem: Encodable {
    private enum CodingKeys: String, CodingKey { case code, setting, line, column, message }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(code.rawValue, forKey: .code)
        try values.encode(setting, forKey: .setting)
        try values.encodeIfPresent(line, forKey: .line)
        try values.encodeIfPresent(column, forKey: .column)
        try values.encode(message, forKey: .message)
    }
}
