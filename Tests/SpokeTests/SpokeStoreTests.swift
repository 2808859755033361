import Model
import SQLite
import Spoke
import Storage
import TestSupport
import Testing

/// One suite for every implementation of `SpokeStore`.
@Suite struct SpokeStoreTests {
    enum Kind: CaseIterable {
        case memory, sqlite
    }

    struct Broken: Error {}

    /// A fresh store of the kind; the folder lives as long as the test holds it.
    private func withStore(_ kind: Kind, _ body: (any SpokeStore) throws -> Void) throws {
        switch kind {
        case .memory:
            try body(MemorySpokeStore())
        case .sqlite:
            let folder = try TemporaryFolder()
            try body(try SQLiteSpokeStore(path: folder.path + "/spoke.db", now: .zero))
        }
    }

    private static let agent = NodeID(high: 1, low: 2)
    private static let other = NodeID(high: 1, low: 3)

    private static func digest(_ byte: UInt8) throws -> SHA256Digest {
        try SHA256Digest(bytes: Array(repeating: byte, count: 32))
    }

    private static func order(_ number: UInt64, kind: UInt8 = 1, expires: Int64 = 1000) -> CarriedOrder {
        CarriedOrder(
            agent: agent, action: ActionID(high: 0, low: number), kind: kind,
            expires: UnixTime(milliseconds: expires), signed: [1, 2, UInt8(truncatingIfNeeded: number)])
    }

    private static func report(_ counter: UInt64, agent: NodeID = agent) -> CarriedReport {
        CarriedReport(
            agent: agent, incarnation: .max, counter: counter, signed: [9, UInt8(truncatingIfNeeded: counter)])
    }

