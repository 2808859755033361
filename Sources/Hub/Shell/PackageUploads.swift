internal import Model
internal import Storage
internal import System

/// Packages on their way into the pool from an operator's hands, piece by piece.
///
/// The room is reserved before the first byte. What arrived stays for the next attempt when an operator goes away: an upload that
/// nobody touched for a while gives its place to the next. Blocks; any thread.
final class PackageUploads: Sendable {
    /// Uploads at a time at the most, and how long one may rest.
    static let limit = 4
    static let rest = Duration.seconds(300)

    enum Refusal: Error {
        case tooMany
        /// The next piece belongs there.
        case wrongOffset(UInt64)
    }

    private struct Open {
        let reservation: Reservation
        var held: UInt64
        var touched: Duration
        /// A piece is being written.
        var isBusy = false
    }

    private let pool: any PackagePool
    private let open = NativeLock<[SHA256Digest: Open]>([:])

    init(pool: any PackagePool) {
        self.pool = pool
    }

    /// Reserves the room, or takes up what was begun; how much is here. Whole packages throw `alreadyHeld`.
    func begin(_ package: Package) throws -> UInt64 {
        let now = SystemClock.uptime
        let (known, left) = open.withLock { open in
            let left = open.filter { now - $0.value.touched > Self.rest && !$0.value.isBusy }
            for digest in left.keys where digest != package.sha256 { open[digest] = nil }
            return (open[package.sha256]?.held, left.filter { $0.key != package.sha256 }.map(\.value.reservation))
        }
        for reservation in left { pool.abandon(reservation, keepingBytes: true) }
        if let known { return known }
        guard open.withLock({ $0.count }) < Self.limit else { throw Refusal.tooMany }
        let reservation = try pool.reserve(package.sha256, length: ByteCount(package.length))
        let held = reservation.resumeOffset.bytes
        open.withLock { $0[package.sha256] = Open(reservation: reservation, held: held, touched: now) }
        return held
    }

    /// Writes a piece where the last one ended; after the last byte the package is verified and published. Whether it is.
    func write(_ package: Package, at offset: UInt64, _ bytes: [UInt8]) throws -> (held: UInt64, isWhole: Bool) {
        let held = try begin(package)
        let reservation: Reservation = try open.withLock { open in
            guard var entry = open[package.sha256], !entry.isBusy, entry.held == offset else {
                throw Refusal.wrongOffset(open[package.sha256]?.held ?? held)
            }
            entry.isBusy = true
            entry.touched = SystemClock.uptime
            open[package.sha256] = entry
            return entry.reservation
        }
        do {
            if !bytes.isEmpty {
                try bytes.withUnsafeBytes { buffer in
                    try pool.write(reservation, at: ByteCount(offset), RawSpan(_unsafeBytes: buffer))
                }
            }
            let now = offset + UInt64(bytes.count)
            guard now == package.length else {
                open.withLock {
                    $0[package.sha256]?.held = now
                    $0[package.sha256]?.isBusy = false
                }
                return (now, false)
            }
            try pool.publish(reservation)
            open.withLock { $0[package.sha256] = nil }
            return (now, true)
        } catch {
            open.withLock { $0[package.sha256] = nil }
            pool.abandon(reservation, keepingBytes: true)
            throw error
        }
    }
}
