import Model
import Storage
import StorageSupport
import System
import TestSupport
import Testing

/// Several pools as one: what goes where, and what happens when one of them is gone.
@Suite struct PoolChainTests {
    private static func name(_ text: String) throws -> NodeName { try NodeName(text) }

    private static func memory(_ quota: UInt64, _ disk: MemoryPool.Disk = .init()) -> MemoryPool {
        MemoryPool(disk: disk, quota: ByteCount(quota))
    }

    @Test func whatDoesNotFitGoesToTheNextPoolAndItIsSaidWhy() throws {
        let chain = try PoolFixture.chain([Self.memory(1000), Self.memory(5000)])
        let small = try chain.add(sample(1, 600))
        let large = try chain.add(sample(2, 700))
        #expect(chain.place(of: small)?.pool.text == "a" && chain.place(of: small)?.reason == nil)
        #expect(chain.place(of: large)?.pool.text == "b")
        #expect(chain.place(of: large)?.reason == "a has 400 B left and 700 B are needed")
        #expect(try chain.content(large) == sample(2, 700))
        let error = #expect(throws: StorageError.self) { try chain.add(sample(3, 4500)) }
        #expect(error?.isFull == true && error?.lacking?.pool?.text == "b")
        #expect(error?.lacking?.bytes == ByteCount(200))
    }

