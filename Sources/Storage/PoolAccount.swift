package import Model

/// A pool's books at one moment.
package struct PoolAccount: Hashable, Sendable {
    /// The limit for `used` + `reserved`.
    package let quota: ByteCount
    /// Bytes stored: packages, partial transfers, and what the pool writes beside them.
    package let used: ByteCount
    /// Bytes promised to open reservations and not yet written.
    package let reserved: ByteCount
    /// What the disk below has left, whatever the quota; the greatest count where nobody knows.
    package let freeOnDisk: ByteCount
    package let access: PoolAccess

    package init(
        quota: ByteCount, used: ByteCount, reserved: ByteCount, freeOnDisk: ByteCount, access: PoolAccess = .readWrite
    ) {
        self.quota = quota
        self.used = used
        self.reserved = reserved
        self.freeOnDisk = freeOnDisk
        self.access = access
    }

    /// How full the pool is, from what is stored and reserved.
    package var level: PoolLevel { PoolLevel(committed: used + reserved, quota: quota) }
}

/// Why a package is withheld.
package enum PackageMark: String, CaseIterable, Sendable {
    /// Its bytes are not those of its hash any more.
    case corrupt
    /// Its owner does not want it served.
    case withheld
}

/// How full a pool is, in the steps that people are warned about.
package enum PoolLevel: Int, CaseIterable, Comparable, Sendable {
    case roomy = 0
    /// 80 per cent or more.
    case filling = 80
    /// 95 per cent or more.
    case nearlyFull = 95

    package init(committed: ByteCount, quota: ByteCount) {
        // In hundredths of the quota, without a product that could overflow.
        func reaches(_ level: PoolLevel) -> Bool {
            let whole = quota.bytes / 100 * UInt64(level.rawValue)
            let part = quota.bytes % 100 * UInt64(level.rawValue) / 100
            return committed.bytes > 0 && committed.bytes >= whole + part
        }
        self = reaches(.nearlyFull) ? .nearlyFull : reaches(.filling) ? .filling : .roomy
    }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
