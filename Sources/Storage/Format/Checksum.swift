/// XXH64, a 64-bit checksum of bytes on a disk: it finds damage, and proves nothing against someone who wants to deceive.
///
/// Several times faster than any cryptographic hash, so that every header and every block carries one beside what the hashes prove.
/// Written after the published description of the algorithm (xxHash specification 0.1.1, XXH64 with seed 0). A value: a copy goes on by itself.
package struct Checksum: Sendable {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    private var lanes: (UInt64, UInt64, UInt64, UInt64) = Self.start
    private var total: UInt64 = 0
    /// The bytes that do not fill a stripe of 32 yet.
    private var rest: [UInt8] = []

    private static var start: (UInt64, UInt64, UInt64, UInt64) {
        (prime1 &+ prime2, prime2, 0, 0 &- prime1)
    }

    package init() {}

    /// The checksum of all of `bytes`.
    package static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var lanes = start
        let stripes = bytes.count & ~31
        absorb(.init(rebasing: bytes[..<stripes]), &lanes)
        return finish(lanes, total: UInt64(bytes.count), .init(rebasing: bytes[stripes...]))
    }

    /// The checksum of all of `bytes`.
    package static func of(_ bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBytes { of($0) }
    }

    /// Continues with `bytes`.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        total &+= UInt64(bytes.count)
        var bytes = bytes
        if !rest.isEmpty {
            let missing = min(32 - rest.count, bytes.count)
            rest += bytes[..<missing]
            bytes = .init(rebasing: bytes[missing...])
            guard rest.count == 32 else { return }
            rest.withUnsafeBytes { Self.absorb($0, &lanes) }
            rest.removeAll(keepingCapacity: true)
        }
        let stripes = bytes.count & ~31
        Self.absorb(.init(rebasing: bytes[..<stripes]), &lanes)
        rest += bytes[stripes...]
    }

    /// The checksum of all bytes so far; more may follow.
    package var value: UInt64 {
        rest.withUnsafeBytes { Self.finish(lanes, total: total, $0) }
    }

    private static func absorb(
        _ bytes: UnsafeRawBufferPointer, _ lanes: inout (UInt64, UInt64, UInt64, UInt64)
    ) {
        var (a, b, c, d) = lanes
        var at = 0
        while at < bytes.count {
            a = round(a, word(bytes, at))
            b = round(b, word(bytes, at + 8))
            c = round(c, word(bytes, at + 16))
            d = round(d, word(bytes, at + 24))
            at += 32
        }
        lanes = (a, b, c, d)
    }

    private static func finish(
        _ lanes: (UInt64, UInt64, UInt64, UInt64), total: UInt64, _ rest: UnsafeRawBufferPointer
    ) -> UInt64 {
        var hash: UInt64
        if total >= 32 {
            hash = rotate(lanes.0, 1) &+ rotate(lanes.1, 7) &+ rotate(lanes.2, 12) &+ rotate(lanes.3, 18)
            for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
                hash = (hash ^ round(0, lane)) &* prime1 &+ prime4
            }
        } else {
            hash = prime5
        }
        hash &+= total
        var at = 0
        while at + 8 <= rest.count {
            hash = rotate(hash ^ round(0, word(rest, at)), 27) &* prime1 &+ prime4
            at += 8
        }
        if at + 4 <= rest.count {
            let half = UInt64(UInt32(littleEndian: rest.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            hash = rotate(hash ^ (half &* prime1), 23) &* prime2 &+ prime3
            at += 4
        }
        while at < rest.count {
            hash = rotate(hash ^ (UInt64(rest[at]) &* prime5), 11) &* prime1
            at += 1
        }
        hash = (hash ^ (hash >> 33)) &* prime2
        hash = (hash ^ (hash >> 29)) &* prime3
        return hash ^ (hash >> 32)
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }

    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        rotate(lane &+ word &* prime2, 31) &* prime1
    }

    private static func rotate(_ value: UInt64, _ by: UInt64) -> UInt64 {
        (value << by) | (value >> (64 - by))
    }
}
