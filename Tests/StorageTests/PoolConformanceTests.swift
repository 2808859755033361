import Model
import Storage
import StorageSupport
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
        #expect(pool.account().used >= ByteCount(300_000))
        #expect(pool.account().used.bytes < 320_000 || !fixture.isExact)
        #expect(pool.account().reserved == .zero)
        let reader = try pool.open(name)
        #expect(try reader.read(at: ByteCount(299_990), count: 100) == Array(bytes.suffix(10)))
        #expect(try reader.read(at: ByteCount(300_000), count: 100).isEmpty)
        #expect(try reader.read(at: .maximum, count: 100).isEmpty)
    }

    /// What `body` puts into a buffer of 0xAA: the bytes that it says, and nothing behind them.
    private func filled(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Int?) rethrows -> [UInt8]? {
        var memory = [UInt8](repeating: 0xAA, count: count)
        let got = try memory.withUnsafeMutableBytes { try body($0) }
        guard let got else { return nil }
        #expect(got <= count && memory[got...].allSatisfy { $0 == 0xAA })
        return Array(memory.prefix(got))
    }

    @Test(arguments: PoolKind.allCases) func aReaderFillsABufferFromAnyPlaceAndGivesAtHandOnlyWhatItWouldRead(
        kind: PoolKind
    ) throws {
        let fixture = try PoolFixture(kind)
        let bytes = sample(7, 300_000)
        let pool = try fixture.open()
        let reader = try pool.open(try pool.add(bytes))
        for (offset, count) in [(0, 300_000), (0, 400_000), (1, 65_536), (131_071, 70_000), (299_999, 10), (5, 0)] {
            let expected = Array(bytes.dropFirst(offset).prefix(count))
            let at = ByteCount(UInt64(offset))
            #expect(try filled(count) { try reader.read(into: $0, at: at) } == expected)
            if let atHand = filled(count, { reader.readAtHand(into: $0, at: at) }) {
                #expect(expected.starts(with: atHand))
            }
        }
        for offset in [ByteCount(300_000), .maximum] {
            #expect(try filled(10) { try reader.read(into: $0, at: offset) } == [])
            #expect((filled(10) { reader.readAtHand(into: $0, at: offset) } ?? []).isEmpty)
        }
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
        let quota = kind.quota(600, 400)
        let pool = try fixture.open(quota: quota)
        let first = try pool.reserve(try digest(of: sample(1, 600)), length: ByteCount(600))
        let error = #expect(throws: StorageError.self) {
            try pool.reserve(try digest(of: sample(2, 500)), length: ByteCount(500))
        }
        #expect(error?.isFull == true)
        if fixture.isExact, kind != .chain {
            #expect(error == .quotaExceeded(needed: ByteCount(500), available: ByteCount(400)))
        }
        pool.abandon(first, keepingBytes: false)
        #expect(pool.committed == 0)
        try pool.add(sample(2, 1000))
        #expect(pool.committed >= 1000 && pool.committed <= quota)
    }

    @Test(arguments: PoolKind.allCases) func aHugeLengthIsRefusedAndReservesNothing(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open(quota: 1000)
        #expect(throws: StorageError.self) { try pool.reserve(try digest(of: [1]), length: .maximum) }
        #expect(pool.committed == 0)
    }

    @Test(arguments: PoolKind.allCases) func aDroppedReservationReleasesItsRoomAndKeepsItsBytes(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open(quota: kind.quota(80_000))
        let bytes = sample(3, 80_000)
        do {
            let reservation = try pool.reserve(try digest(of: bytes), length: ByteCount(80_000))
            try pool.append(reservation, at: 0, Array(bytes.prefix(30_000)))
            #expect(pool.account().reserved >= ByteCount(50_000))
            if fixture.isExact { #expect(pool.account().used == ByteCount(30_000)) }
        }
        #expect(pool.account().reserved == .zero)
        if fixture.isExact { #expect(pool.account().used == ByteCount(30_000)) }
        let offset = try pool.reserve(try digest(of: bytes), length: ByteCount(80_000)).resumeOffset.bytes
        // A container pool resumes within a chunk's length of where it broke.
        #expect(fixture.isExact ? offset == 30_000 : (30_000 - 4096...30_000).contains(offset))
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
        if fixture.isExact { #expect(pool.account().used == ByteCount(400_000)) }
        let reservation = try pool.reserve(name, length: ByteCount(600_000))
        let offset = reservation.resumeOffset.bytes
        #expect(fixture.isExact ? offset == 400_000 : (400_000 - 4096...400_000).contains(offset))
        try pool.append(reservation, at: offset, Array(bytes.dropFirst(Int(offset))))
        try pool.publish(reservation)
        #expect(try pool.content(name) == bytes)
    }

    @Test(arguments: PoolKind.allCases) func aWrongHashIsToldApartAndItsBytesAreGone(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open()
        let name = try digest(of: sample(1, 100))
        let reservation = try pool.reserve(name, length: ByteCount(100))
        try pool.append(reservation, at: 0, sample(2, 100))
        #expect(throws: StorageError.hashMismatch(resumed: false)) { try pool.publish(reservation) }
        #expect(pool.account().reserved == .zero)
        if fixture.isExact { #expect(pool.committed == 0) }
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
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open()
        let bytes = sample(1, 100)
        let name = try digest(of: bytes)
        let wrong = try pool.reserve(name, length: ByteCount(500))
        try pool.append(wrong, at: 0, sample(9, 400))
        pool.abandon(wrong, keepingBytes: true)
        try pool.add(bytes)
        if fixture.isExact { #expect(pool.committed == 100) }
    }

    @Test(arguments: PoolKind.allCases) func leftoversMakeRoomOldestFirst(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open(quota: kind.quota(100_000))
        for seed in 1...3 {
            let reservation = try pool.reserve(try digest(of: sample(seed, 40_000)), length: ByteCount(40_000))
            try pool.append(reservation, at: 0, sample(seed, 30_000))
            pool.abandon(reservation, keepingBytes: true)
        }
        if fixture.isExact { #expect(pool.account().used == ByteCount(90_000)) }
        try pool.add(sample(4, 50_000))
        if fixture.isExact { #expect(pool.account().used == ByteCount(80_000)) }
        #expect(try pool.content(try digest(of: sample(4, 50_000))) == sample(4, 50_000))
        guard fixture.isExact else { return }
        #expect(
            try pool.reserve(try digest(of: sample(3, 40_000)), length: ByteCount(40_000)).resumeOffset
                == ByteCount(30_000))
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
        try pool.compact()
        #expect(pool.committed < 100)
        #expect(throws: StorageError.notHeld(name)) { try pool.open(name) }
        #expect(throws: StorageError.notHeld(name)) { try pool.evict(name) }
    }

    @Test(arguments: PoolKind.allCases) func aDamagedPackageIsFoundWithheldAndRepaired(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let bytes = sample(1, 700_000)
        let source = try SampleSource([bytes])
        let name = try fixture.open().add(bytes)
        let pool = try fixture.open()
        try pool.verify(name)
        #expect(pool.check(readData: true).isClean)
        try fixture.damage(name)
        #expect(throws: StorageError.corrupt(name)) { try pool.verify(name) }
        #expect(throws: StorageError.withheld(name, .corrupt)) { try pool.open(name) }
        #expect(pool.list().isEmpty && pool.length(of: name) == nil && pool.marks() == [name: .corrupt])
        #expect(pool.check(readData: false).corrupt == [name])
        // Withheld after a restart too, and never by somebody's word alone visible again.
        let again = try fixture.open()
        #expect(again.marks() == [name: .corrupt])
        #expect(throws: StorageError.withheld(name, .corrupt)) { try again.mark(name, nil) }
        let report = try again.repair(name, length: ByteCount(700_000), from: source)
        #expect(try again.content(name) == bytes)
        #expect(again.check(readData: true).isClean)
        // Only what was damaged came over the wire.
        if PoolKind.onDisk.contains(kind) { #expect(report.fetched.bytes > 0 && report.fetched.bytes <= 1 << 18) }
        #expect(try fixture.open().content(name) == bytes)
    }

    @Test(arguments: PoolKind.allCases) func aScrubFindsDamageToo(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open()
        let name = try pool.add(sample(1, 50_000))
        var read = ByteCount.zero
        for unit in pool.scrubUnits() { #expect(try pool.scrub(unit) { read += $0 } == []) }
        #expect(read >= ByteCount(50_000))
        try fixture.damage(name)
        var found: [SHA256Digest] = []
        for unit in pool.scrubUnits() { found += try pool.scrub(unit) { _ in } }
        #expect(found == [name])
        #expect(throws: StorageError.withheld(name, .corrupt)) { try pool.open(name) }
    }

    @Test(arguments: PoolKind.allCases) func aLyingSourceRepairsNothing(kind: PoolKind) throws {
        struct Liar: RepairSource {
            func read(_ digest: SHA256Digest, at offset: ByteCount, count: Int) throws -> [UInt8] {
                [UInt8](repeating: 7, count: count)
            }
        }
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open()
        let name = try pool.add(sample(1, 50_000))
        try fixture.damage(name)
        #expect(throws: StorageError.corrupt(name)) { try pool.verify(name) }
        #expect(throws: StorageError.hashMismatch(resumed: false)) {
            try pool.repair(name, length: ByteCount(50_000), from: Liar())
        }
        #expect(pool.marks() == [name: .corrupt] && pool.account().reserved == .zero)
        // It may be fetched as a whole instead.
        try pool.add(sample(1, 50_000))
        #expect(try pool.content(name) == sample(1, 50_000))
        #expect(pool.check(readData: true).isClean)
    }

    @Test(arguments: PoolKind.allCases) func aWithheldPackageStaysAndIsGivenToNobody(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let name = try fixture.open().add(sample(1, 5000))
        var pool = try fixture.open()
        try pool.mark(name, .withheld)
        #expect(throws: StorageError.withheld(name, .withheld)) { try pool.open(name) }
        #expect(throws: StorageError.withheld(name, .withheld)) { try pool.reserve(name, length: ByteCount(5000)) }
        #expect(pool.account().used >= ByteCount(5000))
        pool = try fixture.open()
        #expect(pool.list().isEmpty)
        try pool.mark(name, nil)
        #expect(try fixture.open().content(name) == sample(1, 5000))
        try pool.mark(name, .withheld)
        try pool.evict(name)
        #expect(pool.marks().isEmpty)
    }

    @Test(arguments: PoolKind.allCases) func aReadOnlyPoolReadsAndAnUnavailableOneDoesNot(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open()
        let name = try pool.add(sample(1, 1000))
        pool.setAccess(.readOnly)
        #expect(pool.account().access == .readOnly)
        #expect(try pool.content(name) == sample(1, 1000))
        #expect(throws: StorageError.noAccess(.readOnly)) { try pool.add(sample(2, 10)) }
        #expect(throws: StorageError.noAccess(.readOnly)) { try pool.evict(name) }
        pool.setAccess(.unavailable)
        #expect(throws: StorageError.noAccess(.unavailable)) { try pool.open(name) }
        pool.setAccess(.draining)
        #expect(pool.account().access == .draining)
        #expect(throws: StorageError.noAccess(.draining)) { try pool.add(sample(2, 10)) }
        #expect(try pool.content(name) == sample(1, 1000))
        try pool.evict(name)
        pool.setAccess(.readWrite)
        try pool.add(sample(1, 1000))
        pool.setAccess(.readWrite)
        try pool.add(sample(2, 10))
        try pool.evict(name)
    }

    @Test(arguments: PoolKind.allCases) func aQuotaIsNotSetBelowWhatIsThere(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind, first: 0)
        let pool = try fixture.open(quota: kind.quota(60_000, 40_000))
        try pool.add(sample(1, 60_000))
        let reservation = try pool.reserve(try digest(of: sample(2, 20_000)), length: ByteCount(20_000))
        let committed = pool.committed
        #expect(throws: StorageError.quotaBelowUse(ByteCount(committed))) {
            try fixture.setQuota(ByteCount(committed - 1), of: pool)
        }
        try fixture.setQuota(ByteCount(committed), of: pool)
        try pool.append(reservation, at: 0, sample(2, 10_000))
        pool.abandon(reservation, keepingBytes: true)
        if fixture.isExact {
            // The partial transfer makes way.
            try fixture.setQuota(ByteCount(60_000), of: pool)
            #expect(pool.account().used == ByteCount(60_000))
        }
        // A pool that is opened with a smaller quota keeps what it has and takes nothing new.
        let smaller = try fixture.open(quota: 100)
        #expect(smaller.list().count == 1)
        #expect(throws: StorageError.self) { try smaller.reserve(try digest(of: [1]), length: ByteCount(1)) }
    }

    @Test func fullnessIsToldInSteps() {
        for (committed, level) in [
            (0, PoolLevel.roomy), (799, .roomy), (800, .filling), (949, .filling), (950, .nearlyFull),
            (2000, .nearlyFull),
        ] as [(UInt64, PoolLevel)] {
            #expect(PoolLevel(committed: ByteCount(committed), quota: ByteCount(1000)) == level)
        }
    }
}
