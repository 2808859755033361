package import Model

/// A reason or note with what a person needs to act on it.
package struct ReasonResource: Codable, Hashable, Sendable {
    package var code: String
    /// What it means on this machine.
    package var text: String
    /// What to do next; empty for a note of nothing that is waited for.
    package var next: String

    package init(_ reason: Reason) {
        code = reason.code.rawValue
        text = reason.text
        next = reason.code.next
    }

    package init(_ note: Note) {
        code = note.code.rawValue
        text = note.text
        next = note.code.next
    }
}
