/// A value from outside that Model refuses: what it was meant to be, the value (shortened, made printable) and why.
package struct ModelError: Error, Equatable, CustomStringConvertible {
    /// The noun of the refused value, for example `product name`.
    package let what: String
    /// The refused value, at most 80 printable ASCII characters; others are shown as `?`.
    package let value: String
    /// Why it was refused, as a clause that follows the value.
    package let why: String

    /// Makes an error; any text is safe to give as `value`.
    package init(_ what: String, _ value: String, _ why: String) {
        self.what = what
        self.value = Self.printable(value)
        self.why = why
    }

    package var description: String { "\(what) \"\(value)\": \(why)" }

    /// At most 80 characters of printable ASCII, so that a hostile value can neither flood nor forge a log line.
    private static func printable(_ text: String) -> String {
        var shown = ""
        for byte in text.utf8.prefix(80) {
            shown.unicodeScalars.append((0x20...0x7E).contains(byte) ? Unicode.Scalar(byte) : "?")
        }
        return text.utf8.count > 80 ? shown + "…" : shown
    }
}
