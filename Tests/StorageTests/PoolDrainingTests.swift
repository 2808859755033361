import Model
import Storage
import StorageSupport
import System
import TestSupport
import Testing

/// A pool that is emptied into the others while all of them are used.
@Suite struct PoolDrainingTests {
    private let a: NodeName
    private let b: NodeName

    init() throws {
        a = try NodeName("a")
        b = try NodeName("b")
    }

    private func memory(_ quota: UInt64, _ disk: MemoryPool.Disk = .init()) -> MemoryPool {
        MemoryPool(disk: disk, quota: ByteCount(quota))
    }

    @Test func allOfItMovesAndNothingNewComes() throws {
        let fixture = try PoolFixture(.diskChain, first: 1 << 20)
        let chain = try #require(try fixture.open(quota: 40 << 20) as? PoolChain)
        let contents = (1...4).map { sample($0, 200_000) }
        let names = try contents.map { try chain.add($0) }
        #expect(names.allSatisfy { chain.place(of: $0)?.pool == a })
        chain.setAccess(.draining, of: a)
        let added = try chain.add(sample(9, 100))
        #expect(chain.place(of: added)?.reason == "a is set to draining")
        var moved: [SHA256Digest] = []
        let drained = chain.drain(a) { moved.append($0.digest) }
        #expect(drained.packages == 4 && drained.bytes == ByteCount(800_000) && drained.stays.isEmpty)
        #expect(moved == names.sorted())
        for (name, content) in zip(names, contents) {
            #expect(chain.place(of: name)?.pool == b)
            #expect(try chain.content(name) == content)
        }
        #expect(chain.pool(a)?.list().isEmpty == true && chain.pool(a)?.account().used == .zero)
        #expect(chain.check(readData: true).problems.isEmpty)
        // Set to something else it is a pool like any other.
        chain.setAccess(.readWrite, of: a)
        #expect(chain.place(of: try chain.add(sample(10, 100)))?.pool == a)
        #expect(chain.drain(a) == .init())
    }

    @Test func whatHasNoRoomStaysAndItIsSaidWhy() throws {
        let chain = try PoolFixture.chain([memory(5000), memory(1000)])
        let small = try chain.add(sample(1, 600))
        let large = try chain.add(sample(2, 2000))
        chain.setAccess(.draining, of: a)
        let drained = chain.drain(a)
        #expect(drained.packages == 1 && chain.place(of: small)?.pool == b)
        let why = try #require(drained.stays[large])
        #expect(drained.stays.count == 1 && why.isFull)
        #expect(why.description.contains("b has 400 B left and 2 kB are needed"), "\(why)")
        #expect(try chain.content(large) == sample(2, 2000))
    }

    @Test func whatIsReadGoesOnBeingReadAndLeavesLater() throws {
        let chain = try PoolFixture.chain([memory(5000), memory(5000)])
        let name = try chain.add(sample(1, 600))
        chain.setAccess(.draining, of: a)
        var reader: (any PackageReader)? = try chain.open(name)
        #expect(chain.drain(a).stays == [name: .inUse(name)])
        #expect(try reader?.read(at: .zero, count: 600) == sample(1, 600))
        #expect(chain.list().count == 1)
        reader = nil
        let drained = chain.drain(a)
        #expect(drained.packages == 1 && chain.pool(a)?.list() == [] && chain.place(of: name)?.pool == b)
    }

    @Test func whatIsDamagedIsSaidOnceAndLeavesWhenItIsRepaired() throws {
        let disk = MemoryPool.Disk()
        let chain = try PoolFixture.chain([memory(5000, disk), memory(5000)])
        let name = try chain.add(sample(1, 600))
        chain.setAccess(.draining, of: a)
        #expect(disk.damage(name))
        let drained = chain.drain(a)
        #expect(drained.damaged == [name] && drained.stays == [name: .corrupt(name)])
        #expect(chain.marks() == [name: .corrupt] && chain.account().reserved == .zero)
        #expect(chain.drain(a).damaged.isEmpty && chain.drain(a).stays == [name: .corrupt(name)])
        _ = try chain.repair(name, length: ByteCount(600), from: SampleSource([sample(1, 600)]))
        #expect(chain.drain(a).packages == 1)
        #expect(try chain.content(name) == sample(1, 600))
        #expect(chain.pool(a)?.contains(name) == false)
    }

    /// A cut between the copy and the removal leaves both: the one in the pool that is emptied goes, also where that pool is the first.
    @Test func aCutLeavesTwoCopiesOfWhichTheRightOneGoes() throws {
        let disks = [MemoryPool.Disk(), MemoryPool.Disk()]
        for disk in disks { try memory(5000, disk).add(sample(1, 600)) }
        let chain = PoolChain()
        chain.attach(a, memory(5000, disks[0]), access: .draining)
        chain.attach(b, memory(5000, disks[1]))
        #expect(chain.pool(a)?.list() == [])
        #expect(try chain.content(try digest(of: sample(1, 600))) == sample(1, 600))
    }

