import Content
import Model
import System
import TLS

/// Takes a package's file into a published folder: hashed and copied in one pass, visible only when whole.
enum PackageIntake {
    /// A file whose bytes are in the folder under a temporary name.
    struct Copy {
        let temporary: String
        let length: UInt64
        let sha256: SHA256Digest
        /// The file's first bytes, which say what it is.
        let head: [UInt8]

        /// The file begins with the mark of gzip, zstd, xz or bzip2.
        var isCompressed: Bool { PackageIntake.marks.contains { head.starts(with: $0) } }
    }

    /// The name under which a file is published: its own, without the epoch that apt writes into names (`x_1%3a2.0_all.deb`), as
    /// `dpkg-deb --build` and Debian's archive name it.
    static func name(of file: String) throws -> FileName {
        let text = file.split(separator: "/").last.map(String.init) ?? ""
        let parts = text.split(separator: "_", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return try FileName(text) }
        let digits = parts[1].utf8.prefix { (0x30...0x39).contains($0) }
        let rest = parts[1].dropFirst(digits.count)
        guard !digits.isEmpty, let colon = ["%3a", "%3A", ":"].first(where: { rest.hasPrefix($0) }) else {
            return try FileName(text)
        }
        return try FileName("\(parts[0])_\(rest.dropFirst(colon.count))")
    }

    private static let pieceBytes = 1 << 20
    private static let marks: [[UInt8]] = [
        [0x1F, 0x8B], [0x28, 0xB5, 0x2F, 0xFD], [0xFD, 0x37, 0x7A, 0x58, 0x5A], [0x42, 0x5A, 0x68],
    ]

    /// Copies the file at `source` into `folder`, which is made; a link is followed only where a person named it.
    static func copy(_ source: String, into folder: String, followLinks: Bool = true) throws -> Copy {
        try Directory.create(folder)
        let temporary = Directory.join(folder, ".new-\(SystemClock.uptimeNanoseconds)")
        do {
            return try copy(source, to: temporary, followLinks)
        } catch {
            // The first failure is the one to tell; a leftover is hidden and harmless.
            _ = try? File.remove(temporary)
            throw error
        }
    }

    private static func copy(_ source: String, to temporary: String, _ followLinks: Bool) throws -> Copy {
        guard let status = try File.status(source, followLinks: followLinks) else {
            throw OperatorError("there is no file \(source)")
        }
        guard status.kind == .file, status.size > 0 else { throw OperatorError("\(source) is no file with content") }
        let output = try FileDescriptor.open(temporary, [.write, .create, .exclusive, .noFollow], mode: 0o644)
        var head: [UInt8] = []
        let (length, hash) = try read(source, followLinks: followLinks) { piece in
            if head.isEmpty { head = Array(piece.prefix(ContentCoding.markLength)) }
            try output.write(piece)
        }
        try output.synchronize()
        try output.close()
        return Copy(
            temporary: temporary, length: UInt64(length), sha256: try SHA256Digest(bytes: hash), head: head)
    }

    /// The length and SHA-256 of a file, whose pieces pass by; a link is refused.
    static func read(
        _ path: String, followLinks: Bool = false, _ body: ([UInt8]) throws -> Void = { _ in }
    ) throws -> (length: Int64, sha256: [UInt8]) {
        let file = try FileDescriptor.open(path, followLinks ? [.read] : [.read, .noFollow])
        var hash = SHA256()
        var length: Int64 = 0
        while true {
            let piece = try file.read(count: pieceBytes, at: length)
            if piece.isEmpty { return (length, hash.finish()) }
            hash.update(piece)
            length += Int64(piece.count)
            try body(piece)
        }
    }
}
