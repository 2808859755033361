import System

/// The newest state of a database that is known to have been on the disk, in a file beside it (`hub.db-mark`).
///
/// The database counts as well, in its table `database_mark`, and is always at least as far: it counts first. So a file
/// whose count is lower, or that has another id, is not the database that the daemon left. See `Database.raiseMark`.
struct DatabaseMark: Equatable, Sendable {
    /// Random bytes that a database got when it was made.
    let id: [UInt8]
    let number: Int64
    /// What the file counts at least without its log: an older file beside a newer log is noticed by that.
    var inFile: Int64 = 0

    static let table = "database_mark"
    private static let idBytes = 16

    /// Where the mark of the database at `path` is.
    static func path(of path: String) -> String { path + "-mark" }

    /// A name for a new database.
    static func newID() -> [UInt8] { SystemRandom.bytes(idBytes) }

    /// The mark of the database at `path`; nil if there is none. Throws a `DatabaseLoss` for one that cannot be understood.
    static func read(of path: String, advice: String) throws -> DatabaseMark? {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try File.read(Self.path(of: path), limit: 256)
        } catch {
            if error.errno == .notFound { return nil }
            guard error.errno == .tooLarge else { throw error }
            throw DatabaseLoss(path: path, kind: .unreadableMark, advice: advice)
        }
        let words = String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" }
        guard words.count == 5, words[0] == "axle", words[1] == "database", let id = hexadecimal(words[2]),
            let number = Int64(words[3]), number > 0, let inFile = Int64(words[4]), (0...number).contains(inFile)
        else { throw DatabaseLoss(path: path, kind: .unreadableMark, advice: advice) }
        return DatabaseMark(id: id, number: number, inFile: inFile)
    }

    /// Writes the mark of the database at `path`; durable on return.
    func write(of path: String) throws(SystemError) {
        let digits = Array("0123456789abcdef")
        let hex = id.reduce(into: "") { $0 += [digits[Int($1 >> 4)], digits[Int($1 & 15)]] }
        try AtomicFile.write("axle database \(hex) \(number) \(inFile)\n", to: Self.path(of: path), mode: 0o600)
    }

    private static func hexadecimal(_ text: Substring) -> [UInt8]? {
        let digits = text.utf8.compactMap { byte -> UInt8? in
            switch byte {
            case 0x30...0x39: byte - 0x30
            case 0x61...0x66: byte - 0x61 + 10
            default: nil
            }
        }
        guard digits.count == text.utf8.count, digits.count == 2 * idBytes else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
