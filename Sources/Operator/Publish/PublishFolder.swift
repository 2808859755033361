import Codec
import Model
import System
import Trust

/// A published folder as any web server can serve it, and the state beside the keys that is nobody else's.
///
/// ```
/// DIR/metadata/N.root.json, timestamp.json, …    what clients fetch as URL/metadata/NAME
/// DIR/targets/PRODUCT/RELEASE/PLATFORM/HASH.FILE what clients fetch as URL/targets/PATH
/// KEYS/*.pem                                     private keys, 0600, never inside DIR
/// KEYS/pending/*.json                            changed roles that wait for signatures
/// ```
/// A staged folder is one that travels between the holders of keys: a copy of the metadata, and `DIR/pending` in it.
///
/// Files are written whole or not at all; the timestamp comes last and makes the rest visible.
struct PublishFolder {
    /// Metadata files at the most, and bytes of one.
    private static let fileLimit = 20_000
    private static let byteLimit = 16 << 20

    let path: String
    let keys: String

    /// Refuses keys below the folder that is served.
    init(_ path: String, keys: String) throws {
        self.path = Self.trimmed(path)
        self.keys = Self.trimmed(keys)
        guard try !Self.isInside(self.keys, self.path) else {
            throw OperatorError(
                "the keys would be inside the published folder, where everybody can fetch them",
                next: "Give --keys a folder elsewhere.")
        }
    }

    /// Whether a path, which may not exist yet, is a folder or below it, however both are written.
    private static func isInside(_ path: String, _ folder: String) throws -> Bool {
        if path == folder || path.hasPrefix(folder + "/") { return true }
        guard let wanted = try File.status(folder) else { return false }
        var current = path
        // Up to the root, which is its own parent.
        for _ in 0..<256 {
            let status = try File.status(current)
            if let status, status.device == wanted.device, status.inode == wanted.inode { return true }
            let isRelative = current == "." || current == ".." || current.hasSuffix("/..")
            let parent = isRelative ? (current == "." ? ".." : current + "/..") : Directory.parent(of: current)
            guard let status else {
                guard parent != current else { return false }
                current = parent
                continue
            }
            let above = try File.status(parent)
            guard above?.inode != status.inode || above?.device != status.device else { return false }
            current = parent
        }
        return false
    }

    private static func trimmed(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        while path.count > 2, path.hasPrefix("./") { path = path.dropFirst(2) }
        return String(path)
    }

    var metadata: String {
        Directory.join(path, "metadata")
    }

    /// Whether this is a staged folder: nothing is published in it.
    var isStaged: Bool {
        File.exists(Directory.join(path, "pending"))
    }

    var pending: String {
        Directory.join(isStaged ? path : keys, "pending")
    }

    var targets: String {
        Directory.join(path, "targets")
    }

    /// Whether something was published here.
    var isPublished: Bool {
        File.exists(Directory.join(metadata, "timestamp.json"))
    }

    /// The published metadata by file name.
    func metadataFiles() throws -> [String: [UInt8]] {
        File.exists(metadata) ? try Self.read(metadata) : [:]
    }

    /// The documents that wait for signatures; none where nothing waits.
    func pendingFiles() throws -> [String: [UInt8]] {
        File.exists(pending) ? try Self.read(pending) : [:]
    }

    static func read(_ folder: String) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try Directory.list(folder) where name.hasSuffix(".json") && !name.hasPrefix(".") {
            guard files.count < fileLimit else { throw OperatorError("\(folder) has more than \(fileLimit) files") }
            let path = Directory.join(folder, name)
            guard try File.status(path, followLinks: false)?.kind == .file else {
                throw OperatorError("\(path) is no plain file", next: "Nothing but files belongs there; remove it.")
            }
            files[name] = try File.read(path, limit: byteLimit)
        }
        return files
    }

    /// Writes what was signed, in its order; a cut between two leaves a catalog that clients accept.
    func publish(_ files: [Repository.PublishedFile]) throws {
        try Directory.create(metadata)
        for file in files { try AtomicFile.write(file.bytes, to: Directory.join(metadata, file.name)) }
    }

    /// What was pending is published.
    func forgetPending() throws {
        _ = try Directory.removeTree(pending)
    }

    /// Keeps the documents that wait, and only those: products before the targets role that names them, the root last, so
    /// that a cut leaves a draft that is whole or lacks the last change.
    func keep(_ files: [String: [UInt8]]) throws {
        let pending = self.pending
        try Directory.create(pending, mode: 0o700)
        func rank(_ name: String) -> Int { name == "root.json" ? 2 : name == "targets.json" ? 1 : 0 }
        for name in files.keys.sorted(by: { (rank($0), $0) < (rank($1), $1) }) {
            try AtomicFile.write(files[name] ?? [], to: Directory.join(pending, name), mode: 0o600)
        }
        for name in try Directory.list(pending) where files[name] == nil {
            try File.remove(Directory.join(pending, name))
        }
    }

    /// Where a package's file lies.
    func file(of target: TargetFile, consistentSnapshot: Bool) -> String {
        let place = target.remotePath(consistentSnapshot: consistentSnapshot).string
        return Directory.join(targets, place)
    }
}
