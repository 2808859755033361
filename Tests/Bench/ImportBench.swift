import Model
import Storage
import System
import TLS

/// Brings a file into a new container pool, as a spoke does with a package, and says how long that took and what it takes on the disk.
enum ImportBench {
    private static let piece = 1 << 20

    /// `axle-bench import FILE FOLDER`: chunks compressed as pools do it by themselves; checked and durable at the end.
    static func run(_ path: String, _ folder: String) throws {
        let codings: [any ChunkCoding] = ZstdChunkCoding().map { [$0] } ?? []
        let pool = try PoolFolder.open(folder, quota: ByteCount(1 << 40), new: .container, codings: codings)
        let file = try MappedFile(path: path)
        // The name is signed by the vendor; whoever imports has it.
        let name = try SHA256Digest(bytes: file.withBytes { SHA256.hash($0) })
        let began = SystemClock.uptime
        let reservation = try pool.reserve(name, length: ByteCount(UInt64(file.count)))
        var at = 0
        while at < file.count {
            let count = min(piece, file.count - at)
            try file.withBytes { bytes in
                let piece = UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
                try pool.write(reservation, at: ByteCount(UInt64(at)), RawSpan(_unsafeBytes: piece))
            }
            at += count
        }
        try pool.publish(reservation)
        let seconds = (SystemClock.uptime - began) / .seconds(1)
        print("{\"seconds\": \(seconds), \"bytes\": \(pool.account().used.bytes)}")
    }
}
