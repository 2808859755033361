import System

/// The layout of a spoke's state folder.
package enum SpokeState {
    package static let kind = "spoke"
    /// The layout's version; a newer one is refused by older programs.
    package static let version = 1

    static func identity(_ folder: StateFolder) -> String { folder.file("identity") }
    static let databaseName = "spoke.db"
    static func database(_ folder: StateFolder) -> String { folder.file(databaseName) }
    static func database(_ folder: String) -> String { Directory.join(folder, databaseName) }
    static func pool(_ folder: StateFolder) -> String { folder.file("pool") }
    /// The pools beside that one, a `PoolList`.
    static func pools(_ folder: String) -> String { Directory.join(folder, "pools") }
    static func trust(_ folder: StateFolder) -> String { folder.file("trust") }
    /// The segments of the revocation list, see `RevocationKeeper`.
    static func revocations(_ folder: StateFolder) -> String { folder.file("revocations") }
    /// How far the pool's scrub is.
    static func scrub(_ folder: StateFolder) -> String { folder.file("scrub") }
    /// The vendor's root that was given at the join; it goes before the hub's.
    static func catalogRoot(_ folder: String) -> String { Directory.join(folder, "catalog-root.json") }
    /// The vendor's root that came through the hub; absent until the hub has one.
    static func catalogRootFromHub(_ folder: String) -> String { Directory.join(folder, "catalog-root-from-hub.json") }
    /// Where a bundle is asked to be taken while the spoke runs, see `ImportDrop`.
    static func imports(_ folder: String) -> String { Directory.join(folder, "import") }
    /// The machine's shares, see `ShareSettings`.
    static func shares(_ folder: String) -> String { Directory.join(folder, "shares.json") }
    /// The addresses that the running spoke has bound.
    static func listen(_ folder: StateFolder) -> String { folder.file("listen.json") }
}
