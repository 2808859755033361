package import Model
package import Storage
import TLS

/// A generator whose numbers depend on its seed only (SplitMix64).
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    package var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Bytes of a package, the same for the same seed.
package func sample(_ seed: Int, _ count: Int) -> [UInt8] {
    var random = SeededGenerator(state: UInt64(truncatingIfNeeded: seed))
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
        var word: UInt64 = 0
        for index in 0..<count {
            if index % 8 == 0 { word = random.next() }
            buffer[index] = UInt8(truncatingIfNeeded: word)
            word >>= 8
        }
        used = count
    }
}

/// The name of a package.
package func digest(of bytes: [UInt8]) throws -> SHA256Digest {
    try SHA256Digest(bytes: SHA256.hash(bytes))
}

extension PackagePool {
    package func append(_ reservation: Reservation, at offset: UInt64, _ bytes: [UInt8]) throws(StorageError) {
        try write(reservation, at: ByteCount(offset), bytes.span.bytes)
    }

    /// The whole way of a package in one go.
    @discardableResult
    package func add(_ bytes: [UInt8]) throws -> SHA256Digest {
        let name = try digest(of: bytes)
        let reservation = try reserve(name, length: ByteCount(UInt64(bytes.count)))
        let offset = reservation.resumeOffset.bytes
        try append(reservation, at: offset, Array(bytes.dropFirst(Int(offset))))
        try publish(reservation)
        return name
    }

    package func content(_ name: SHA256Digest) throws -> [UInt8] {
        let reader = try open(name)
        return try reader.read(at: .zero, count: Int(reader.length.bytes))
    }

    package var committed: UInt64 { account().used.bytes + account().reserved.bytes }
}

/// Packages in memory to repair from; counts what it gives.
package struct SampleSource: RepairSource {
    private let packages: [SHA256Digest: [UInt8]]

    package init(_ packages: [[UInt8]]) throws {
        self.packages = Dictionary(try packages.map { (try digest(of: $0), $0) }) { first, _ in first }
    }

    package func read(_ digest: SHA256Digest, at offset: ByteCount, count: Int) throws -> [UInt8] {
        guard let bytes = packages[digest] else { throw StorageError.notHeld(digest) }
        return Array(bytes.dropFirst(Int(offset.bytes)).prefix(count))
    }
}
