/// Why a command failed, in a sentence, and what to do next: exit status 1.
package struct OperatorError: Error, Equatable, Sendable, CustomStringConvertible {
    package let message: String
    /// The next step; empty when there is none to name.
    package let next: String

    package init(_ message: String, next: String = "") {
        self.message = message
        self.next = next
    }

    package var description: String {
        message
    }
}
