package import Model
import System

/// The pools that a state folder has beside its first one, in their order: its file `pools`.
///
/// ```
/// axle pools 1
/// NAME KIND QUOTA FOLDER      one line for each; QUOTA in bytes, FOLDER absolute, to the end of the line
/// ```
/// The file is replaced whole. A daemon looks at it again by and by, so that a pool may be added while it runs.
package struct PoolList: Hashable, Sendable {
    /// One more pool.
    package struct Entry: Hashable, Sendable {
        package let name: NodeName
        package let kind: PoolFolder.Kind
        /// Until an operator sets another one.
        package let quota: ByteCount
        package var folder: String

        package init(name: NodeName, kind: PoolFolder.Kind, quota: ByteCount, folder: String) {
            self.name = name
            self.kind = kind
            self.quota = quota
            self.folder = folder
        }
    }

    private static let format = "axle pools 1"
    private static let sizeLimit = 1 << 16
    /// Pools beside the first one at the most.
    package static let limit = 15

    package var entries: [Entry]

    package init(_ entries: [Entry] = []) {
        self.entries = entries
    }

    /// Reads a state folder's list; one that is not there is empty.
    package static func read(_ path: String) throws(StorageError) -> PoolList {
        guard File.exists(path) else { return PoolList() }
        let bytes = try storage { () throws(SystemError) in try File.read(path, limit: sizeLimit) }
        guard let list = PoolList(text: String(decoding: bytes, as: UTF8.self)) else {
            throw .foreignFolder("\(path) is damaged or of a newer release; restore it, or add its pools again")
        }
        return list
    }

    /// Nil for what is no list.
    package init?(text: String) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.popLast()?.isEmpty == true, lines.first.map(String.init) == Self.format,
            lines.count <= Self.limit + 1
        else { return nil }
        entries = []
        for line in lines.dropFirst() {
            let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
            // A word that is no name makes it no list.
            guard words.count == 4, let name = try? NodeName(String(words[0])),
                let kind = PoolFolder.Kind(rawValue: String(words[1])), let quota = UInt64(words[2]),
                words[3].hasPrefix("/"), !entries.contains(where: { $0.name == name })
            else { return nil }
            entries.append(Entry(name: name, kind: kind, quota: ByteCount(quota), folder: String(words[3])))
        }
    }

    package var text: String {
        ([Self.format] + entries.map { "\($0.name) \($0.kind.rawValue) \($0.quota.bytes) \($0.folder)" })
            .joined(separator: "\n") + "\n"
    }

    package func write(to path: String) throws(StorageError) {
        try storage { () throws(SystemError) in try AtomicFile.write(text, to: path, mode: 0o600) }
    }
}
