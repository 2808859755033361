package import Codec
internal import Model
package import System
internal import TLS
package import Trust

/// A folder of downloaded targets: each is whole and what was signed, or not there.
///
/// A target's file is its percent-encoded path, one name in this folder whatever the path is; see `fileName(_:)`. Blocks on the disk.
package struct TargetFolder {
    private let path: String

    /// Makes the folder if it is not there and sweeps what an interrupted download left.
    package init(_ path: String) throws(SystemError) {
        self.path = path
        try Directory.create(path)
        try AtomicFile.removeLeftovers(in: path)
    }

    /// One safe name for any path: never `.`, `..` or hidden, without `/` and NUL, at most 200 bytes.
    package static func fileName(_ path: JSONText) -> String {
        var name = path.quoted
        if name.hasPrefix(".") { name = "%2E" + name.dropFirst() }
        return name.utf8.count <= 200 && !name.isEmpty ? name : "sha256-" + ASCII.hex(SHA256.hash(path.bytes))
    }

    /// Whether the target is here, with its length and all its hashes.
    package func holds(_ file: TargetFile) throws -> Bool {
        let place = Directory.join(path, Self.fileName(file.path))
        guard let status = try File.status(place, followLinks: false), status.kind == .file, status.size == file.length
        else { return false }
        let descriptor = try FileDescriptor.open(place, [.read, .noFollow])
        var hashing = TargetHashing(file.hashes)
        var offset: Int64 = 0
        while true {
            let piece = try descriptor.read(count: 1 << 18, at: offset)
            if piece.isEmpty { break }
            piece.withUnsafeBytes { hashing.update($0) }
            offset += Int64(piece.count)
        }
        do {
            try hashing.check(file)
            return true
        } catch {
            // Not the bytes that are signed now: the repository has them.
            return false
        }
    }

    /// TUF 5.7: streams the target into a temporary file, at most its length; checks length and all known hashes; makes it durable; then it
    /// gets its name. On an error nothing is left behind and what was there stays.
    package func store(_ file: TargetFile, download: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws {
        let temporary = AtomicFile.temporaryPath(in: path)
        do {
            let target = try FileDescriptor.open(temporary, [.write, .create, .exclusive, .noFollow], mode: 0o644)
            var hashing = TargetHashing(file.hashes)
            try download { bytes in
                guard Int64(bytes.count) <= file.length - hashing.length else {
                    throw MetadataError(
                        .lengthMismatch, role: file.path, "more than the \(file.length) bytes listed came")
                }
                hashing.update(bytes)
                try target.write(bytes)
            }
            try hashing.check(file)
            try target.synchronize()
            try target.close()
            try File.rename(temporary, to: Directory.join(path, Self.fileName(file.path)))
        } catch {
            // The first error is the one to report; a leftover is swept at the next start.
            _ = try? File.remove(temporary)
            throw error
        }
    }
}

/// Counts and hashes a target's bytes by every kind of hash that is listed for it.
private struct TargetHashing {
    private(set) var length: Int64 = 0
    private var sha256: SHA256?
    private var sha512: SHA512?

    init(_ hashes: FileHashes) {
        if hashes.sha256 != nil { sha256 = SHA256() }
        if hashes.sha512 != nil { sha512 = SHA512() }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        length += Int64(bytes.count)
        sha256?.update(bytes)
        sha512?.update(bytes)
    }

    mutating func check(_ file: TargetFile) throws(MetadataError) {
        try file.check(length: length, sha256: sha256?.finish(), sha512: sha512?.finish())
    }
}
