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
        /// An integer beyond ±2^53.
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
}
