internal import FoundationEssentials

/// JSON as the program prints it: sorted members, one document.
enum ProgramJSON {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

extension String {
    /// The text, filled up with spaces.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