    @Test func eachPoolHasItsOwnQuotaAndAccess() throws {
        let chain = try PoolFixture.chain([Self.memory(1000), Self.memory(1000)])
        chain.setAccess(.readOnly, of: try Self.name("a"))
        let first = try chain.add(sample(1, 500))
        #expect(chain.place(of: first)?.pool.text == "b")
        #expect(chain.place(of: first)?.reason == "a is set to readOnly")
        #expect(try chain.setQuota(ByteCount(500), of: try Self.name("b")))
        #expect(throws: StorageError.quotaBelowUse(ByteCount(500))) {
            try chain.setQuota(ByteCount(499), of: try Self.name("b"))
        }
        #expect(try !chain.setQuota(ByteCount(1), of: try Self.name("z")))
        #expect(chain.standings().map(\.account.quota.bytes) == [1000, 500])
        #expect(chain.standings().map(\.account.access) == [.readOnly, .readWrite])
    }

    @Test func aTransferGoesOnWhereItsBytesAre() throws {
        let chain = try PoolFixture.chain([Self.memory(1000), Self.memory(1000)])
        let other = try chain.add(sample(1, 800))
        let bytes = sample(2, 600)
        let reservation = try chain.reserve(try digest(of: bytes), length: ByteCount(600))
        try chain.append(reservation, at: 0, Array(bytes.prefix(400)))
        chain.abandon(reservation, keepingBytes: true)
        // There is room in the first one now; the bytes are in the other.
        try chain.evict(other)
        let again = try chain.reserve(try digest(of: bytes), length: ByteCount(600))
        #expect(again.resumeOffset == ByteCount(400))
        try chain.append(again, at: 400, Array(bytes.dropFirst(400)))
        try chain.publish(again)
        #expect(chain.place(of: try digest(of: bytes))?.pool.text == "b")
    }

    @Test func aPackageIsInTransferInOnePoolOnly() throws {
        let chain = try PoolFixture.chain([Self.memory(1000), Self.memory(1000)])
        let name = try digest(of: sample(1, 600))
        let reservation = try chain.reserve(name, length: ByteCount(600))
        #expect(throws: StorageError.inTransfer(name)) { try chain.reserve(name, length: ByteCount(600)) }
        withExtendedLifetime(reservation) {}
        #expect(chain.account().reserved == ByteCount(600))
    }

    @Test func aPoolWhoseDiskIsGoneIsSaidAndTheOthersGoOn() throws {
        let disk = MemoryPool.Disk()
        let chain = try PoolFixture.chain([Self.memory(1000), Self.memory(5000, disk)])
        let stays = try chain.add(sample(1, 800))
        let lost = try chain.add(sample(2, 3000))
        let b = try Self.name("b")
        chain.detach(b, "/mnt/b is gone")
        #expect(chain.list().map(\.digest) == [stays] && !chain.contains(lost))
        #expect(throws: StorageError.notHeld(lost)) { try chain.open(lost) }
        #expect(chain.standings().last?.problem == "/mnt/b is gone")
        #expect(chain.standings().last?.account.access == .unavailable)
        #expect(chain.check(readData: true).problems == ["pool b is unavailable: /mnt/b is gone"])
        try chain.add(sample(3, 100))
        let error = #expect(throws: StorageError.self) { try chain.add(sample(4, 400)) }
        #expect(error?.description.contains("b is unavailable: /mnt/b is gone") == true)
        // What is set meanwhile holds when it comes back, and so does what was in it.
        chain.setAccess(.readOnly, of: b)
        chain.attach(b, Self.memory(5000, disk))
        #expect(try chain.content(lost) == sample(2, 3000))
        #expect(chain.standings().last?.account.access == .readOnly && chain.standings().last?.problem == nil)
    }

    @Test func aTransferIntoAPoolThatGoesAwayIsNoPackage() throws {
        let chain = try PoolFixture.chain([Self.memory(10), Self.memory(5000)])
        let name = try digest(of: sample(1, 100))
        let reservation = try chain.reserve(name, length: ByteCount(100))
        try chain.append(reservation, at: 0, sample(1, 100))
        chain.detach(try Self.name("b"), "gone")
        #expect(throws: StorageError.self) { try chain.publish(reservation) }
        #expect(!chain.contains(name))
    }

    @Test func aPoolThatComesBackWithWhatWasFetchedAgainGivesUpItsCopy() throws {
        let disk = MemoryPool.Disk()
        let chain = try PoolFixture.chain([Self.memory(5000), Self.memory(5000, disk)])
        let b = try Self.name("b")
        chain.setAccess(.readOnly, of: try Self.name("a"))
        let name = try chain.add(sample(1, 700))
        chain.detach(b, "gone")
        chain.setAccess(.readWrite, of: try Self.name("a"))
        try chain.add(sample(1, 700))
        chain.attach(b, Self.memory(5000, disk))
        #expect(chain.place(of: name)?.pool.text == "a")
        #expect(chain.list().count == 1 && chain.account().used == ByteCount(700))
        #expect(Self.memory(5000, disk).list().isEmpty)
    }

    @Test func aDiskThatFailsIsAskedLastUntilItIsWell() throws {
        let faulty = FaultyPool(Self.memory(5000), failing: [1])
        let chain = try PoolFixture.chain([faulty, Self.memory(5000)])
        let first = try chain.add(sample(1, 100))
        #expect(chain.place(of: first)?.pool.text == "b")
        #expect(chain.place(of: first)?.reason?.contains("fails") == true)
        #expect(chain.place(of: try chain.add(sample(2, 100)))?.pool.text == "b")
        chain.isWell(try Self.name("a"))
        #expect(chain.place(of: try chain.add(sample(3, 100)))?.pool.text == "a")
    }

    @Test(arguments: 1...30) func aFailureAtAnyCallLeavesEachPackageInOnePoolAndNoQuotaBroken(call: Int) throws {
        let disks = [MemoryPool.Disk(), MemoryPool.Disk()]
        let pools = disks.enumerated().map { index, disk in
            FaultyPool(Self.memory(3000, disk), failing: index == call % 2 ? [call / 2 + 1, call / 2 + 2] : [])
        }
        let chain = try PoolFixture.chain(pools)
        var added: Set<SHA256Digest> = []
        for seed in 1...9 {
            // A failure is one of the answers.
            if let name = try? chain.add(sample(seed, 600)) { added.insert(name) }
            if seed % 4 == 0, let name = added.first, (try? chain.evict(name)) != nil { added.remove(name) }
        }
        #expect(Set(chain.list().map(\.digest)) == added)
        #expect(pools[0].list().filter { pools[1].contains($0.digest) }.isEmpty)
        for pool in pools { #expect(pool.committed <= 3000) }
        #expect(chain.account().reserved == .zero)
        // What a crash leaves is what the pools leave.
        let again = try PoolFixture.chain(disks.map { Self.memory(3000, $0) })
        #expect(Set(again.list().map(\.digest)) == added)
    }

    // MARK: Folders

    private static let owner = NodeID(high: 1, low: 2)

    /// A state folder's pools: `main` in it and one more.
    private static func set(_ folder: String, owner: NodeID = owner, more: Bool = true) throws -> PoolSet {
        if more {
            try PoolList([
                .init(name: try name("next"), kind: .file, quota: ByteCount(1 << 20), folder: folder + "/b/pool")
            ]).write(to: folder + "/pools")
        }
        return try PoolSet(
            first: .init(name: try name("main"), folder: folder + "/pool", isOwn: true), list: folder + "/pools",
            owner: owner, quota: ByteCount(2000), settings: [:])
    }

    @Test func aPoolComesBackByItselfWhenItsFolderDoes() throws {
        let folder = try TemporaryFolder()
        try Directory.create(folder.path + "/b")
        try PoolClaim.make(folder.path + "/b/pool", owner: Self.owner, kind: .file, quota: ByteCount(1 << 20))
        let set = try Self.set(folder.path)
        let name = try set.chain.add(sample(1, 5000))
        #expect(set.chain.place(of: name)?.pool.text == "next" && set.look().isEmpty)
        #expect(set.places()[name] == PoolPlace(pool: try NodeName("next")))
        try File.rename(folder.path + "/b", to: folder.path + "/c")
        let gone = set.look()
        #expect(gone.went == [name] && gone.messages.count == 1 && gone.messages[0].contains("is its disk mounted?"))
        #expect(set.look().isEmpty && !set.chain.contains(name))
        #expect(try set.setQuota(ByteCount(6000), of: try Self.name("next")))
        try set.chain.add(sample(2, 100))
        try File.rename(folder.path + "/c", to: folder.path + "/b")
        let back = set.look()
        #expect(back.came == [name] && back.messages[0].contains("available again"))
        #expect(try set.chain.content(name) == sample(1, 5000))
        #expect(set.chain.standings().last?.account.quota == ByteCount(6000))
    }

    @Test func anothersFolderAndOneInUseAreNotTaken() throws {
        let folder = try TemporaryFolder()
        try Directory.create(folder.path + "/b")
        let pool = folder.path + "/b/pool"
        try PoolClaim.make(pool, owner: Self.owner, kind: .file, quota: ByteCount(1 << 20))
        let stranger = try Self.set(folder.path, owner: NodeID(high: 9, low: 9))
        #expect(stranger.chain.standings().last?.problem?.contains("another hub or spoke") == true)
        #expect(throws: StorageError.self) {
            try PoolClaim.make(pool, owner: NodeID(high: 9, low: 9), kind: .file, quota: ByteCount(1))
        }
        #expect(throws: StorageError.self) {
            try PoolClaim.make(pool, owner: Self.owner, kind: .container, quota: ByteCount(1 << 30))
        }
        // Somebody's files are nobody's pool.
        try Directory.create(folder.path + "/files")
        try AtomicFile.write("mine\n", to: folder.path + "/files/letter")
        #expect(throws: StorageError.self) {
            try PoolClaim.make(folder.path + "/files", owner: Self.owner, kind: .file, quota: ByteCount(1))
        }
        #expect(try Directory.list(folder.path + "/files") == ["letter"])
    }

    @Test func aListThatIsDamagedIsRefusedAndOneThatIsWrittenReadsBack() throws {
        let list = PoolList([
            .init(name: try Self.name("next"), kind: .container, quota: ByteCount(5), folder: "/mnt/a b/pool"),
            .init(name: try Self.name("last"), kind: .file, quota: ByteCount(6), folder: "/x"),
        ])
        #expect(PoolList(text: list.text) == list)
        for text in [
            "", "axle pools 2\n", "axle pools 1", "axle pools 1\nnext file 5\n", "axle pools 1\nnext tape 5 /x\n",
            "axle pools 1\nnext file -5 /x\n", "axle pools 1\nnext file 5 x\n", "axle pools 1\n../x file 5 /x\n",
            "axle pools 1\na file 5 /x\na file 5 /y\n",
            "axle pools 1\n" + (0..<16).map { "p\($0) file 5 /x\n" }.joined(),
        ] {
            #expect(PoolList(text: text) == nil, "\(text)")
        }
    }
}
