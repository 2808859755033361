internal import Codec

/// JSON as the program prints it: sorted members, one document.
enum ProgramJSON {
    static func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONCoder.encode(value, indented: true), as: UTF8.self)
    }
}

extension String {
    /// The text, filled up with spaces.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
