internal import Codec
internal import Model

/// What is found while a file of settings is read: its problems, and where each setting is.
package struct SettingsReading: Sendable {
    /// Problems of one file that are kept; the rest says nothing new.
    package static let problemLimit = 64

    private let bytes: [UInt8]
    package private(set) var problems: [SettingsProblem] = []
    private var places: [String: Int] = [:]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Remembers where the value of a setting is.
    mutating func found(_ path: String, at offset: Int) { places[path] = offset }

    /// Notes a problem at a place of the text.
    mutating func refuse(at offset: Int, _ path: String, _ code: SettingsProblem.Code, _ message: String) {
        guard problems.count < Self.problemLimit else { return }
        let place = TextPlace(offset, in: bytes)
        problems.append(SettingsProblem(code, path, line: place.line, column: place.column, message))
    }

    mutating func refuse(_ node: JSONNode, _ path: String, _ code: SettingsProblem.Code, _ message: String) {
        refuse(at: node.offset, path, code, message)
    }

    /// Notes a problem of the file as a whole.
    mutating func refuse(_ code: SettingsProblem.Code, _ message: String) {
        problems.append(SettingsProblem(code, "", message))
    }

    /// Notes that what a setting names on the machine cannot be used.
    mutating func refuse(_ error: SettingsError) {
        if let offset = places[error.setting] {
            refuse(at: offset, error.setting, .unusable, error.message)
        } else {
            problems.append(SettingsProblem(.unusable, error.setting, error.message))
        }
    }

    /// Notes that a value is of another type.
    mutating func refuseType(_ node: JSONNode, _ path: String, _ form: SettingForm) {
        refuse(node, path, .wrongType, "must be \(form.allowed), not \(shown(node))\(Self.advice(node, form))")
    }

    /// How to write what was probably meant.
    private static func advice(_ node: JSONNode, _ form: SettingForm) -> String {
        switch (form, node.content) {
        case (.number, .malformed(_, .floatingPoint)): "; numbers are whole, without a point or exponent"
        case (.number, .malformed), (.number, .scalar(.string)): "; write a number alone, without quotes or a unit"
        case (.flag, .scalar(.string)): "; write it without quotes"
        case (.choice, .malformed), (.text, .malformed), (.choice, .scalar(.bool)): "; write text in quotes"
        case (.list, .scalar(.string)): "; write the entries in brackets"
        case (.number, _), (.flag, _), (.choice, _), (.text, _), (.list, _), (.object, _): ""
        }
    }

    /// A value for a message, short and on one line.
    func shown(_ node: JSONNode) -> String {
        switch node.content {
        case .scalar(.null): "null"
        case .scalar(.bool(let value)): value ? "true" : "false"
        case .scalar(.integer(let value)): "\(value)"
        case .scalar(.unsigned(let value)): "\(value)"
        case .scalar(.string(let text)): "\"\(Event.singleLine(text.string, limit: 64))\""
        case .malformed(let text, _): Event.singleLine(text, limit: 64)
        case .array, .scalar(.array): "a list"
        case .object, .scalar(.object): "an object"
        }
    }

    // MARK: Values; nil where a problem was noted

    mutating func number(
        _ node: JSONNode, _ path: String, _ limits: ClosedRange<Int64>, _ form: SettingForm
    ) -> Int64? {
        switch node.content {
        case .scalar(.integer(let number)) where limits.contains(number): return number
        case .scalar(.integer), .scalar(.unsigned), .malformed(_, .integerOutOfRange):
            refuse(node, path, .outOfRange, "must be \(form.allowed), not \(shown(node))")
            return nil
        case .scalar, .malformed, .array, .object:
            refuseType(node, path, form)
            return nil
        }
    }

    mutating func text(
        _ node: JSONNode, _ path: String, _ rule: SettingForm.TextRule, _ form: SettingForm
    ) -> String? {
        guard case .scalar(.string(let text)) = node.content else {
            if rule.isShown {
                refuseType(node, path, form)
            } else {
                refuse(node, path, .wrongType, "must be \(form.allowed), in quotes")
            }
            return nil
        }
        guard let refusal = rule.refusal(text.string) else { return text.string }
        let value = rule.isShown ? ", not \(shown(node))" : ""
        refuse(node, path, .notAllowed, "must be \(rule.allowed)\(value)" + (refusal.isEmpty ? "" : ": \(refusal)"))
        return nil
    }

    mutating func list(
        _ node: JSONNode, _ path: String, _ rule: SettingForm.TextRule, _ count: ClosedRange<Int>
    ) -> [String]? {
        let form = SettingForm.list(rule, count)
        guard case .array(let elements) = node.content else {
            refuseType(node, path, form)
            return nil
        }
        guard count.contains(elements.count) else {
            refuse(node, path, .outOfRange, "must be \(form.allowed), not of \(elements.count)")
            return nil
        }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            let path = "\(path)[\(index)]"
            found(path, at: element.offset)
            if let text = text(element, path, rule, .text(rule)) { texts.append(text) }
        }
        return texts.count == elements.count ? texts : nil
    }
}
