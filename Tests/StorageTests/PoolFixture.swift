import Foundation
import Model
import Storage
import StorageSupport
import System
import Testing

extension PoolKind: CustomTestStringConvertible {
    public var testDescription: String { rawValue }
}

/// One pool's storage; `open` may be called again on it, which is what a restart is.
final class PoolFixture {
    let kind: PoolKind
    let folder: String
    let disk = MemoryPool.Disk()
    /// Of the next pool of a chain in memory.
    private let nextDisk = MemoryPool.Disk()
    /// The quota of a chain's first pool; what is left of the whole is the next one's.
    private let first: UInt64

    init(_ kind: PoolKind, first: UInt64 = PoolKind.small) throws {
        self.kind = kind
        self.first = first
        folder = Self.root + "/" + UUID().uuidString
        try Directory.create(Self.root)
        if kind == .diskChain { try Directory.create(folder) }
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
        case .file, .container: try kind.open(folder, quota: quota)
        case .memory: MemoryPool(disk: disk, quota: ByteCount(quota))
        case .faulty: FaultyPool(MemoryPool(disk: disk, quota: ByteCount(quota)))
        case .chain:
            try Self.chain([
                MemoryPool(disk: disk, quota: ByteCount(min(first, quota))),
                MemoryPool(disk: nextDisk, quota: ByteCount(quota - min(first, quota))),
            ])
        case .diskChain:
            try Self.chain([
                PoolKind.file.open(folder + "/a", quota: min(first, quota)),
                PoolKind.container.open(folder + "/b", quota: quota - min(first, quota)),
            ])
        }
    }

    /// Pools under the names a, b, c, …
    static func chain(_ pools: [any PackagePool]) throws -> PoolChain {
        let chain = PoolChain()
        for (pool, name) in zip(pools, "abcdefgh") { chain.attach(try NodeName(String(name)), pool) }
        return chain
    }

    /// True where the books count the bytes of packages and nothing beside them.
    var isExact: Bool { kind != .container && kind != .diskChain }

    /// Sets the quota of the pool, of a chain's last one.
    func setQuota(_ quota: ByteCount, of pool: any PackagePool) throws {
        guard let chain = pool as? PoolChain, let last = chain.names.last else { return try pool.setQuota(quota) }
        #expect(try chain.setQuota(quota, of: last))
    }

    /// Changes a published package behind the pool's back.
    func damage(_ digest: SHA256Digest) throws {
        switch kind {
        case .memory, .faulty: _ = disk.damage(digest)
        case .chain: _ = disk.damage(digest) || nextDisk.damage(digest)
        case .file: try flip("\(folder)/packages/\(digest.hex.prefix(2))/\(digest.hex)", at: 0)
        case .container, .diskChain:
            let containers = try PoolKind.files(folder).filter { $0.hasSuffix(".container") }
            // The first chunk's first stored byte, behind the headers of container and chunk.
            try flip(try #require(containers.first), at: 32 + 72)
        }
    }

    func flip(_ path: String, at offset: Int64, bit: UInt8 = 0) throws {
        try File.setMode(path, 0o600)
        let file = try FileDescriptor.open(path, [.readWrite])
        let byte = try #require(try file.read(count: 1, at: offset).first)
        try file.write([byte ^ (1 << bit)], at: offset)
        try file.close()
    }

    /// Bytes that lie on the storage now, whatever the books say.
    func bytesOnDisk() throws -> UInt64 {
        PoolKind.onDisk.contains(kind) || kind == .diskChain ? try PoolKind.bytesOnDisk(folder) : 0
    }
}
