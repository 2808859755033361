import Hub
import Model
import Protocol
import Rollout
import SQLite
import Testing
import Trust

private struct Refused: Error {}

/// What every hub store must hold to.
@Suite struct HubStoreConformanceTests {
    private func spoke(_ number: UInt64, _ text: String) throws -> SpokeRecord {
        SpokeRecord(id: node(number), name: try name(text), joined: at(0))
    }

    private func client(_ number: UInt64, _ text: String, spoke: UInt64 = 1) throws -> ClientEntry {
        ClientEntry(id: node(number), name: try name(text), spoke: node(spoke), reportKey: [1, 2], joined: at(0))
    }

    @Test(arguments: StoreKind.allCases) func aTransactionIsKeptWholeOrNotAtAll(kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        #expect(throws: Refused.self) {
            try store.transaction {
                try store.insertSpoke(spoke(1, "a"))
                try store.appendEvent(Event(time: at(0), severity: .info, code: .spokeJoined, text: "x"))
                _ = try store.nextSequence()
                throw Refused()
            }
        }
        #expect(try store.spokes().isEmpty)
        #expect(try store.lastEvent() == nil)
        #expect(try store.nextSequence().number == 1)
        try store.transaction {
            try store.insertSpoke(spoke(1, "a"))
            #expect(throws: Refused.self) {
                try store.transaction {
                    try store.insertSpoke(spoke(2, "b"))
                    throw Refused()
                }
            }
        }
        #expect(try fixture.reopen().spokes().map(\.name.text) == ["a"])
    }

    @Test(arguments: StoreKind.allCases) func aTokenIsUsedUpAndItsSecretErased(kind: StoreKind) throws {
        let store = try kind.make().store
        let id = TokenID(high: 1, low: 1)
        try store.insertToken(
            TokenRecord(
                id: id, secret: [9, 9], role: .agent, spoke: node(1), uses: 2, created: at(0), expires: at(100)))
        #expect(throws: HubStoreError.self) {
            try store.insertToken(
                TokenRecord(id: id, secret: [8], role: .spoke, created: at(0), expires: at(100)))
        }
        #expect(try !store.useToken(id, role: .spoke, spoke: node(1), at: at(1)))
        #expect(try !store.useToken(id, role: .agent, spoke: node(2), at: at(1)))
        #expect(try !store.useToken(id, role: .agent, spoke: nil, at: at(1)))
        #expect(try !store.useToken(id, role: .agent, spoke: node(1), at: at(100)))
        #expect(try !store.useToken(TokenID(high: 2, low: 2), role: .agent, spoke: nil, at: at(1)))
        #expect(try store.useToken(id, role: .agent, spoke: node(1), at: at(1)))
        #expect(try store.token(id)?.secret == [9, 9] && store.token(id)?.usesLeft == 1)
        #expect(try store.useToken(id, role: .agent, spoke: node(1), at: at(1)))
        #expect(try store.token(id)?.secret == [] && store.token(id)?.usesLeft == 0)
        #expect(try !store.useToken(id, role: .agent, spoke: node(1), at: at(1)))
        try store.removeToken(TokenID(high: 2, low: 2))
        try store.removeTokens(expiredBefore: at(100))
        #expect(try store.tokens().count == 1)
        try store.removeTokens(expiredBefore: at(101))
        #expect(try store.tokens().isEmpty)
        try store.insertToken(
            TokenRecord(id: id, secret: [9], role: .agent, created: at(0), expires: at(100)))
        try store.removeToken(id)
        #expect(try store.token(id) == nil && !store.useToken(id, role: .agent, spoke: nil, at: at(1)))
    }

    @Test(arguments: StoreKind.allCases) func spokesAreKeptFoundAndListed(kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        for (number, text) in [(1, "b"), (2, "a"), (3, "c")] as [(UInt64, String)] {
            try store.insertSpoke(spoke(number, text))
        }
        #expect(throws: HubStoreError.duplicate("spoke a")) { try store.insertSpoke(spoke(4, "a")) }
        #expect(throws: HubStoreError.self) { try store.insertSpoke(spoke(1, "d")) }
        #expect(throws: HubStoreError.self) { try store.updateSpoke(spoke(9, "z")) }
        var changed = try spoke(2, "a")
        changed.revoked = at(5)
        changed.isConnected = true
        changed.since = at(6)
        changed.program = "1.2"
        changed.lastEvent = 77
        try store.updateSpoke(changed)
        let again = try fixture.reopen()
        #expect(try again.spoke(node(2)) == changed)
        #expect(try again.spoke(named: name("a")) == changed)
        #expect(try again.spoke(node(9)) == nil && again.spoke(named: name("z")) == nil)
        #expect(try again.spokes().map(\.name.text) == ["a", "b", "c"])
        #expect(try again.spokes(after: name("a"), limit: 1).map(\.name.text) == ["b"])
        #expect(try again.isRevoked(node(2)) && !again.isRevoked(node(1)))
        #expect(try again.revokedSpokes() == [node(2)])
        try again.disconnectAllSpokes()
        #expect(try again.spoke(node(2))?.isConnected == false)
    }

    @Test(arguments: StoreKind.allCases) func whatIsWantedOfLinksIsKept(kind: StoreKind) throws {
        let fixture = try kind.make()
        try fixture.store.insertSpoke(spoke(1, "a"))
        #expect(try fixture.store.link(of: node(1)) == nil)
        var link = LinkRecord(spoke: node(1), limit: "20 Mbit/s")
        try fixture.store.putLink(link)
        #expect(try fixture.reopen().link(of: node(1)) == link)
        link.limit = nil
        link.agentLimit = "none"
        try fixture.store.putLink(link)
        #expect(try fixture.reopen().link(of: node(1)) == link)
        #expect(try fixture.store.link(of: node(2)) == nil)
        try fixture.store.insertSpoke(spoke(2, "b"))
        for number: UInt64 in [1, 2] {
            try fixture.store.addTraffic(of: node(number), sent: ByteCount(5), received: .zero)
            try fixture.store.addTraffic(of: node(number), sent: ByteCount(7), received: ByteCount(1))
        }
        link.sent = ByteCount(12)
        link.received = ByteCount(1)
        #expect(try fixture.reopen().link(of: node(1)) == link)
        #expect(try fixture.reopen().link(of: node(2))?.sent == ByteCount(12))
    }

    @Test(arguments: StoreKind.allCases) func clientsFactsAndCountersAreKept(kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        try store.insertSpoke(spoke(1, "s1"))
        try store.insertSpoke(spoke(2, "s2"))
        for (number, text, spoke) in [(11, "b", 1), (12, "a", 1), (13, "c", 2)] as [(UInt64, String, UInt64)] {
            var entry = try client(number, text, spoke: spoke)
            entry.isConnected = true
            try store.insertClient(entry)
        }
        #expect(throws: HubStoreError.duplicate("client a")) { try store.insertClient(client(14, "a")) }
        var changed = try client(12, "a")
        changed.labels = ["site": "north", "ring": "0"]
        changed.lastReport = at(9)
        changed.incarnation = .max
        changed.revoked = at(1)
        try store.updateClient(changed)
        let facts = FactsRecord(facts: try sampleFacts(), time: at(3))
        try store.setFacts(facts, of: node(12))
        var ledger = ReportLedger(highest: 5)
        try store.setReportLedger(ledger, of: node(12), incarnation: 1, heard: at(1))
        try store.setReportLedger(ReportLedger(highest: 7), of: node(12), incarnation: 2, heard: at(2))
        _ = ledger.take(6, digest: [1, 2, 3, 4, 5, 6, 7, 8, 9])
        _ = ledger.take(9, digest: [9])
        ledger.askedAnew = at(3)
        try store.setReportLedger(ledger, of: node(12), incarnation: 1, heard: at(3))
        let again = try fixture.reopen()
        #expect(try again.client(node(12)) == changed && again.client(named: name("a")) == changed)
        #expect(try again.clients().map(\.name.text) == ["a", "b", "c"])
        #expect(try again.clients(after: name("a"), limit: 1).map(\.name.text) == ["b"])
        #expect(try again.clients(of: node(1)).map(\.name.text) == ["a", "b"])
        #expect(try again.facts(of: node(12)) == facts && again.facts(of: node(11)) == nil)
        #expect(try again.allFacts() == [node(12): facts.facts])
        #expect(try again.reportCounter(of: node(12), incarnation: 1) == 9)
        #expect(try again.reportLedger(of: node(12), incarnation: 1) == ledger)
        #expect(try again.reportCounter(of: node(12), incarnation: 2) == 7)
        #expect(try again.reportCounter(of: node(11), incarnation: 1) == nil)
        #expect(try again.isRevoked(node(12)) && again.revokedSpokes().isEmpty)
        try again.disconnectClients(of: node(1), at: at(20))
        #expect(try again.client(node(11))?.isConnected == false && again.client(node(11))?.since == at(20))
        #expect(try again.client(node(13))?.isConnected == true)
        try again.disconnectClients(of: nil, at: at(21))
        #expect(try again.client(node(13))?.isConnected == false)
    }

    @Test(arguments: StoreKind.allCases) func thePartsOfTheRevocationListAreKept(kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        var records = [
            RevocationRecord(node: node(3), role: .spoke, ends: at(10)),
            RevocationRecord(node: node(1), role: .agent, ends: at(20)),
            RevocationRecord(node: node(2), role: .agent, ends: at(30)),
        ]
        for record in records { try store.putRevocation(record) }
        records[1].ends = at(25)
        try store.putRevocation(records[1])
        #expect(try fixture.reopen().revocations() == [records[1], records[2], records[0]])
        let segments = [
            SegmentRecord(sha256: try digest(9), role: .agent, count: 2, ends: at(20)),
            SegmentRecord(sha256: try digest(8), role: .agent, count: 1, ends: at(30)),
            SegmentRecord(sha256: try digest(7), role: .agent, count: 1, ends: at(20)),
            SegmentRecord(sha256: try digest(10), role: .spoke, count: 1, ends: at(20)),
        ]
        for (number, segment) in segments.enumerated() {
            try store.insertSegment(segment, bytes: [UInt8(number), 0xFF])
        }
        #expect(throws: HubStoreError.self) { try store.insertSegment(segments[0], bytes: []) }
        let again = try fixture.reopen()
        #expect(try again.segments() == [segments[3], segments[2], segments[0], segments[1]])
        #expect(try again.segment(digest(8)) == [1, 0xFF] && again.segment(digest(1)) == nil)
        try again.removeSegment(digest(7))
        try again.removeRevocation(of: node(2))
        try again.removeRevocation(of: node(99))
        try again.removeRevocations(endingBy: at(20))
        #expect(try again.revocations() == [records[1]] && again.segments() == [segments[1]])
        #expect(throws: HubStoreError.self) {
            try again.transaction {
                try again.removeRevocations(endingBy: at(90))
                throw HubStoreError.missing("all of it")
            }
        }
        #expect(try fixture.reopen().revocations() == [records[1]] && fixture.reopen().segments() == [segments[1]])
    }

    @Test(arguments: StoreKind.allCases) func theStandingOfTheRevokedDoesNotCount(kind: StoreKind) throws {
        let store = try kind.make().store
        try store.insertSpoke(spoke(1, "s1"))
        try store.insertSpoke(spoke(2, "s2"))
        for number: UInt64 in 11...12 {
            try store.insertClient(client(number, "c\(number)", spoke: 1))
        }
        for number: UInt64 in [1, 2, 11, 12, 90] {
            try store.putStanding(
                StandingRecord(node: node(number), anchors: 1, heard: at(1), root: [1], expires: at(9)))
        }
        var revoked = try spoke(2, "s2")
        revoked.revoked = at(3)
        try store.updateSpoke(revoked)
        var gone = try client(11, "c11", spoke: 1)
        gone.revoked = at(3)
        try store.updateClient(gone)
        #expect(try store.standings().map(\.node) == [node(1), node(12), node(90)])
        #expect(try store.standing(of: node(11)) != nil)
    }

    @Test(arguments: StoreKind.allCases) func certificatesAreKeptOnce(kind: StoreKind) throws {
        let fixture = try kind.make()
        let record = CertificateRecord(
            serial: [1, 2, 3], node: node(1), role: .spoke, issued: at(0), expires: at(10))
        try fixture.store.insertCertificate(record)
        #expect(throws: HubStoreError.self) { try fixture.store.insertCertificate(record) }
        #expect(try fixture.reopen().certificates(of: node(1)) == [record])
        #expect(try fixture.reopen().certificates(of: node(2)).isEmpty)
    }

    @Test(arguments: StoreKind.allCases) func catalogSettingsAndAnswersAreKept(kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        #expect(try store.catalog() == nil)
        var catalog = CatalogRecord(url: "https://vendor.example/", root: [1, 2])
        try store.setCatalog(catalog)
        catalog.timestampVersion = 8
        catalog.expires = at(5)
        catalog.refreshed = at(4)
        catalog.nextRefresh = at(6)
        catalog.failures = 2
        catalog.error = "no answer"
        try store.setCatalog(catalog)
        #expect(try fixture.reopen().catalog() == catalog)

        #expect(try store.setting(.fleet) == nil)
        try store.setSetting(.fleet, "one")
        try store.setSetting(.fleet, "two")
        #expect(try fixture.reopen().setting(.fleet) == "two" && store.setting(.hubID) == nil)

        let answer = IdempotencyRecord(key: "k", request: [1], status: 201, body: [2, 3], created: at(1))
        try store.insertAnswer(answer)
        #expect(throws: HubStoreError.self) { try store.insertAnswer(answer) }
        #expect(try fixture.reopen().answer(for: "k") == answer && store.answer(for: "other") == nil)
        try store.removeAnswers(createdBefore: at(2))
        #expect(try store.answer(for: "k") == nil)
    }

    @Test(arguments: StoreKind.allCases) func packagesAreKeptByPath(kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        let first = PackageRecord(package: try samplePackage("1.0"), announced: at(0))
        var second = PackageRecord(package: try samplePackage("2.0", counter: 2, hash: 2), announced: at(0))
        try store.putPackage(second)
        try store.putPackage(first)
        second.state = .failed
        second.bytesHeld = 500
        second.changed = at(7)
        second.error = "cut"
        second.failures = 3
        second.nextTry = at(9)
        try store.putPackage(second)
        let again = try fixture.reopen()
        #expect(try again.package(second.package.path) == second)
        #expect(try again.packages() == [first, second])
        #expect(try again.packages(after: first.package.path, limit: 5) == [second])
        #expect(try again.packages(in: .failed) == [second] && again.packages(in: .retired).isEmpty)
        #expect(
            try again.packages(product: ProductName("ruff"), release: ReleaseName("1.0")) == [first])
        #expect(try again.nextImport() == at(9))
        second.nextTry = nil
        try again.putPackage(second)
        #expect(try again.nextImport() == nil)
    }

    @Test func aReleaseThatIsPutBackOpensWhatANewerOneWroteAndSaysWhatItDoesNotKnow() throws {
        let fixture = try StoreKind.sqlite.make()
        let path = try #require(fixture.path)
        let store = fixture.store
        try store.insertSpoke(spoke(1, "s1"))
        let known = try samplePackage("1.0")
        let newer = try samplePackage("2.0")
        for package in [known, newer] {
            var record = PackageRecord(package: package, announced: at(0))
            (record.state, record.nextTry) = (.imported, at(1))
            try store.putPackage(record)
            try store.putReplica(
                ReplicaRecord(
                    spoke: node(1), path: package.path, digest: package.sha256, state: .verified, changed: at(0)))
        }
        for number in [1, 2] as [UInt64] {
            try store.insertRollout(
                RolloutRecord(
                    id: RolloutID(high: 0, low: number), specification: try sampleSpecification(), state: .running,
                    created: at(0)))
        }
        try store.putCheck(
            CheckRecord(
                node: node(1), readsData: true, began: at(0),
                said: PoolChecked(
                    pool: try name("main"), check: 7, isOver: false, read: 0, total: 2, problems: [], corrupt: [])))
        do {
            let database = try Database(path: path)
            try database.run("UPDATE pool_check SET said = x'00'")
            try database.run(
                "UPDATE package SET package = replace(package, '\"normal\"', '\"urgent\"') WHERE path = ?", newer.path)
            try database.run("UPDATE replica SET state = 99, means = 99 WHERE path = ?", newer.path)
            try database.run("UPDATE rollout SET state = 99 WHERE ordinal = 1")
            try database.run("UPDATE rollout SET specification = '{\"window\":7}' WHERE ordinal = 2")
        }
        let again = try fixture.reopen()
        #expect(try again.packages(after: nil, limit: 1).map(\.package) == [known])
        #expect(try again.packages(after: known.path, limit: 5).isEmpty && again.package(newer.path) == nil)
        #expect(try again.packages(in: .imported).count == 1)
        // What is passed over wakes nobody.
        #expect(try again.nextImport() == at(1))
        #expect(try again.replica(spoke: node(1), path: newer.path)?.state == .pending)
        #expect(try again.rollouts(after: 0, limit: 9).map(\.state) == [.paused])
        #expect(try again.rollouts(in: [.running]).isEmpty)
        #expect(try again.checks(at: node(1)).isEmpty && again.check(node: node(1), pool: name("main")) == nil)
        let lines = try again.events(after: 0, search: nil, limit: 99).filter { $0.event.code == .storeNewer }
        #expect(lines.count == 5)
    }

    @Test(arguments: StoreKind.allCases) func replicasAndPoolsAreKept(kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        try store.insertSpoke(spoke(1, "s1"))
        try store.insertSpoke(spoke(2, "s2"))
        let one = try samplePackage("1.0").path
        let two = try samplePackage("2.0").path
        for (number, path) in [(1, one), (1, two), (2, one)] as [(UInt64, TargetPath)] {
            try store.putReplica(
                ReplicaRecord(spoke: node(number), path: path, digest: try digest(1), changed: at(0)))
        }
        var record = ReplicaRecord(
            spoke: node(1), path: one, digest: try digest(1), state: .verified, bytesHeld: 9, text: "ok",
            isAcknowledged: true, changed: at(1))
        (record.means, record.wireBytes, record.reason) = (.patch, 700, "patch, 700 B instead of 9 KB")
        (record.object, record.objectBytes) = (try digest(7), 650)
        try store.putReplica(record)
        let again = try fixture.reopen()
        #expect(try again.replica(spoke: node(1), path: one) == record)
        #expect(try again.replicas(of: one).map(\.spoke) == [node(1), node(2)])
        #expect(try again.replicas(at: node(1)).map(\.path) == [one, two])
        #expect(try again.unacknowledgedReplicas(at: node(1), after: nil, limit: 9).map(\.path) == [two])
        #expect(try again.unacknowledgedReplicas(at: node(1), after: two, limit: 9).isEmpty)
        try again.removeReplica(spoke: node(1), path: one)
        #expect(try again.replica(spoke: node(1), path: one) == nil)
        record.spoke = node(2)

        let check = CheckRecord(
            node: node(2), readsData: true, began: at(1), ended: at(2),
            said: PoolChecked(
                pool: try name("main"), check: 7, isOver: true, read: 1, total: 2, problems: ["p"],
                corrupt: [try digest(1)]))
        try again.putCheck(check)
        #expect(try fixture.reopen().check(node: node(2), pool: name("main")) == check)
        #expect(try again.checks(at: node(2)) == [check] && again.checks(at: node(1)).isEmpty)
        try again.removeCheck(node: node(2), pool: try name("main"))
        #expect(try again.checks(at: node(2)).isEmpty)

        let pool = PoolRecord(
            node: node(2), name: try name("main"), quota: ByteCount(10), used: ByteCount(5), reserved: ByteCount(1),
            freeOnDisk: ByteCount.maximum, wantedQuota: ByteCount(20), reported: at(3))
        try again.putPool(pool)
        try again.putPool(
            PoolRecord(node: node(1), name: try name("main"), quota: ByteCount(10), reported: at(3)))
        #expect(try again.pool(node: node(2), name: name("main")) == pool)
        #expect(try again.pools().map(\.node) == [node(1), node(2)])
    }

    @Test(arguments: StoreKind.allCases) func patchesAreKeptFoundAndDue(kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        let (one, two) = (try samplePackage("1.0").path, try samplePackage("2.0").path)
        func wanted(_ old: UInt8, _ new: UInt8, _ second: Int64) throws -> PatchRecord {
            PatchRecord(
                key: PatchKey(old: try digest(old), new: try digest(new)), oldPath: one, newPath: two,
                wished: at(second))
        }
        for record in [try wanted(1, 9, 5), try wanted(2, 9, 3), try wanted(1, 8, 4)] { try store.putPatch(record) }
        var made = try wanted(2, 9, 3)
        made.state = .made
        made.sha256 = try digest(77)
        made.length = 1 << 40
        made.problem = "p"
        made.failures = 2
        made.nextTry = nil
        made.changed = at(6)
        made.lastUsed = at(7)
        try store.putPatch(made)
        let again = try fixture.reopen()
        #expect(try again.patch(made.key) == made && again.patch(sha256: digest(77)) == made)
        #expect(try again.patch(sha256: digest(1)) == nil)
        #expect(try again.patch(PatchKey(old: digest(9), new: digest(1))) == nil)
        #expect(try again.patches() == [wanted(1, 8, 4), wanted(1, 9, 5), made])
        #expect(try again.patches(to: digest(9)).map(\.key.old) == [digest(1), digest(2)])
        #expect(try again.patches(dueBy: at(4)).map(\.key.new) == [digest(8)])
        #expect(try again.patches(dueBy: at(9)).map(\.key.new) == [digest(8), digest(9)])
        #expect(try again.nextPatch() == at(4))
        // Chunks stand beside a patch between the same contents.
        let chunks = PatchRecord(
            key: PatchKey(old: try digest(2), new: try digest(9), means: .plainChunks), oldPath: one, newPath: two,
            wished: at(3))
        try again.putPatch(chunks)
        let last = try fixture.reopen()
        #expect(try last.patch(chunks.key) == chunks && last.patch(made.key) == made)
        #expect(try last.patches(to: digest(9)) == [wanted(1, 9, 5), made, chunks])
        try last.removePatch(chunks.key)
        #expect(try last.patch(chunks.key) == nil && last.patch(made.key) == made)
        for record in try again.patches() { try again.removePatch(record.key) }
        #expect(try again.patches().isEmpty && again.nextPatch() == nil)
    }

    @Test(arguments: StoreKind.allCases) func rolloutsWavesAndActionsAreKept(kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        let first = RolloutID(high: 9, low: 1)
        let second = RolloutID(high: 1, low: 2)
        var specification = try sampleSpecification()
        specification.window = .daily(from: "22:00", to: "05:00", days: ["mon"], timeZone: "Europe/Berlin")
        specification.waves = [.init(size: .count(1), soakSeconds: 60), .init(size: .percent(10)), .init()]
        specification.target = .init(names: [try name("a")], labels: ["k": "v"], spokes: [try name("s")])
        var rollout = RolloutRecord(id: first, specification: specification, state: .draft, created: at(0))
        rollout.ordinal = try store.insertRollout(rollout)
        try store.insertRollout(
            RolloutRecord(id: second, specification: specification, state: .draft, created: at(0)))
        #expect(throws: HubStoreError.self) { try store.insertRollout(rollout) }
        rollout.state = .running
        rollout.windows = [try TimeSpan(start: at(0), end: at(10))]
        rollout.started = at(1)
        rollout.text = "t"
        try store.updateRollout(rollout)
        var again = try fixture.reopen()
        #expect(try again.rollout(first) == rollout)
        #expect(try again.rollouts(after: 0, limit: 9).map(\.id) == [first, second])
        #expect(try again.rollouts(after: rollout.ordinal, limit: 9).map(\.id) == [second])
        #expect(try again.rollouts(in: [.running, .paused]).map(\.id) == [first])
        #expect(try again.rollouts(in: []).isEmpty)
        let product = rollout.specification.product
        #expect(try again.rollouts(of: product, in: [.running, .paused]).map(\.id) == [first])
        #expect(try again.rollouts(of: product, in: RolloutState.allCases).map(\.id) == [first, second])
        #expect(try again.rollouts(of: ProductName("other"), in: RolloutState.allCases).isEmpty)
        #expect(try again.rollouts(of: product, in: []).isEmpty)

        var wave = WaveRecord(rollout: first, index: 0, state: .running, soak: .seconds(60))
        #expect(throws: HubStoreError.self) {
            try again.putWave(WaveRecord(rollout: RolloutID(high: 0, low: 0), index: 0, state: .running))
        }
        try again.putWave(WaveRecord(rollout: first, index: 1, state: .scheduled))
        try again.putWave(wave)
        #expect(try again.waves(of: first).map(\.index) == [0, 1] && again.timedWaves().isEmpty)

        let package = try samplePackage()
        func action(_ number: UInt64, wave: Int = 0, spoke: UInt64 = 1, of rollout: RolloutID) -> ActionRecord {
            ActionRecord(
                id: ActionID(high: 0, low: number), rollout: rollout, wave: wave, client: node(100 + number),
                spoke: node(spoke), path: package.path, digest: package.sha256, state: .pending, created: at(0))
        }
        for record in [
            action(5, of: first), action(4, of: first), action(3, wave: 1, of: first), action(2, of: second),
            action(1, spoke: 2, of: first),
        ] { try again.insertAction(record) }
        #expect(throws: HubStoreError.self) { try again.insertAction(action(5, of: first)) }
        #expect(throws: HubStoreError.self) { try again.insertAction(action(6, of: RolloutID(high: 0, low: 0))) }
        #expect(try again.pendingActions(spoke: node(1), path: package.path, limit: 9).map(\.id.low) == [5, 4])
        #expect(try again.pendingActions(spoke: node(1), path: nil, limit: 1).map(\.id.low) == [5])
        #expect(try again.pendingActions(spoke: node(1), path: samplePackage("3").path, limit: 9).isEmpty)

        var changed = try #require(try again.action(ActionID(high: 0, low: 4)))
        changed.state = .refused
        changed.reasons = [Reason(.os32Bit), Reason(.autodeployNo, "owner")]
        changed.notes = [Note(.schedulerNotService)]
        changed.detail = "refused"
        changed.sequence = 3
        changed.expires = at(99)
        changed.deadline = at(50)
        changed.changed = at(2)
        try again.updateAction(changed)
        again = try fixture.reopen()
        #expect(try again.action(changed.id) == changed)
        #expect(try again.actions(of: first).map(\.id.low) == [5, 4, 3, 1])
        #expect(try again.actions(of: first, after: changed.ordinal, limit: 1).map(\.id.low) == [3])
        #expect(try again.actions(of: node(104), limit: 5) == [changed])
        #expect(try again.actionCounts(of: first).all == [.pending: 3, .refused: 1])
        #expect(try again.actionCounts(of: first)[0] == [.pending: 2, .refused: 1])
        #expect(try again.nextActionDeadline() == at(50))
        #expect(try again.dueActions(at: at(49), limit: 9).isEmpty)
        #expect(try again.dueActions(at: at(50), limit: 9) == [changed])
        wave.state = .soaking
        wave.stateEnds = at(70)
        try again.putWave(wave)
        #expect(try again.timedWaves() == [wave])
        #expect(try again.pendingActions(spoke: node(1), path: nil, limit: 9).isEmpty)
    }

    @Test(arguments: StoreKind.allCases) func ordersWaitInSequence(kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        #expect(try store.nextSequence() == OrderSequence(epoch: 1, number: 1))
        #expect(try store.nextSequence() == OrderSequence(epoch: 1, number: 2))
        try store.setEpoch(7)
        #expect(try fixture.reopen().nextSequence() == OrderSequence(epoch: 7, number: 3))
        func order(_ number: Int64, spoke: UInt64 = 1, action: UInt64 = 1, expires: Int64 = 100) -> OrderRecord {
            OrderRecord(
                number: number, action: ActionID(high: 0, low: action), client: node(50), spoke: node(spoke), kind: 1,
                expires: at(expires), signed: [1, 2, 3])
        }
        for record in [order(3), order(1, expires: 5), order(2, spoke: 2), order(4, action: 2)] {
            try store.insertOrder(record)
        }
        #expect(throws: HubStoreError.self) { try store.insertOrder(order(3)) }
        let again = try fixture.reopen()
        #expect(
            try again.orders(for: node(1), after: 0, limit: 9) == [order(1, expires: 5), order(3), order(4, action: 2)])
        #expect(try again.orders(for: node(1), after: 1, limit: 1).map(\.number) == [3])
        #expect(try again.order(2) == order(2, spoke: 2) && again.order(9) == nil)
        try again.removeOrders(expiredBefore: at(6))
        #expect(try again.orders(for: node(1), after: 0, limit: 9).map(\.number) == [3, 4])
        try again.removeOrders(of: ActionID(high: 0, low: 1))
        #expect(try again.orders(for: node(1), after: 0, limit: 9).map(\.number) == [4])
        try again.removeOrder(4)
        #expect(try again.orders(for: node(1), after: 0, limit: 9).isEmpty)
    }

    @Test(arguments: StoreKind.allCases) func theLogOnlyGrowsAndItsChainVerifies(kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        try store.verifyEventChain()
        try store.transaction {
            for number in 1...2500 {
                try store.appendEvent(
                    Event(
                        time: at(Int64(number)), severity: .notice, code: .spokeJoined, subject: "spoke/n\(number)",
                        text: number == 7 ? "100% of A_b \\ é" : "line \(number)"))
            }
        }
        let again = try fixture.reopen()
        try again.verifyEventChain()
        #expect(try again.lastEvent()?.sequence == 2500)
        #expect(try again.events(after: 2498, search: nil, limit: 9).map(\.sequence) == [2499, 2500])
        for search in ["100%", "a_B", "\\ é", "SPOKE/n7"] {
            #expect(try again.events(after: 0, search: search, limit: 1).map(\.sequence) == [7], "\(search)")
        }
        #expect(try again.events(after: 0, search: "spokejoined", limit: 3).count == 3)
        #expect(try again.events(after: 0, search: "0%_", limit: 3).isEmpty)
        #expect(try again.events(after: 0, search: nil, limit: 1) == store.events(after: 0, search: nil, limit: 1))
    }

    @Test func anAlteredLogIsFound() throws {
        let fixture = try StoreKind.sqlite.make()
        for number in 1...5 {
            try fixture.store.appendEvent(
                Event(time: at(0), severity: .info, code: .hubStarted, text: "line \(number)"))
        }
        let database = try Database(path: try #require(fixture.path))
        try database.run("UPDATE event SET text = 'other' WHERE sequence = 3")
        #expect(throws: HubStoreError.chainBroken(sequence: 3)) { try fixture.reopen().verifyEventChain() }
        try database.run("UPDATE event SET text = 'line 3' WHERE sequence = 3")
        try fixture.reopen().verifyEventChain()
        try database.run("DELETE FROM event WHERE sequence = 2")
        #expect(throws: HubStoreError.chainBroken(sequence: 3)) { try fixture.reopen().verifyEventChain() }
    }

    @Test func aDamagedRowIsAnErrorAndNoTrap() throws {
        let fixture = try StoreKind.sqlite.make()
        try fixture.store.insertSpoke(spoke(1, "s1"))
        let database = try Database(path: try #require(fixture.path))
        for (change, back) in [
            ("UPDATE spoke SET name = '../x'", "UPDATE spoke SET name = 's1'"),
            ("UPDATE spoke SET id = x'00'", "UPDATE spoke SET id = x'000000000000000a0000000000000001'"),
            ("UPDATE spoke SET connected = 7", "UPDATE spoke SET connected = 0"),
        ] {
            try database.run(change)
            #expect(throws: (any Error).self, "\(change)") { try fixture.store.spokes() }
            try database.run(back)
        }
        #expect(try fixture.store.spokes().count == 1)
    }

    @Test(arguments: StoreKind.allCases) func placesAreKeptAndPoolsForgotten(kind: StoreKind) throws {
        let fixture = try StoreFixture(kind)
        let path = try TargetPath("tool/1.0/any-any-any/tool.tar")
        let (main, next) = (try NodeName("main"), try NodeName("next"))
        let place = PlaceRecord(node: node(2), path: path, pool: next, reason: "main has 1 B left and 2 B are needed")
        try fixture.store.putPlace(PlaceRecord(node: node(2), path: path, pool: main))
        try fixture.store.putPlace(place)
        try fixture.store.putPlace(PlaceRecord(node: node(1), path: path, pool: main))
        #expect(try fixture.store.place(node: node(2), path: path) == place)
        #expect(try fixture.store.places(at: node(2)) == [place])
        try fixture.store.removePlace(node: node(2), path: path)
        #expect(try fixture.store.place(node: node(2), path: path) == nil)
        #expect(try fixture.store.places(at: node(1)).map(\.reason) == [nil])
        var pool = PoolRecord(
            node: node(2), name: next, quota: ByteCount(5), access: .readOnly, problem: "/b is gone", reported: .zero)
        try fixture.store.putPool(pool)
        #expect(try fixture.store.pool(node: node(2), name: next) == pool)
        pool.name = main
        pool.problem = nil
        try fixture.store.putPool(pool)
        #expect(try fixture.store.pools(of: node(2)).map(\.name) == [main, next])
        #expect(try fixture.store.pools(of: node(1)).isEmpty)
        try fixture.store.removePool(node: node(2), name: next)
        #expect(try fixture.store.pools() == [pool])
        #expect(try fixture.store.pools(of: node(2)) == [pool])
    }

    @Test(arguments: StoreKind.allCases) func whatWasPrunedIsKept(kind: StoreKind) throws {
        let fixture = try kind.make()
        let package = try samplePackage()
        let record = PruneRecord(
            node: node(2), path: package.path, digest: package.sha256, text: "there are newer ones", asked: at(1))
        try fixture.store.putPrune(record)
        var other = record
        other.node = node(1)
        other.isDone = true
        try fixture.store.putPrune(other)
        #expect(try fixture.store.prune(node: node(2), path: package.path) == record)
        #expect(try fixture.store.prunes(at: node(1)) == [other])
        #expect(try fixture.store.prunedNodes() == [node(1), node(2)])
        try fixture.store.removePrune(node: node(2), path: package.path)
        #expect(try fixture.store.prunes(at: node(2)).isEmpty)
        #expect(try fixture.store.prunedNodes() == [node(1)])
        let pool = PoolRecord(
            node: node(1), name: try name("main"), quota: ByteCount(9), access: .readOnly, wantedAccess: .unavailable,
            reported: at(2))
        try fixture.store.putPool(pool)
        #expect(try fixture.store.pool(node: node(1), name: try name("main")) == pool)
    }
}
