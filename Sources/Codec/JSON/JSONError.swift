/// Why JSON text was refused, and where.
package struct JSONError: Error, Equatable, Sendable {
    /// The closed set of refusals.
    package enum Code: String, Sendable, CaseIterable {
        /// More bytes than the caller allows.
        case tooLarge
        /// More values than the caller allows.
        case tooManyItems
        /// Nested deeper than the caller allows.
        case tooDeep
        /// The text ends inside a value.
        case truncated
        /// A byte that cannot stand where it stands.
        case unexpectedByte
        /// A byte order mark at the start.
        case byteOrderMark
        /// Something other than white space after the value.
        case trailingData
        /// A member name that the object has already.
        case duplicateKey
        /// A fraction or an exponent.
        case floatingPoint
        /// A number with leading zeros, minus zero or no digits.
        case malformedNumber
        /// An integer beyond ±2^53, or beyond 64 bits where those are taken.
        case integerOutOfRange
        /// A surrogate without its other half.
        case loneSurrogate
        /// An escape sequence that JSON does not have.
        case malformedEscape
        /// Bytes that are not UTF-8 (overlong forms and encoded surrogates included).
        case malformedUTF8
        /// A control character below U+0020 that is not escaped.
        case controlCharacter
    }

    package let code: Code
    /// Position in the text, in bytes.
    package let offset: Int

    package init(_ code: Code, at offset: Int) {
        self.code = code
        self.offset = offset
    }
}

extension JSONError: CustomStringConvertible {
    package var description: String { "JSON refused at byte \(offset): \(code.rawValue)" }

    /// For people who look at the text: `line 3, column 7: …`, both from 1 on, columns in characters.
    package func sentence(in bytes: [UInt8]) -> String {
        "\(TextPlace(offset, in: bytes)): \(code.sentence)"
    }
}

extension JSONError.Code {
    /// What is wrong, for people.
    package var sentence: String {
        switch self {
        case .tooLarge: "the text is too long"
        case .tooManyItems: "there are too many values"
        case .tooDeep: "arrays and objects are nested too deeply"
        case .truncated: "the text ends too soon; a bracket, quote or comment is not closed"
        case .unexpectedByte: "this cannot stand here; is a comma, a colon or a quote missing before it?"
        case .byteOrderMark: "there is a byte order mark"
        case .trailingData: "something comes after the end"
        case .duplicateKey: "this object has the same name twice"
        case .floatingPoint: "numbers must be whole, without a point or exponent"
        case .malformedNumber: "this is no number as JSON writes them"
        case .integerOutOfRange: "the number is too large"
        case .loneSurrogate: "the escape is half of a character"
        case .malformedEscape: "there is no such escape after \\"
        case .malformedUTF8: "the text is not UTF-8"
        case .controlCharacter: "a line break or control character in a string must be escaped"
        }
    }
}
