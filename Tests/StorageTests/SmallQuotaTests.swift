import Model
import Storage
import StorageSupport
import Testing

/// Container pools with small quotas, as they are made in production: what is kept back for compaction is a part of the quota.
@Suite struct SmallQuotaTests {
    private func pool(_ quota: UInt64) throws -> (pool: ContainerPool, folder: String) {
        let folder = try PoolFixture(.container).folder
        return (try ContainerPool(folder: folder, quota: ByteCount(quota)), folder)
    }

    /// False where there is no room.
    private func taken(_ bytes: [UInt8], by pool: ContainerPool) throws -> Bool {
        do {
            try pool.add(bytes)
            return true
        } catch let error as StorageError {
            guard error.isFull else { throw error }
            return false
        }
    }

    @Test(arguments: [10_000_000, 50_000_000, 300_000_000] as [UInt64])
    func mostOfASmallQuotaCanBeUsed(quota: UInt64) throws {
        let (pool, _) = try pool(quota)
        let reservation = try pool.reserve(try digest(of: sample(1, 10)), length: ByteCount(quota / 100 * 80))
        #expect(pool.committed <= quota)
        pool.abandon(reservation, keepingBytes: false)
        #expect(throws: StorageError.self) { try pool.reserve(try digest(of: sample(1, 10)), length: ByteCount(quota)) }
        let settings = ContainerPoolSettings()
        #expect(settings.slack(quota: quota) < quota / 5)
        #expect(
            settings.slack(quota: 1 << 40) == settings.slack(quota: 2 << 30), "a large one keeps a whole container back"
        )
    }

    @Test func nothingIsBeyondASmallQuotaWhateverComesAndGoesAndAllOfItComesBack() throws {
        let quota: UInt64 = 12_000_000
        let (pool, folder) = try pool(quota)
        var here: [SHA256Digest] = []
        for round in 0..<30 {
            let bytes = sample(round, 700_000 + 131_071 * (round % 7))
            while try !taken(bytes, by: pool) {
                // Every second one goes, so that what is dead lies among what is needed.
                try #require(!here.isEmpty, "an empty pool has no room")
                try pool.evict(here.remove(at: round % here.count))
                #expect(pool.committed <= quota)
            }
            here.append(try digest(of: bytes))
            #expect(try PoolKind.bytesOnDisk(folder) <= quota && pool.committed <= quota)
        }
        for name in here { try pool.evict(name) }
        let reservation = try pool.reserve(try digest(of: [1]), length: ByteCount(quota / 100 * 80))
        pool.abandon(reservation, keepingBytes: false)
        #expect(pool.check(readData: true).problems.isEmpty)
    }

    @Test func aLoweredQuotaKeepsTheRoomOfTheLargestContainerBack() throws {
        let settings = ContainerPoolSettings()
        #expect(settings.slack(quota: 50_000_000, largest: 20_000_000) >= 20_000_000)
        let (pool, folder) = try pool(200_000_000)
        let bytes = sample(1, 9_000_000)
        try pool.add(bytes)
        let quota: UInt64 = 30_000_000
        try pool.setQuota(ByteCount(quota))
        // Containers of before are larger than those of a quota of 30 MB, and are still compacted.
        let more = (2..<10).map { sample($0, 1_000_000) }
        var isHere: [Bool] = []
        for bytes in more {
            isHere.append(try taken(bytes, by: pool))
            #expect(try PoolKind.bytesOnDisk(folder) <= quota && pool.committed <= quota)
        }
        #expect(isHere.contains(true))
        try pool.evict(try digest(of: bytes))
        for (bytes, isHere) in zip(more, isHere) where !isHere { try pool.add(bytes) }
        #expect(pool.list().count == more.count)
    }
}
