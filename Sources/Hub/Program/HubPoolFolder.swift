internal import Model
internal import System

/// The disk that a hub's pool is to be on.
enum HubPoolFolder {
    /// Free space that a hub is meant to have.
    static let wanted = ByteCount(40_000_000_000)

    /// What to say about a disk with less free space than is asked for.
    static func warning(_ folder: String) -> String? {
        var existing = folder
        while !File.exists(existing), existing != "/" { existing = Directory.parent(of: existing) }
        // A disk that does not answer is found out when the pool is made.
        guard let free = try? Directory.space(existing).available, ByteCount(free) < wanted else { return nil }
        return "note: \(ByteCount(free)) are free at \(existing); a hub with many products wants \(wanted)"
    }
}
