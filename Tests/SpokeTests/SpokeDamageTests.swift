import Model
import Protocol
import Spoke
import Storage
import Testing

/// What becomes of a replica that has two forms, and of a patch, when the disk damages one of their objects.
@Suite struct SpokeDamageTests {
    private static func content() throws -> PackageContent {
        PackageContent(coding: .zstd, length: ByteCount(900), sha256: try SpokeBench.digest(101))
    }

    /// A verified release whose pool holds these of its objects.
    private func holding(file: Bool, content: Bool) throws -> (SpokeBench, Replicate) {
        var bench = try SpokeBench()
        let wanted = try SpokeBench.replicate(1)
        bench.store.save(
            WantedReplica(
                path: wanted.path, sha256: wanted.sha256, length: wanted.length, content: try Self.content(),
                priority: 4, state: .verified))
        var held: Set<SHA256Digest> = []
        if file { held.insert(wanted.sha256) }
        if content { held.insert(try Self.content().sha256) }
        try bench.restart(held: held)
        try bench.openHub()
        return (bench, wanted)
    }

    private func repairs(_ bench: SpokeBench) -> Bool {
        bench.effects.contains { if case .repair = $0 { true } else { false } }
    }

    @Test(arguments: [true, false]) func oneOfTwoFormsOnlyGoes(isFile: Bool) throws {
        var (bench, wanted) = try holding(file: true, content: true)
        let damaged = isFile ? wanted.sha256 : try Self.content().sha256
        try bench.tell(.pool(.damaged([damaged])))
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
        #expect(bench.effects.contains(.evict([damaged])))
        #expect(!bench.effects.contains(.findTarget(wanted.path)) && !repairs(bench))
        #expect(bench.store.events(limit: 9).last?.event.code == .replicaCorrupt)
    }

    @Test func aContentThatIsAllThereIsComesAgainByTheCheapestWay() throws {
        var (bench, wanted) = try holding(file: false, content: true)
        try bench.tell(.pool(.damaged([try Self.content().sha256])))
        #expect(bench.store.replica(wanted.sha256)?.state == .corrupt)
        #expect(bench.effects.contains(.evict([try Self.content().sha256])))
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content()))
        #expect(!repairs(bench))
        let asked = bench.requests(on: SpokeBench.hub).contains {
            if case .fetchPlan = $0.message { true } else { false }
        }
        #expect(asked)
    }

    @Test func aFileThatIsAllThereIsIsRepairedInItsDamagedParts() throws {
        var (bench, wanted) = try holding(file: true, content: false)
        try bench.tell(.pool(.damaged([wanted.sha256])))
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content()))
        #expect(repairs(bench))
        try bench.tell(.transferEnded(wanted.sha256, .repaired(fetched: ByteCount(1))))
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
    }

    @Test func bothFormsDamagedAtOnceAreSaidOnceAndTheFileIsRepaired() throws {
        var (bench, wanted) = try holding(file: true, content: true)
        let before = bench.store.events(limit: 99).count
        try bench.tell(.pool(.damaged([wanted.sha256, try Self.content().sha256])))
        #expect(bench.store.replica(wanted.sha256)?.state == .corrupt)
        #expect(bench.store.events(limit: 99).count == before + 1)
        #expect(bench.effects.contains(.evict([try Self.content().sha256])))
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content()))
        #expect(repairs(bench))
    }

    @Test func aDamagedFileThatThePlanTookIsFetchedAndNotRepairedWhenItIsWantedAgain() throws {
        var (bench, wanted) = try holding(file: true, content: false)
        try bench.tell(.pool(.damaged([wanted.sha256])))
        bench.now = bench.now + .seconds(7000)
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content()))
        try bench.tell(.transferEnded(wanted.sha256, .interrupted("the hub is busy")))
        let evict = Evict(path: wanted.path, sha256: wanted.sha256, text: "there are newer releases")
        #expect(try bench.ask(SpokeBench.hub, .evict(evict)) == nil)
        try bench.tell(.evicted([wanted.sha256]))
        try bench.tell(.evictionEnded(wanted.sha256, refusal: nil))
        #expect(try bench.ask(SpokeBench.hub, .replicate(wanted)) == .ok(OK()))
        bench.now = bench.now + .seconds(7000)
        try bench.tell(.woke)
        bench.effects = []
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content()))
        #expect(!repairs(bench))
        #expect(bench.store.replica(wanted.sha256)?.state == .transferring)
    }

    @Test func aDamagedPatchIsForgotten() throws {
        var (bench, wanted) = try holding(file: true, content: true)
        let patch = try SpokeBench.digest(200)
        bench.store.save(
            KeptPatch(
                sha256: patch, length: 10, base: try SpokeBench.digest(100), content: try Self.content().sha256,
                path: wanted.path))
        try bench.tell(.pool(.damaged([patch])))
        #expect(bench.store.patches().isEmpty)
        #expect(bench.effects.contains(.evict([patch])))
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
    }
}
