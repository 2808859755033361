import Hub
import Model
import Protocol
import TLS
import Testing
import Trust

@Suite("Revocation: whoever is stolen can be revoked, however many were before")
struct RevocationTests {
    /// What a spoke makes of the newest list and the segments that the hub serves.
    private func members(_ world: HubWorld) throws -> (members: RevokedMembers, bytes: Int) {
        let signed = try #require(ASCII.bytes(hex: try world.store.setting(.revocationList) ?? ""))
        #expect(signed.count <= RecordLimits.record)
        let list = try RevocationList.open(
            signed, keys: [FakeCryptography().orderKey], verifier: FakeCryptography.Verifier())
        var members = RevokedMembers(list: list)
        var bytes = signed.count
        for reference in members.missing {
            let segment = try #require(try world.store.segment(reference.sha256))
            bytes += segment.count
            members.take(
                try RevocationSegment(bytes: segment, of: reference, digester: HubDigester()), as: reference.sha256)
        }
        #expect(members.missing.isEmpty)
        return (members, bytes)
    }

    private func addClient(_ number: UInt64, _ spoke: NodeID, _ world: HubWorld, life: Duration? = nil) throws {
        try world.store.insertClient(
            ClientEntry(
                id: node(number), name: try name("c\(number)"), spoke: spoke, reportKey: [1], joined: world.now))
        guard let life else { return }
        try world.store.insertCertificate(
            CertificateRecord(
                serial: node(number).bytes, node: node(number), role: .agent, issued: world.now,
                expires: world.now + life))
    }

    @Test func theTwoThousandAndFirstMemberCanBeRevoked() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        _ = try world.connect(spoke)
        for number: UInt64 in 1...2001 {
            try addClient(1000 + number, spoke, world)
            try world.run(.members(.revokeClient(node(1000 + number))))
        }
        #expect(try world.store.isRevoked(node(3001)))
        let (members, _) = try members(world)
        for number: UInt64 in 1...2001 { #expect(members.revokes(node(1000 + number))) }
        #expect(!members.revokes(spoke) && !members.revokes(node(3002)))
        #expect(members.list?.revokes(node(3001)) == true, "the newest is named by the list itself")
    }

    @Test(arguments: StoreKind.allCases) func numberTwoHundredThousandAndOneCanBeRevoked(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        try world.store.transaction {
            for number: UInt64 in 1...200_000 {
                try world.store.putRevocation(
                    RevocationRecord(
                        node: node(1_000_000 + number), role: .agent, ends: at(Int64(number % 90) * 86_400 + 1)))
            }
        }
        world.now = at(2)
        try addClient(5, spoke, world)
        world.answers = false
        world.effects = []
        try world.run(.members(.revokeClient(node(5))))
        // Those that end in the first second have ended.
        let ended = 200_000 / 90
        let segments = try world.store.segments()
        #expect(segments.reduce(0) { $0 + $1.count } == 200_001 - ended)
        #expect(segments.count <= (200_001 - ended) / RecordLimits.segmentIDs + 5)
        #expect(segments.allSatisfy { $0.count <= RecordLimits.segmentIDs })
        let (members, bytes) = try members(world)
        #expect(members.revokes(node(5)) && members.revokes(node(1_000_001)) && members.revokes(node(1_199_999)))
        #expect(!members.revokes(node(1_000_090)), "it has ended")
        #expect(bytes < 200_000 * 17)
        // The spoke asks for a segment by its name.
        let name = try #require(members.list?.segments.first?.name)
        let reply = try world.ask(link, .fetchMetadata(FetchMetadata(name: name)))
        #expect(reply == nil)
        #expect(world.effects.contains { if case .serveMetadata(link, _, name) = $0 { true } else { false } })

        // One more costs neither a segment nor another look at any of the others.
        try addClient(6, spoke, world)
        try world.run(.members(.revokeClient(node(6))))
        #expect(try world.store.segments() == segments)
        #expect(try world.store.revocations().map(\.node) == [node(6)])
    }

