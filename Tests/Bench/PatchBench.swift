import Content
import Model
import Storage
import System
import TLS

/// Applies a patch between two contents into a file pool, as a spoke does, and says how long that took and what memory it needed.
enum PatchBench {
    /// `axle-bench apply OLD NEW FOLDER`: makes the patch first, which is not measured; `program` is any program of Axle beside this one.
    static func run(_ old: String, _ new: String, _ folder: String) throws {
        let program = Directory.join(Directory.parent(of: try CurrentProcess.executablePath()), "axle-agent")
        let worker = ContentWorker(program: program)
        let pool = try FilePool(folder: folder, quota: ByteCount(1 << 40))
        let base = try add(old, to: pool)
        let wanted = try identity(new)
        var bytes: [UInt8] = []
        let oldFile = try FileDescriptor.open(old)
        let newFile = try FileDescriptor.open(new)
        try worker.makePatch(try PatchHeader(from: base, to: wanted), old: oldFile, new: newFile) { bytes += $0 }
        let patchFile = folder + ".patch"
        try AtomicFile.write(bytes, to: patchFile)
        let patch = try add(patchFile, to: pool)
        bytes = []
        let intake = ContentIntake(worker: worker, scratch: folder)
        for round in 1...4 {
            if pool.length(of: wanted.sha256) != nil { try pool.evict(wanted.sha256) }
            let begin = SystemClock.uptime
            try intake.patch(base, by: patch.sha256, to: wanted, from: pool, into: pool)
            let seconds = (SystemClock.uptime - begin) / .seconds(1)
            // The first run warms up.
            guard round > 1 else { continue }
            print("apply \(patch.length) bytes of patch to \(wanted.length) bytes, verified and durable: \(seconds) s")
        }
    }

    private static func identity(_ path: String) throws -> ContentIdentity {
        let file = try FileDescriptor.open(path)
        var hash = SHA256()
        var offset: Int64 = 0
        while true {
            let piece = try file.read(count: 1 << 20, at: offset)
            if piece.isEmpty { break }
            hash.update(piece)
            offset += Int64(piece.count)
        }
        return ContentIdentity(length: UInt64(offset), sha256: try SHA256Digest(bytes: hash.finish()))
    }

    private static func add(_ path: String, to pool: FilePool) throws -> ContentIdentity {
        let identity = try identity(path)
        guard pool.length(of: identity.sha256) == nil else { return identity }
        let file = try FileDescriptor.open(path)
        let reservation = try pool.reserve(identity.sha256, length: ByteCount(identity.length))
        var offset = reservation.resumeOffset.bytes
        while offset < identity.length {
            let piece = try file.read(count: 1 << 20, at: Int64(offset))
            try pool.write(reservation, at: ByteCount(offset), piece.span.bytes)
            offset += UInt64(piece.count)
        }
        try pool.publish(reservation)
        return identity
    }
}
