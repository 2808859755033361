import Model
import Storage
import Testing

/// What every pool must hold to.
@Suite struct PoolConformanceTests {
    @Test(arguments: PoolKind.allCases) func aPublishedPackageReadsBackAndSurvivesARestart(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let bytes = sample(1, 300_000)
        let name = try fixture.open().add(bytes)
        let pool = try fixture.open()
        #expect(try pool.content(name) == bytes)
        #expect(pool.length(of: name) == ByteCount(300_000))
        #expect(pool.list() == [PoolEntry(digest: name, length: ByteCount(300_000))])
        #expect(pool.account().used == ByteCount(300_000))
        #expect(pool.account().reserved == .zero)
        let reader = try pool.open(name)
        #expect(try reader.read(at: ByteCount(299_990), count: 100) == Array(bytes.suffix(10)))
        #expect(try reader.read(at: ByteCount(300_000), count: 100).isEmpty)
        #expect(try reader.read(at: .maximum, count: 100).isEmpty)
    }

    @Test(arguments: PoolKind.allCases) func anEmptyPackageIsAPackage(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open()
        #expect(try pool.content(try pool.add([])).isEmpty)
    }

    @Test(arguments: PoolKind.allCases) func partialBytesAreNeverReadable(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open()
        let bytes = sample(1, 1000)
        let name = try digest(of: bytes)
        let reservation = try pool.reserve(name, length: ByteCount(1000))
        try pool.append(reservation, at: 0, bytes)
        #expect(throws: StorageError.notHeld(name)) { try pool.open(name) }
        #expect(pool.length(of: name) == nil && pool.list().isEmpty)
        #expect(try fixture.open().list().isEmpty)
        try pool.publish(reservation)
        #expect(try pool.content(name) == bytes)
    }

