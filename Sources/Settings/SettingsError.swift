/// Why the settings of a machine's owner cannot be used: one sentence that names the file, the place in it and what is expected there.
package struct SettingsError: Error, Equatable, CustomStringConvertible, Sendable {
    package let description: String

    package init(_ description: String) { self.description = description }
}
