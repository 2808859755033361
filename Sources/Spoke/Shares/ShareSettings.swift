internal import Codec
internal import Model
internal import System

/// The machine's shares in the spoke's state folder, written by `axle-spoke share` and read by the running spoke: `STATE/shares.json`.
///
/// Replaced whole. Blocks; any thread.
struct ShareSettings: Sendable {
    /// As many as one message to the hub carries.
    static let limit = 32
    static let folderLimit = 512
    private static let fileLimit = 1 << 20

    private struct Document: Codable {
        var format = 1
        var shares: [Share]
    }

    let file: String

    init(state: String) { file = SpokeState.shares(state) }

    /// Throws `UsageError` for a file that is not of this program's making.
    func read() throws -> [Share] {
        guard File.exists(file) else { return [] }
        let bytes = try File.read(file, limit: Self.fileLimit)
        let document: Document
        do {
            document = try JSONCoder.decode(Document.self, from: bytes)
        } catch {
            throw UsageError(
                "\(file) cannot be read: remove it and set the shares again with 'axle-spoke share' (\(error))")
        }
        guard document.format == 1 else {
            throw UsageError("\(file) is of a newer version of axle-spoke")
        }
        guard document.shares.count <= Self.limit else {
            throw UsageError("\(file) has more than \(Self.limit) shares")
        }
        for share in document.shares { try Self.check(share) }
        return document.shares
    }

    /// Adds a share; one of the same name is refused unless it is the same. True if it is new.
    func add(_ share: Share, state: String) throws -> Bool {
        try Self.check(share)
        let lock = try LockFile(file + ".lock")
        defer { withExtendedLifetime(lock) {} }
        var shares = try read()
        if let same = shares.first(where: { $0.name == share.name }) {
            guard same == share else {
                throw UsageError("there is a share \(share.name) with other settings; remove it first")
            }
            return false
        }
        for other in shares where Self.overlap(other.folder, share.folder) {
            throw UsageError("\(share.folder) and \(other.folder) of share \(other.name) lie one in the other")
        }
        guard !Self.overlap(state, share.folder) else {
            throw UsageError("\(share.folder) and the spoke's state folder lie one in the other")
        }
        guard shares.count < Self.limit else { throw UsageError("a spoke has \(Self.limit) shares at most") }
        shares.append(share)
        try write(shares)
        return true
    }

    /// Forgets a share, whose folder stays as it is; nil if there is none of that name.
    func remove(_ name: NodeName) throws -> Share? {
        let lock = try LockFile(file + ".lock")
        defer { withExtendedLifetime(lock) {} }
        var shares = try read()
        guard let index = shares.firstIndex(where: { $0.name == name }) else { return nil }
        let share = shares.remove(at: index)
        try write(shares)
        return share
    }

    private func write(_ shares: [Share]) throws {
        let document = Document(shares: shares.sorted { $0.name < $1.name })
        try AtomicFile.write(try JSONCoder.encode(document, indented: true) + [0x0A], to: file)
    }

    private static func check(_ share: Share) throws {
        let parts = share.folder.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard share.folder.hasPrefix("/"), share.folder.utf8.count <= folderLimit, !share.folder.utf8.contains(0),
            !parts.isEmpty, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
        else { throw UsageError("--folder is an absolute path without . and .., not '\(share.folder)'") }
        guard Share.keepRange.contains(share.keep) else {
            throw UsageError("--keep is a number from \(Share.keepRange.lowerBound) to \(Share.keepRange.upperBound)")
        }
    }

    /// Whether one of two folders is, or lies in, the other.
    private static func overlap(_ one: String, _ other: String) -> Bool {
        (one + "/").hasPrefix(other + "/") || (other + "/").hasPrefix(one + "/")
    }
}
