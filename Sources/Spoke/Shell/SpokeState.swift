import System

/// The layout of a spoke's state folder.
package enum SpokeState {
    package static let kind = "spoke"
    /// The layout's version; a newer one is refused by older programs.
    package static let version = 1

    static func identity(_ folder: StateFolder) -> String { folder.file("identity") }
    static func database(_ folder: StateFolder) -> String { folder.file("spoke.db") }
    static func pool(_ folder: StateFolder) -> String { folder.file("pool") }
    static func trust(_ folder: StateFolder) -> String { folder.file("trust") }
    /// The vendor's root as the hub gave it at the join, until TUF's own takes over; absent where the hub had none then.
    static func bootstrapRoot(_ folder: StateFolder) -> String { folder.file("catalog-root.json") }
    /// The addresses that the running spoke has bound.
    static func listen(_ folder: StateFolder) -> String { folder.file("listen.json") }
}