    @Test(arguments: Kind.allCases) func aBodyThatThrowsLeavesNothingBehind(_ kind: Kind) throws {
        try withStore(kind) { store in
            try store.transaction { _ = try store.keep(Self.report(1)) }
            #expect(throws: Broken.self) {
                try store.transaction {
                    try store.keep(Self.report(2))
                    try store.addAgent(Self.agent)
                    _ = try store.append(Event(time: .zero, severity: .info, code: .diskFull, text: "x"))
                    try store.set(.quota, to: [1])
                    throw Broken()
                }
            }
            #expect(try store.reports(limit: 10) == [Self.report(1)])
            #expect(try store.knownAgents().isEmpty)
            #expect(try store.events(limit: 10).isEmpty)
            #expect(try store.setting(.quota) == nil)
        }
    }

    @Test(arguments: Kind.allCases) func replicasAreFoundByPathAndByObject(_ kind: Kind) throws {
        try withStore(kind) { store in
            func path(_ release: Int) throws -> TargetPath {
                try TargetPath("ruff/0.12.\(release)/linux-x86_64-glibc/ruff.tar")
            }
            var all: [WantedReplica] = []
            for number in 1...9 as ClosedRange<UInt8> {
                // Two packages have the same content.
                let content = PackageContent(
                    coding: .gzip, length: ByteCount(900), sha256: try Self.digest(100 + max(2, number)))
                var replica = WantedReplica(
                    path: try path(Int(number)), sha256: try Self.digest(number), length: 100, content: content,
                    priority: 1)
                if number == 5 { replica.add(try path(50)) }
                // The vendor has named other bytes by this path before.
                if number == 6 { replica.add(try path(7)) }
                try store.save(replica)
                all.append(replica)
            }
            #expect(try store.replicas(naming: try path(1)) == [all[0]])
            #expect(try store.replicas(naming: try path(50)) == [all[4]])
            #expect(try store.replicas(naming: try path(7)) == [all[5], all[6]])
            #expect(try store.replicas(naming: try path(77)).isEmpty)
            #expect(try store.replicas(heldAs: try Self.digest(3)) == [all[2]])
            #expect(try store.replicas(heldAs: try Self.digest(102)) == [all[0], all[1]])
            #expect(try store.replicas(heldAs: try Self.digest(99)).isEmpty)
        }
    }

    @Test(arguments: Kind.allCases) func patchesAreFoundByHashAndByContent(_ kind: Kind) throws {
        try withStore(kind) { store in
            let path = try TargetPath("ruff/0.12.1/linux-x86_64-glibc/ruff.tar")
            var all: [KeptPatch] = []
            for number in 1...4 as ClosedRange<UInt8> {
                let patch = KeptPatch(
                    sha256: try Self.digest(number), length: 10, base: try Self.digest(10 + number),
                    content: try Self.digest(number < 3 ? 20 : 21), path: path)
                try store.save(patch)
                all.append(patch)
            }
            #expect(try store.patch(try Self.digest(3)) == all[2])
            #expect(try store.patch(try Self.digest(13)) == nil)
            #expect(try store.patches(giving: try Self.digest(20)) == [all[0], all[1]])
            #expect(try store.patches(giving: try Self.digest(1)).isEmpty)
        }
    }

    @Test(arguments: Kind.allCases) func theRemovalOfEventsSaysHowManyWent(_ kind: Kind) throws {
        try withStore(kind) { store in
            var sequences: [UInt64] = []
            for _ in 0..<5 {
                sequences.append(try store.append(Event(time: .zero, severity: .info, code: .diskFull, text: "x")))
            }
            #expect(try store.removeEvents(through: sequences[2]) == 3)
            #expect(try store.removeEvents(through: sequences[2]) == 0)
            #expect(try store.eventCount() == 2)
        }
    }

    @Test(arguments: Kind.allCases) func settingsAreReplaced(_ kind: Kind) throws {
        try withStore(kind) { store in
            try store.set(.quota, to: [1])
            try store.set(.quota, to: [2, 3])
            #expect(try store.setting(.quota) == [2, 3])
            #expect(try store.setting(.revocations) == nil)
        }
    }

    @Test(arguments: Kind.allCases) func aReplicaComesBackAsItWasSaved(_ kind: Kind) throws {
        try withStore(kind) { store in
            var replica = WantedReplica(
                path: try TargetPath("ruff/0.12.1/linux-x86_64-glibc/ruff.tar"), sha256: try Self.digest(7),
                length: 1 << 40, priority: 3)
            try store.save(replica)
            replica.state = .transferring
            replica.text = "no room"
            replica.attempts = 4
            replica.notBefore = UnixTime(milliseconds: 77)
            replica.content = PackageContent(
                coding: .xz, length: ByteCount(1 << 41), sha256: try Self.digest(9))
            replica.isPlain = true
            replica.means = .patch
            replica.transferred = 1 << 33
            try store.save(replica)
            #expect(try store.replica(replica.sha256) == replica)
            #expect(try store.replicas() == [replica])
            #expect(try store.replica(try Self.digest(8)) == nil)
        }
    }

    @Test(arguments: Kind.allCases) func aReplicaKeepsEachOfItsPathsInTheirOrder(_ kind: Kind) throws {
        try withStore(kind) { store in
            let paths = try ["b", "c", "a"].map { try TargetPath("\($0)/1.0/linux-x86_64-glibc/file.tar") }
            var replica = WantedReplica(
                path: paths[0], sha256: try Self.digest(7), length: 5, priority: 3, others: [paths[1], paths[2]])
            let other = WantedReplica(path: paths[1], sha256: try Self.digest(6), length: 5, priority: 3)
            try store.save(replica)
            try store.save(other)
            #expect(try store.replica(replica.sha256)?.paths == paths)
            #expect(try store.replicas() == [other, replica])
            let isLeft = replica.remove(paths[0])
            #expect(isLeft)
            try store.save(replica)
            #expect(try store.replica(replica.sha256)?.paths == [paths[1], paths[2]])
            let left = [replica.remove(paths[2]), replica.remove(paths[1])]
            #expect(left == [true, false])
            try store.save(replica)
            #expect(try store.replicas() == [other, replica])
        }
    }

    @Test(arguments: Kind.allCases) func aPatchComesBackAsItWasSavedUntilItIsForgotten(_ kind: Kind) throws {
        try withStore(kind) { store in
            var patch = KeptPatch(
                sha256: try Self.digest(1), length: 5, base: try Self.digest(2), content: try Self.digest(3),
                path: try TargetPath("ruff/0.12.1/linux-x86_64-glibc/ruff.tar"))
            try store.save(patch)
            patch.length = 1 << 40
            try store.save(patch)
            #expect(try store.patches() == [patch])
            try store.removePatch(try Self.digest(9))
            try store.removePatch(patch.sha256)
            #expect(try store.patches().isEmpty)
        }
    }

    @Test(arguments: Kind.allCases) func agentsAreASet(_ kind: Kind) throws {
        try withStore(kind) { store in
            try store.addAgent(Self.agent)
            try store.addAgent(Self.agent)
            try store.addAgent(Self.other)
            try store.removeAgent(Self.other)
            #expect(try store.knownAgents() == [Self.agent])
            #expect(try store.agent(Self.agent) == KnownAgent(id: Self.agent) && store.agent(Self.other) == nil)
            try store.addAgent(Self.agent, reportKey: [1, 2])
            try store.addAgent(Self.agent)
            #expect(try store.agent(Self.agent)?.reportKey == [1, 2])
            try store.addAgent(Self.agent, reportKey: [3])
            #expect(try store.agent(Self.agent)?.reportKey == [3])
        }
    }

    @Test(arguments: Kind.allCases) func ordersKeepTheirOrderAndANewerOneTakesThePlaceOfTheOlder(_ kind: Kind) throws {
        try withStore(kind) { store in
            try store.keep(Self.order(2))
            try store.keep(Self.order(1))
            try store.keep(Self.order(2))
            try store.keep(Self.order(2, kind: 2))
            #expect(try store.orders(for: Self.agent) == [Self.order(2), Self.order(1), Self.order(2, kind: 2)])
            var renewed = Self.order(2)
            renewed.signed = [0]
            try store.keep(renewed)
            #expect(try store.orders(for: Self.agent) == [Self.order(1), Self.order(2, kind: 2), renewed])
            #expect(try store.orders(for: Self.other).isEmpty)
            try store.removeOrder(action: Self.order(2).action, kind: 1)
            #expect(try store.orders(for: Self.agent) == [Self.order(1), Self.order(2, kind: 2)])
        }
    }

    @Test(arguments: Kind.allCases) func onlyExpiredOrdersAreRemoved(_ kind: Kind) throws {
        try withStore(kind) { store in
            try store.keep(Self.order(1, expires: 10))
            try store.keep(Self.order(2, expires: 20))
            #expect(try store.removeOrders(expiredBefore: UnixTime(milliseconds: 20)) == 1)
            #expect(try store.orders(for: Self.agent) == [Self.order(2, expires: 20)])
        }
    }

    @Test(arguments: Kind.allCases) func aReportIsKeptOnceAndInOrderUntilItIsRemoved(_ kind: Kind) throws {
        try withStore(kind) { store in
            for counter in [3, 1, 2, 1] as [UInt64] { try store.keep(Self.report(counter)) }
            try store.keep(Self.report(1, agent: Self.other))
            #expect(
                try store.reports(limit: 10)
                    == [Self.report(3), Self.report(1), Self.report(2), Self.report(1, agent: Self.other)])
            #expect(try store.reports(limit: 2).count == 2)
            let bytes = Self.report(3).signed.count
            #expect(try store.reportTallies()[Self.agent].map { [$0.reports, $0.bytes] } == [3, bytes * 3])
            #expect(try !store.keep(Self.report(3)))
            #expect(try store.removeReport(agent: Self.agent, incarnation: .max, counter: 3) == bytes)
            #expect(try store.removeReport(agent: Self.agent, incarnation: .max, counter: 3) == nil)
            #expect(try store.reports(limit: 1) == [Self.report(1)])
            #expect(try store.reportTallies()[Self.agent].map { [$0.reports, $0.bytes] } == [2, bytes * 2])
        }
    }

    @Test(arguments: Kind.allCases) func anEventSequenceIsNeverUsedTwice(_ kind: Kind) throws {
        try withStore(kind) { store in
            let event = Event(
                time: UnixTime(milliseconds: 5), severity: .warning, code: .quotaExceeded, subject: "pool/main",
                text: "no room")
            #expect(try store.append(event) == 5)
            #expect(try store.append(event) == 6)
            try store.removeEvents(through: 6)
            #expect(try store.append(event) == 7)
            #expect(try store.events(limit: 10) == [CarriedEvent(sequence: 7, event: event)])
        }
    }

    @Test(arguments: Kind.allCases) func ofEventsThoseThatMatterLeastGoFirst(_ kind: Kind) throws {
        try withStore(kind) { store in
            for (number, severity) in [EventSeverity.info, .error, .notice, .info, .warning].enumerated() {
                _ = try store.append(
                    Event(
                        time: UnixTime(milliseconds: Int64(number)), severity: severity, code: .quotaExceeded, text: "")
                )
            }
            #expect(try store.eventCount() == 5)
            #expect(try store.trimEvents(to: 9) == 0)
            #expect(try store.trimEvents(to: 2) == 3)
            #expect(try store.events(limit: 9).map(\.event.severity) == [.error, .warning])
            #expect(try store.eventCount() == 2)
        }
    }

    @Test func aReleaseThatIsPutBackOpensWhatANewerOneWroteAndSaysWhatItDoesNotKnow() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/spoke.db"
        let content = PackageContent(
            coding: .zstd, length: ByteCount(70), sha256: try SHA256Digest(bytes: Array(repeating: 2, count: 32)))
        let published = try SHA256Digest(bytes: Array(repeating: 1, count: 32))
        let target = try TargetPath("ruff/1.0/linux-x86_64-gnu/ruff.tar.zst")
        do {
            let store = try SQLiteSpokeStore(path: path, now: .zero)
            try store.save(
                WantedReplica(
                    path: target, sha256: published, length: 60, content: content, priority: 1, state: .verified,
                    means: .patch))
            try store.save(
                WantedReplica(
                    path: target, sha256: content.sha256, length: 60, priority: 1, state: .verified))
            try store.save(
                KeptPatch(sha256: published, length: 5, base: published, content: content.sha256, path: target))
            _ = try store.append(Event(time: .zero, severity: .info, code: .quotaSet, text: "a"))
        }
        do {
            let database = try Database(path: path)
            try database.run("UPDATE replicas SET coding = 99, means = 99 WHERE sha256 = ?", published.bytes)
            try database.run("UPDATE replicas SET state = 99 WHERE sha256 = ?", content.sha256.bytes)
            try database.run("UPDATE patches SET means = 99")
            try database.run("UPDATE events SET severity = 99")
        }
        let again = try SQLiteSpokeStore(path: path, now: .zero)
        let replica = try #require(try again.replica(published))
        // It is served by either signed hash, and nobody tries to unpack it.
        #expect(replica.state == .verified && replica.isCodingUnknown && replica.means == nil && !replica.text.isEmpty)
        #expect(replica.isHeld([content.sha256]) && replica.isHeld([published]))
        #expect(try again.replica(content.sha256)?.state == .pending)
        #expect(try again.patches().isEmpty)
        let events = try again.events(limit: 9)
        #expect(events.first?.event.severity == .error)
        #expect(events.dropFirst().map(\.event.code) == Array(repeating: .storeNewer, count: 5))
        // It is said once.
        #expect(try SQLiteSpokeStore(path: path, now: .zero).events(limit: 9).count == events.count)
    }

    @Test func aContentOfAnUnknownCodingIsAskedForAgainAndNeverUnpacked() throws {
        let content = PackageContent(
            coding: .none, length: ByteCount(70), sha256: try SHA256Digest(bytes: Array(repeating: 2, count: 32)))
        let replica = WantedReplica(
            path: try TargetPath("ruff/1.0/linux-x86_64-gnu/ruff.tar.zst"),
            sha256: try SHA256Digest(bytes: Array(repeating: 1, count: 32)),
            length: 60, content: content, priority: 1, state: .verified)
        let room = PoolAccount(quota: ByteCount(1 << 40), used: .zero, reserved: .zero, freeOnDisk: ByteCount(1 << 40))
        let keeping = ContentKeeping(
            replicas: [replica], patches: [], held: [replica.sha256], inUse: [], skipped: [], pool: room)
        #expect(keeping.unpack == nil && keeping.lookUp == [replica.path])
    }

    @Test func whatWasCommittedIsThereAfterOpeningAgain() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/spoke.db"
        do {
            let store = try SQLiteSpokeStore(path: path, now: .zero)
            try store.transaction {
                try store.keep(Self.report(1))
                try store.keep(Self.order(1))
            }
        }
        let again = try SQLiteSpokeStore(path: path, now: .zero)
        #expect(try again.reports(limit: 5) == [Self.report(1)])
        #expect(try again.orders(for: Self.agent) == [Self.order(1)])
    }
}
