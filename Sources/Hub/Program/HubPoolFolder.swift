internal import Model
internal import System

/// Where an owner wants a hub's pool.
enum HubPoolFolder {
    /// Free space that a hub is meant to have.
    static let wanted = ByteCount(40_000_000_000)

    /// The folder's absolute path.
    static func absolute(_ path: String) throws(UsageError) -> String {
        guard path.hasPrefix("/"), path.utf8.count <= 1024, !path.utf8.contains(0),
            !path.split(separator: "/").contains("..")
        else { throw UsageError("a pool's folder is an absolute path, not \(path)") }
        return "/" + path.split(separator: "/").joined(separator: "/")
    }

    /// What to say about a disk with less free space than is asked for.
    static func warning(_ folder: String) -> String? {
        var existing = folder
        while !File.exists(existing), existing != "/" { existing = Directory.parent(of: existing) }
        // A disk that does not answer is found out when the pool is made.
        guard let free = try? Directory.space(existing).available, ByteCount(free) < wanted else { return nil }
        return "note: \(ByteCount(free)) are free at \(existing); a hub with many products wants \(wanted)"
    }
}
