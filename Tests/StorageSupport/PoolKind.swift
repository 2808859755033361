import FoundationEssentials
import Content
import Model
package import Storage
import System

/// A kind of pool under test.
package enum PoolKind: String, CaseIterable, Sendable {
    case file, container, memory, faulty
    /// Two pools in memory, and a file pool before a container pool: what does not fit into the first, a small one, goes to the next.
    case chain, diskChain

    /// The kinds that have a folder.
    package static let onDisk: [PoolKind] = [.file, .container]

    /// Chunks and containers so small that short packages have many.
    package static let settings = ContainerPoolSettings(
        containerBytes: 32 << 10, limits: ChunkLimits(minimum: 256, average: 1024, maximum: 4096),
        codings: [HalfCoding()])

    /// The smallest quota under which packages of these lengths fit.
    package func quota(_ lengths: UInt64...) -> UInt64 {
        switch self {
        case .container: Self.settings.quota(for: lengths).bytes
        case .file, .memory, .faulty: lengths.reduce(0, +)
        case .chain: lengths.reduce(Self.small, +)
        case .diskChain: Self.settings.quota(for: lengths).bytes + Self.small
        }
    }

    /// The quota of a chain's first pool where nothing else is said.
    package static let small: UInt64 = 64

    /// Opens a pool of a kind that has a folder.
    package func open(
        _ folder: String, quota: UInt64,
        step: @escaping PoolStepHook = { (_: PoolStep) throws(StorageError) in }
    ) throws -> any PackagePool {
        switch self {
        case .container:
            try ContainerPool(folder: folder, quota: ByteCount(quota), settings: Self.settings, step: step)
        default: try FilePool(folder: folder, quota: ByteCount(quota), step: step)
        }
    }

    /// Bytes of all files in a pool's folder, whatever its books say.
    package static func bytesOnDisk(_ folder: String) throws -> UInt64 {
        var sum: UInt64 = 0
        for file in try files(folder) { sum += UInt64(try File.status(file, followLinks: false)?.size ?? 0) }
        return sum
    }

    /// All files in a pool's folder but its format, in the order of their paths.
    package static func files(_ folder: String) throws -> [String] {
        var found: [String] = []
        for name in try Directory.list(folder) where name != "format" {
            let path = "\(folder)/\(name)"
            // A file may go while it is looked at.
            guard let status = try File.status(path, followLinks: false) else { continue }
            if status.kind == .folder { found += try files(path) } else { found.append(path) }
        }
        return found
    }
}

/// A coding for tests: chunks whose second half repeats the first are stored as the first half.
package struct HalfCoding: ChunkCoding {
    package let code: UInt8 = 200

    package init() {}

    package func encode(_ chunk: UnsafeRawBufferPointer) -> [UInt8]? {
        let half = chunk.count / 2
        guard half > 0, chunk.count == 2 * half, chunk[..<half].elementsEqual(chunk[half...]) else { return nil }
        return Array(chunk[..<half])
    }

    package func decode(_ stored: [UInt8], length: Int) -> [UInt8]? {
        stored.count * 2 == length ? stored + stored : nil
    }
}