    @Test(arguments: 1...24) func aFailureAtAnyCallLosesNothingAndTheNextPassGoesOn(call: Int) throws {
        let inner = [memory(3000), memory(3000)]
        let names = try (1...4).map { try inner[0].add(sample($0, 600)) }
        let pools = inner.enumerated().map { index, pool in
            FaultyPool(pool, failing: index == call % 2 ? [call / 2, call / 2 + 1] : [])
        }
        let chain = try PoolFixture.chain(pools)
        chain.setAccess(.draining, of: a)
        _ = chain.drain(a)
        #expect(chain.list().map(\.digest) == names.sorted())
        for pool in inner { #expect(pool.committed <= 3000) }
        for _ in 0..<3 { _ = chain.drain(a) }
        #expect(inner[0].list() == [] && inner[1].list().map(\.digest) == names.sorted())
        for (seed, name) in zip(1...4, names) { #expect(try inner[1].content(name) == sample(seed, 600)) }
        #expect(chain.account().reserved == .zero)
    }

    /// Others read, add and remove meanwhile: what was removed is gone, everything else is there once.
    @Test func nothingIsLostOrComesBackWhateverRunsBesides() throws {
        let fixture = try PoolFixture(.diskChain, first: 20 << 20)
        let chain = try #require(try fixture.open(quota: 60 << 20) as? PoolChain)
        let contents = (0..<40).map { sample($0, 30_000 + $0 * 1000) }
        let names = try contents.map { try digest(of: $0) }
        for content in contents.prefix(30) { try chain.add(content) }
        chain.setAccess(.draining, of: a)
        let wrong = NativeLock([String]())
        let reader = try NativeThread("reader") {
            for round in 0..<200 {
                let index = round * 7 % 20
                do throws(StorageError) {
                    let bytes = try chain.open(names[index]).read(at: .zero, count: 100_000)
                    if bytes != contents[index] { wrong.withLock { $0.append("\(index) has other bytes") } }
                } catch {
                    wrong.withLock { $0.append("\(index): \(error)") }
                }
            }
        }
        let remover = try NativeThread("remover") {
            for index in 20..<30 {
                while true {
                    do throws(StorageError) {
                        try chain.evict(names[index])
                        break
                    } catch {
                        // It is being moved or read: asked again, as the daemons do.
                        NativeThread.sleep(.milliseconds(1))
                    }
                }
            }
        }
        let adder = try NativeThread("adder") {
            for content in contents.suffix(10) where (try? chain.add(content)) == nil {
                wrong.withLock { $0.append("not added") }
            }
        }
        while chain.pool(a)?.list().isEmpty == false { _ = chain.drain(a) }
        for thread in [reader, remover, adder] { thread.join() }
        #expect(wrong.withLock { $0 } == [])
        #expect(Set(chain.list().map(\.digest)) == Set(names.prefix(20) + names.suffix(10)))
        #expect(chain.pool(a)?.list() == [] && chain.account().reserved == .zero)
        #expect(chain.check(readData: true).problems.isEmpty)
    }

    @Test func whatKeepsAPoolFromBeingEmptiedIsSaidOnceAndThenThatItIs() async throws {
        let chain = try PoolFixture.chain([memory(5000), memory(100)])
        let name = try chain.add(sample(1, 600))
        let drainer = PoolDrainer(chain, program: "axle-spoke")
        let (news, heard) = AsyncStream.makeStream(of: PoolDrainer.News.self)
        // Nothing is to be emptied: nothing is said.
        drainer.look { heard.yield($0) }
        chain.setAccess(.draining, of: a)
        drainer.look { heard.yield($0) }
        var next = news.makeAsyncIterator()
        guard case .said(let why, isEmpty: false)? = await next.next() else { return #expect(Bool(false), "not said") }
        #expect(why.hasPrefix("pool a cannot be emptied yet, 1 packages stay: no pool takes it"))
        #expect(try chain.setQuota(ByteCount(1000), of: b))
        // A pass that is under way takes no second one.
        while chain.pool(a)?.list().isEmpty == false {
            drainer.look { heard.yield($0) }
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(await next.next() == .moved(name))
        guard case .said(let text, isEmpty: true)? = await next.next() else { return #expect(Bool(false), "not said") }
        #expect(text.hasPrefix("pool a is empty: 1 packages, 600 B") && text.contains("axle-spoke remove-pool a"))
    }
}
