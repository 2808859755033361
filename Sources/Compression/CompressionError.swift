/// What went wrong while bytes were packed or unpacked.
package struct CompressionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Who has to act: `malformed`, `tooLarge` and `truncated` are never tried again with the same bytes.
    package enum Code: String, Hashable, Sendable, CaseIterable {
        /// The library is not on this machine.
        case unavailable
        /// The bytes are not what the format says.
        case malformed
        /// The bytes end before they are complete.
        case truncated
        /// More memory, bytes or ratio than allowed.
        case tooLarge
        /// There is no memory.
        case memory
        /// The library refused what it was asked for.
        case failed
    }

    package let code: Code
    /// One sentence.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(message) [\(code.rawValue)]" }
}
