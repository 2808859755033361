import Foundation
import Model
import Storage
import System
import TLS
import Testing

/// A kind of pool under test; `open` may be called again on the same storage, which is what a restart is.
enum PoolKind: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case file, memory
    var testDescription: String { rawValue }
}

/// One pool's storage.
final class PoolFixture {
    let kind: PoolKind
    let folder: String
    let disk = MemoryPool.Disk()

    init(_ kind: PoolKind) throws {
        self.kind = kind
        folder = Self.root + "/" + UUID().uuidString
        try Directory.create(Self.root)
    }

    /// Holds the folders of this process until it ends.
    private static let root: String = {
        atexit {
            // A leftover folder in the temporary directory harms nothing.
            _ = try? Directory.removeTree(PoolFixture.rootPath)
        }
        return rootPath
    }()

    private static var rootPath: String { NSTemporaryDirectory() + "axle-pool-\(CurrentProcess.identifier)" }

    func open(quota: UInt64 = 1 << 30) throws -> any PackagePool {
        switch kind {
        case .file: try FilePool(folder: folder, quota: ByteCount(quota))
        case .memory: MemoryPool(disk: disk, quota: ByteCount(quota))
        }
    }

    /// Changes a published package behind the pool's back.
    func damage(_ digest: SHA256Digest) throws {
        switch kind {
        case .memory: _ = disk.damage(digest)
        case .file:
            let path = "\(folder)/packages/\(digest.hex.prefix(2))/\(digest.hex)"
            try File.setMode(path, 0o600)
            let file = try FileDescriptor.open(path, [.write])
            try file.write([0xEE], at: 0)
            try file.close()
        }
    }

    /// Bytes that lie on the storage now, whatever the books say.
    func bytesOnDisk() throws -> UInt64 {
        switch kind {
        case .memory: return 0
        case .file:
            var sum: UInt64 = 0
            for part in try Directory.list(folder + "/packages") {
                for name in try Directory.list("\(folder)/packages/\(part)") {
                    sum += UInt64(try File.status("\(folder)/packages/\(part)/\(name)")?.size ?? 0)
                }
            }
            for name in try Directory.list(folder + "/partial") {
                sum += UInt64(try File.status("\(folder)/partial/\(name)")?.size ?? 0)
            }
            return sum
        }
    }
}

/// Bytes of a package, the same for the same seed.
func sample(_ seed: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ seed &* 131 &+ ($0 >> 8)) }
}

func digest(of bytes: [UInt8]) throws -> SHA256Digest {
    try SHA256Digest(bytes: SHA256.hash(bytes))
}

extension PackagePool {
    func append(_ reservation: Reservation, at offset: UInt64, _ bytes: [UInt8]) throws(StorageError) {
        try write(reservation, at: ByteCount(offset), bytes.span.bytes)
    }

    /// The whole way of a package in one go.
    @discardableResult
    func add(_ bytes: [UInt8]) throws -> SHA256Digest {
        let name = try digest(of: bytes)
        let reservation = try reserve(name, length: ByteCount(UInt64(bytes.count)))
        try append(
            reservation, at: reservation.resumeOffset.bytes, Array(bytes.dropFirst(Int(reservation.resumeOffset.bytes)))
        )
        try publish(reservation)
        return name
    }

    func content(_ name: SHA256Digest) throws -> [UInt8] {
        let reader = try open(name)
        return try reader.read(at: .zero, count: Int(reader.length.bytes))
    }

    var committed: UInt64 { account().used.bytes + account().reserved.bytes }
}

/// A generator whose numbers depend on its seed only (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