    @Test(arguments: PoolKind.allCases) func aReservationHoldsTheRoomBeforeAnyByteCame(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open(quota: 1000)
        let first = try pool.reserve(try digest(of: sample(1, 600)), length: ByteCount(600))
        #expect(throws: StorageError.quotaExceeded(needed: ByteCount(500), available: ByteCount(400))) {
            try pool.reserve(try digest(of: sample(2, 500)), length: ByteCount(500))
        }
        pool.abandon(first, keepingBytes: false)
        #expect(pool.committed == 0)
        try pool.add(sample(2, 1000))
        #expect(pool.committed == 1000)
    }

    @Test(arguments: PoolKind.allCases) func aHugeLengthIsRefusedAndReservesNothing(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open(quota: 1000)
        #expect(throws: StorageError.self) { try pool.reserve(try digest(of: [1]), length: .maximum) }
        #expect(pool.committed == 0)
    }

    @Test(arguments: PoolKind.allCases) func aDroppedReservationReleasesItsRoomAndKeepsItsBytes(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open(quota: 1000)
        let bytes = sample(3, 800)
        do {
            let reservation = try pool.reserve(try digest(of: bytes), length: ByteCount(800))
            try pool.append(reservation, at: 0, Array(bytes.prefix(300)))
            #expect(pool.account().reserved == ByteCount(500) && pool.account().used == ByteCount(300))
        }
        #expect(pool.account().reserved == .zero && pool.account().used == ByteCount(300))
        #expect(try pool.reserve(try digest(of: bytes), length: ByteCount(800)).resumeOffset == ByteCount(300))
    }

    @Test(arguments: PoolKind.allCases) func aTransferResumesAfterARestartWithoutItsFirstBytes(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let bytes = sample(4, 600_000)
        let name = try digest(of: bytes)
        do {
            let pool = try fixture.open()
            let reservation = try pool.reserve(name, length: ByteCount(600_000))
            try pool.append(reservation, at: 0, Array(bytes.prefix(400_000)))
        }
        let pool = try fixture.open()
        #expect(pool.account().used == ByteCount(400_000))
        let reservation = try pool.reserve(name, length: ByteCount(600_000))
        #expect(reservation.resumeOffset == ByteCount(400_000))
        try pool.append(reservation, at: 400_000, Array(bytes.dropFirst(400_000)))
        try pool.publish(reservation)
        #expect(try pool.content(name) == bytes)
    }

    @Test(arguments: PoolKind.allCases) func aWrongHashIsToldApartAndItsBytesAreGone(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open()
        let name = try digest(of: sample(1, 100))
        let reservation = try pool.reserve(name, length: ByteCount(100))
        try pool.append(reservation, at: 0, sample(2, 100))
        #expect(throws: StorageError.hashMismatch(resumed: false)) { try pool.publish(reservation) }
        #expect(pool.committed == 0)
        #expect(throws: StorageError.reservationEnded) { try pool.append(reservation, at: 0, [1]) }
        #expect(throws: StorageError.reservationEnded) { try pool.publish(reservation) }
        try pool.add(sample(1, 100))
    }

    @Test(arguments: PoolKind.allCases) func bytesComeInOrderAndNoMoreThanReserved(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open()
        let bytes = sample(1, 100)
        let reservation = try pool.reserve(try digest(of: bytes), length: ByteCount(100))
        #expect(throws: StorageError.wrongOffset(expected: .zero)) { try pool.append(reservation, at: 1, [1]) }
        try pool.append(reservation, at: 0, Array(bytes.prefix(60)))
        #expect(throws: StorageError.wrongOffset(expected: ByteCount(60))) { try pool.append(reservation, at: 0, [1]) }
        #expect(throws: StorageError.tooLong(reserved: ByteCount(100))) {
            try pool.append(reservation, at: 60, sample(0, 41))
        }
        #expect(throws: StorageError.incomplete(written: ByteCount(60), length: ByteCount(100))) {
            try pool.publish(reservation)
        }
        try pool.append(reservation, at: 60, Array(bytes.dropFirst(60)))
        try pool.publish(reservation)
    }

    @Test(arguments: PoolKind.allCases) func onePackageIsTransferredOnceAtATime(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open()
        let name = try digest(of: sample(1, 10))
        let reservation = try pool.reserve(name, length: ByteCount(10))
        #expect(throws: StorageError.inTransfer(name)) { try pool.reserve(name, length: ByteCount(10)) }
        try pool.append(reservation, at: 0, sample(1, 10))
        try pool.publish(reservation)
        #expect(throws: StorageError.alreadyHeld(name)) { try pool.reserve(name, length: ByteCount(10)) }
    }

    @Test(arguments: PoolKind.allCases) func aPartialLongerThanThePackageStartsAnew(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open()
        let bytes = sample(1, 100)
        let name = try digest(of: bytes)
        let wrong = try pool.reserve(name, length: ByteCount(500))
        try pool.append(wrong, at: 0, sample(9, 400))
        pool.abandon(wrong, keepingBytes: true)
        try pool.add(bytes)
        #expect(pool.committed == 100)
    }

    @Test(arguments: PoolKind.allCases) func leftoversMakeRoomOldestFirst(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open(quota: 1000)
        for seed in 1...3 {
            let reservation = try pool.reserve(try digest(of: sample(seed, 400)), length: ByteCount(400))
            try pool.append(reservation, at: 0, sample(seed, 300))
            pool.abandon(reservation, keepingBytes: true)
        }
        #expect(pool.account().used == ByteCount(900))
        try pool.add(sample(4, 500))
        #expect(pool.account().used == ByteCount(800))
        #expect(try pool.reserve(try digest(of: sample(3, 400)), length: ByteCount(400)).resumeOffset == ByteCount(300))
    }

    @Test(arguments: PoolKind.allCases) func whatIsReadIsNotEvicted(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open()
        let bytes = sample(1, 100)
        let name = try pool.add(bytes)
        var readers = [try pool.open(name), try pool.open(name)]
        #expect(throws: StorageError.inUse(name)) { try pool.evict(name) }
        readers.removeLast()
        #expect(throws: StorageError.inUse(name)) { try pool.evict(name) }
        #expect(try readers[0].read(at: .zero, count: 100) == bytes)
        readers.removeLast()
        try pool.evict(name)
        #expect(pool.committed == 0)
        #expect(throws: StorageError.notHeld(name)) { try pool.open(name) }
        #expect(throws: StorageError.notHeld(name)) { try pool.evict(name) }
    }

    @Test(arguments: PoolKind.allCases) func aDamagedPackageIsFoundAndNoLongerVisible(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open()
        let name = try pool.add(sample(1, 5000))
        try pool.verify(name)
        try fixture.damage(name)
        #expect(throws: StorageError.corrupt(name)) { try pool.verify(name) }
        #expect(throws: StorageError.notHeld(name)) { try pool.open(name) }
        #expect(pool.committed == 0)
        try pool.add(sample(1, 5000))
        try pool.verify(name)
    }

    @Test(arguments: PoolKind.allCases) func aQuotaIsNotSetBelowWhatIsThere(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open(quota: 1000)
        try pool.add(sample(1, 600))
        let reservation = try pool.reserve(try digest(of: sample(2, 200)), length: ByteCount(200))
        #expect(throws: StorageError.quotaBelowUse(ByteCount(800))) { try pool.setQuota(ByteCount(799)) }
        try pool.setQuota(ByteCount(800))
        try pool.append(reservation, at: 0, sample(2, 100))
        pool.abandon(reservation, keepingBytes: true)
        try pool.setQuota(ByteCount(600))
        #expect(pool.account().used == ByteCount(600))
        // A pool that is opened with a smaller quota keeps what it has and takes nothing new.
        let smaller = try fixture.open(quota: 100)
        #expect(smaller.list().count == 1)
        #expect(throws: StorageError.self) { try smaller.reserve(try digest(of: [1]), length: ByteCount(1)) }
    }

    @Test(arguments: PoolKind.allCases, [1, 2, 3] as [UInt64])
    func underRandomOperationsTheQuotaIsNeverExceeded(kind: PoolKind, seed: UInt64) throws {
        let fixture = try PoolFixture(kind)
        let quota: UInt64 = 20_000
        var pool = try fixture.open(quota: quota)
        var random = SeededGenerator(state: seed)
        var open: [(Reservation, [UInt8], Int)] = []
        for _ in 0..<1500 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...2:
                let bytes = sample(Int.random(in: 0..<40, using: &random), Int.random(in: 0..<6000, using: &random))
                // A refusal is one of the answers that are wanted here.
                if let made = try? pool.reserve(try digest(of: bytes), length: ByteCount(UInt64(bytes.count))) {
                    open.append((made, bytes, Int(made.resumeOffset.bytes)))
                }
            case 3...6:
                guard let index = open.indices.randomElement(using: &random) else { continue }
                let (reservation, bytes, at) = open[index]
                let piece = Array(bytes.dropFirst(at).prefix(Int.random(in: 0...2000, using: &random)))
                try pool.append(reservation, at: UInt64(at), piece)
                open[index].2 += piece.count
            case 7:
                guard let index = open.indices.randomElement(using: &random) else { continue }
                let (reservation, bytes, at) = open[index]
                if at == bytes.count {
                    try pool.publish(reservation)
                    open.remove(at: index)
                } else if Bool.random(using: &random) {
                    pool.abandon(reservation, keepingBytes: Bool.random(using: &random))
                    open.remove(at: index)
                }
            case 8:
                if let entry = pool.list().randomElement(using: &random) { try pool.evict(entry.digest) }
            default:
                guard Int.random(in: 0..<10, using: &random) == 0 else { continue }
                open = []
                pool = try fixture.open(quota: quota)
            }
            #expect(pool.committed <= quota)
            #expect(try fixture.bytesOnDisk() <= pool.account().used.bytes)
        }
        open = []
        #expect(pool.account().reserved == .zero)
        for entry in pool.list() { try pool.verify(entry.digest) }
    }
}
