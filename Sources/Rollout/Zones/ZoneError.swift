/// Why the rules of a time zone cannot be had.
package enum ZoneError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not a name as tzdata has them: at most 64 letters, digits, `_`, `+`, `-`, `.` and single slashes.
    case badName
    /// The machine's database has no such zone.
    case unknown(folder: String)
    /// The machine has no database.
    case noDatabase(folder: String)
    /// The zone's file breaks the format, and how.
    case unusable(String)
    /// The zone's file could not be read, and why.
    case failed(String)

    package var description: String {
        switch self {
        case .badName: "it is not a time zone's name; write it as Europe/Berlin or UTC"
        case .unknown(let folder):
            "\(folder) has no such zone; check the name, and install the package tzdata-legacy if it is an old one "
                + "and the distribution has that package"
        case .noDatabase(let folder):
            "this machine has no time zone database in \(folder); install the package tzdata"
        case .unusable(let why): "its file is damaged: \(why); install the package tzdata again"
        case .failed(let why): "its file cannot be read: \(why)"
        }
    }
}

/// Finds the rules of a time zone by its name, such as `Europe/Berlin`.
package typealias ZoneLookup = @Sendable (String) throws(ZoneError) -> any ZoneRules
