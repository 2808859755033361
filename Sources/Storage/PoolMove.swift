package import Model
import System

/// Copies a pool that nobody has open into another folder, and proves that the copy is whole before anybody uses it.
///
/// The copy is begun under a mark (`.moving`), so that one that was cut off is known as such and begun anew; the folder's own `format` is written last. The source is
/// read and never changed. Blocks.
package enum PoolMove {
    private static let mark = ".moving"
    private static let piece = 1 << 20

    /// What a move did.
    package struct Outcome: Hashable, Sendable {
        package let packages: Int
        package let bytes: ByteCount
    }

    /// Copies the pool and reads every byte of the copy again. `progress` hears of bytes copied.
    ///
    /// - Throws: `foreignFolder` if `target` has anything but an earlier, unfinished copy; `corrupt` for the first damaged package of the copy.
    package static func copy(
        _ source: String, to target: String, progress: (ByteCount) -> Void
    ) throws(StorageError) -> Outcome {
        guard let kind = try PoolFolder.kind(of: source) else {
            throw .foreignFolder("\(source) has no pool")
        }
        try begin(target)
        var bytes: UInt64 = 0
        for folder in kind.folders {
            try copyFolder("\(source)/\(folder)", to: "\(target)/\(folder)", &bytes, progress)
        }
        try storage { () throws(SystemError) in
            try AtomicFile.write(kind.format, to: "\(target)/format", mode: 0o600)
        }
        let old = try PoolFolder.open(source, quota: .maximum, new: kind)
        let new = try PoolFolder.open(target, quota: .maximum, new: kind)
        let check = new.check(readData: true)
        // What was damaged before is damaged in the copy as well, and repaired there.
        if let damaged = check.corrupt.first(where: { old.marks()[$0] == nil }) { throw .corrupt(damaged) }
        guard new.list() == old.list(), check.problems.isEmpty else {
            throw .foreignFolder(
                "the copy in \(target) is not what \(source) holds: \(check.problems.first ?? "packages differ")")
        }
        try storage { () throws(SystemError) in
            _ = try File.remove("\(target)/\(mark)")
            try Directory.synchronize(target)
        }
        return Outcome(packages: new.list().count, bytes: ByteCount(bytes))
    }

    /// Makes the folder, or empties one that an earlier copy left unfinished.
    private static func begin(_ target: String) throws(StorageError) {
        if File.exists(target) {
            let found = try PoolFolder.names(target)
            guard found.isEmpty || found.contains(mark) || found == [Directory.rescued] else {
                throw .foreignFolder(
                    "\(target) is not empty; name a new folder, or one of an earlier move that was cut off")
            }
            try storage { () throws(SystemError) in
                for name in found where name != Directory.rescued && name != mark {
                    _ = try Directory.removeTree("\(target)/\(name)")
                }
            }
        } else {
            try storage { () throws(SystemError) in try Directory.create(target, mode: 0o700) }
        }
        try storage { () throws(SystemError) in
            try AtomicFile.write("a pool is being moved here\n", to: "\(target)/\(mark)")
        }
    }

    private static func copyFolder(
        _ source: String, to target: String, _ bytes: inout UInt64, _ progress: (ByteCount) -> Void
    ) throws(StorageError) {
        try storage { () throws(SystemError) in try Directory.create(target, mode: 0o700) }
        for name in try PoolFolder.names(source) {
            let (from, to) = ("\(source)/\(name)", "\(target)/\(name)")
            guard let status = try storage({ () throws(SystemError) in try File.status(from, followLinks: false) })
            else {
                continue
            }
            switch status.kind {
            case .folder: try copyFolder(from, to: to, &bytes, progress)
            case .file:
                let copied = try storage { () throws(SystemError) in try copyFile(from, to: to) }
                bytes += copied
                progress(ByteCount(bytes))
            default: continue  // neither read nor counted in any pool
            }
        }
        try storage { () throws(SystemError) in try Directory.synchronize(target) }
    }

    private static func copyFile(_ source: String, to target: String) throws(SystemError) -> UInt64 {
        let input = try FileDescriptor.open(source, [.read, .noFollow])
        let output = try FileDescriptor.open(target, [.write, .create, .truncate, .noFollow], mode: 0o600)
        var offset: Int64 = 0
        while true {
            let bytes = try input.read(count: piece, at: offset)
            guard !bytes.isEmpty else { break }
            try output.write(bytes, at: offset)
            offset += Int64(bytes.count)
        }
        try output.synchronize()
        try output.close()
        try File.setMode(target, try File.status(source)?.mode ?? 0o600)
        return UInt64(offset)
    }
}