    @Test func aRevocationEndsWithTheHorizonAfterTheLastCertificateAndItsSegmentAsAWhole() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        try addClient(1, spoke, world, life: .seconds(10 * 86_400))
        try addClient(2, spoke, world, life: .seconds(100 * 86_400))
        try addClient(3, spoke, world)
        for number: UInt64 in 1...3 { try world.run(.members(.revokeClient(node(number)))) }
        #expect(try world.store.revocations().map(\.node) == [node(1), node(2), node(3)])
        // So long expired that it could not even be renewed.
        world.now = at(55 * 86_400) + .seconds(-1)
        try world.send(.woke)
        #expect(try members(world).members.revokes(node(1)))
        world.now = at(56 * 86_400)
        try world.send(.woke)
        #expect(try world.store.revocations().map(\.node) == [node(2), node(3)])
        #expect(try !members(world).members.revokes(node(1)) && members(world).members.revokes(node(2)))
        // One whose certificates ended so long ago is not named at all.
        try addClient(4, spoke, world, life: .seconds(-50 * 86_400))
        try world.run(.members(.revokeClient(node(4))))
        #expect(try !members(world).members.revokes(node(4)))

        // In segments: all of one end within 30 days of each other.
        for number: UInt64 in 100...1200 {
            try addClient(number, spoke, world, life: .seconds(Int64(number % 3) * 40 * 86_400))
            try world.run(.members(.revokeClient(node(number))))
        }
        let segments = try world.store.segments()
        #expect(segments.count >= 3)
        let now = world.now
        for (index, segment) in segments.enumerated() {
            let end = segment.ends
            #expect(end > now)
            world.now = end + .milliseconds(-1)
            try world.send(.woke)
            #expect(try world.store.segments().contains(segment), "\(index)")
            world.now = end + .seconds(86_400)
            try world.send(.woke)
            #expect(try !world.store.segments().contains(segment))
            _ = try members(world)
        }
        #expect(try world.store.segments().isEmpty)
    }

    @Test func revokedSpokesAreNamedByTheListItselfAsLongAsTheyFit() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        try world.store.transaction {
            for number: UInt64 in 1...500 {
                try world.store.putRevocation(RevocationRecord(node: node(number), role: .spoke, ends: at(86_400 * 50)))
            }
            for number: UInt64 in 501...1000 {
                try world.store.putRevocation(RevocationRecord(node: node(number), role: .agent, ends: at(86_400 * 50)))
            }
        }
        try addClient(2000, spoke, world)
        try world.run(.members(.revokeClient(node(2000))))
        var list = try #require(try members(world).members.list)
        #expect(list.nodes == Set((1...500).map { node($0) }))
        #expect(list.segments.map(\.role) == [Role.agent.rawValue, Role.agent.rawValue])
        // An agent needs nothing but the list.
        #expect(RevokedMembers(of: .spoke, list: list).missing.isEmpty)

        try world.store.transaction {
            for number: UInt64 in 3000...3501 {
                try world.store.putRevocation(RevocationRecord(node: node(number), role: .spoke, ends: at(86_400 * 50)))
            }
        }
        try world.run(.members(.revokeSpoke(spoke)))
        list = try #require(try members(world).members.list)
        #expect(list.nodes.isEmpty)
        #expect(RevokedMembers(of: .spoke, list: list).missing.reduce(0) { $0 + $1.count } == 1003)
        #expect(try members(world).members.revokes(spoke))
    }

    @Test func aSegmentIsFilledBeforeAnotherOneBegins() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        for round: UInt64 in 0..<4 {
            try world.store.transaction {
                for number: UInt64 in 1...1000 {
                    try world.store.putRevocation(
                        RevocationRecord(node: node(round * 10_000 + number), role: .agent, ends: at(86_400 * 50)))
                }
            }
            try addClient(100_000 + round, spoke, world, life: .seconds(5 * 86_400))
            try world.run(.members(.revokeClient(node(100_000 + round))))
        }
        #expect(
            try world.store.segments().map(\.count).sorted() == [
                4004 - RecordLimits.segmentIDs, RecordLimits.segmentIDs,
            ])
        let (members, _) = try members(world)
        for round: UInt64 in 0..<4 {
            #expect(members.revokes(node(round * 10_000 + 1)) && members.revokes(node(round * 10_000 + 1000)))
            #expect(members.revokes(node(100_000 + round)))
        }
    }

    @Test func aDamagedSegmentDoesNotKeepAnybodyFromBeingRevoked() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let broken = SegmentRecord(sha256: try digest(9), role: .agent, count: 5, ends: at(0))
        for offset: Int64 in 0..<120 {
            var record = broken
            record.ends = UnixTime(milliseconds: (at(offset * 86_400).milliseconds / 2_592_000_000 + 1) * 2_592_000_000)
            record.sha256 = try SHA256Digest(bytes: SHA256.hash([UInt8(offset)]))
            guard try !world.store.segments().contains(where: { $0.ends == record.ends }) else { continue }
            try world.store.insertSegment(record, bytes: [1, 2, 3])
        }
        for number: UInt64 in 1...1001 {
            try world.store.putRevocation(RevocationRecord(node: node(number), role: .agent, ends: at(86_400 * 50)))
        }
        try addClient(5000, spoke, world)
        try world.run(.members(.revokeClient(node(5000))))
        #expect(try world.store.segments().contains { $0.count == 1001 })
    }

    @Test func aFullListStillTakesTheNewestRevocationAndSaysSo() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        try world.store.transaction {
            for number in 0..<RecordLimits.segments + 3 {
                let segment = RevocationSegment([node(UInt64(1_000_000 + number))])
                try world.store.insertSegment(
                    SegmentRecord(
                        sha256: SHA256Digest(bytes: SHA256.hash(segment.bytes)), role: .agent, count: 1,
                        ends: at(Int64(86_400 * (100 + number)))), bytes: segment.bytes)
            }
        }
        try addClient(1, spoke, world)
        try world.run(.members(.revokeClient(node(1))))
        let (members, _) = try members(world)
        #expect(members.revokes(node(1)))
        // Those that end first are left out.
        #expect(!members.revokes(node(1_000_002)) && members.revokes(node(1_000_003)))
        #expect(try world.events(.revocationsStale).contains { $0.event.text.contains("full: 3 members") })
    }

    /// A thousand revocations in a row are not a thousand lists on the way to each spoke.
    @Test func oneListIsOnItsWayToASpokeAtATimeAndTheNewestFollows() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        world.answers = false
        world.effects = []
        func lists() throws -> [(RequestID, UInt64)] {
            try world.requests().compactMap { _, request, message in
                guard case .revocations(let list) = message else { return nil }
                return (request, try RevocationList.readUnverified(list.signed).number)
            }
        }
        for number: UInt64 in 1...20 {
            try addClient(number, spoke, world)
            try world.run(.members(.revokeClient(node(number))))
        }
        let first = try lists()
        #expect(first.map(\.1) == [2])
        world.effects = []
        try world.send(.link(.reply(link, first[0].0, .ok(OK()))))
        let second = try lists()
        #expect(second.map(\.1) == [21])
        // One that was never answered is sent again, the newest then.
        try addClient(50, spoke, world)
        try world.run(.members(.revokeClient(node(50))))
        world.effects = []
        try world.send(.link(.failed(link, second[0].0, .timedOut)))
        #expect(try lists().isEmpty)
        world.now = world.now + HubLimits.deliveryRetry
        try world.send(.woke)
        #expect(try lists().map(\.1) == [22])
    }
}

private struct HubDigester: Digester {
    func sha256(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes) }
    func sha512(_ bytes: [UInt8]) -> [UInt8] { SHA512.hash(bytes) }
}
