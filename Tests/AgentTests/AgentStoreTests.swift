import Agent
import Model
import SQLite
import System
import Testing
import Trust

/// Both stores, behind one conformance suite.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
    case memory, sqlite
    var testDescription: String { rawValue }
}

private struct Undo: Error {}

@Suite("Agent stores")
struct AgentStoreTests {
    let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func make(_ kind: StoreKind) throws -> any AgentStore {
        switch kind {
        case .memory: MemoryAgentStore(incarnation: 7)
        case .sqlite: try SQLiteAgentStore(path: folder.file("agent.db"), incarnation: 7, now: .zero)
        }
    }

    private func record(_ number: UInt64, isOver: Bool = false) throws -> ActionRecord {
        let path = try Sample.package([]).path
        return ActionRecord(
            id: Sample.action(number), kind: .install, order: [1, 2, UInt8(number & 0xFF)],
            sequence: OrderSequence(epoch: 1, number: number), expires: UnixTime(seconds: 100),
            stage: isOver ? .over(.succeeded, path, nil) : .offered(path, nil))
    }

    @Test("the journal keeps what was saved, open actions by sequence", arguments: StoreKind.allCases)
    func journal(kind: StoreKind) throws {
        let store = try make(kind)
        try store.transaction {
            try store.save(try record(3))
            try store.save(try record(1))
            try store.save(try record(2, isOver: true))
        }
        #expect(try store.openActions().map(\.id) == [Sample.action(1), Sample.action(3)])
        var changed = try #require(try store.action(Sample.action(3)))
        changed.stage = .changing(
            .installing,
            InstallProgress(
                package: try Sample.package([9]), step: .activate, previous: try ReleaseName("0.9"), bootID: "boot"))
        changed.failures = 2
        changed.notBefore = UnixTime(seconds: 5)
        changed.detail = "why"
        changed.isCancelRequested = true
        try store.transaction { try store.save(changed) }
        #expect(try store.action(Sample.action(3)) == changed)
        #expect(try store.action(Sample.action(2))?.state == .succeeded)
        #expect(try store.action(Sample.action(9)) == nil)
    }

    @Test("a record of every stage is read as it was written", arguments: StoreKind.allCases)
    func stages(kind: StoreKind) throws {
        let store = try make(kind)
        let package = try Sample.package([9])
        let install = InstallProgress(package: package, step: .verify, previous: nil, bootID: "boot")
        var stages: [ActionStage] = [
            .offered(package.path, nil), .offered(package.path, package), .downloading(package), .downloaded(package),
            .waitingForWindow(package), .cancelling(package.path), .cancelling(nil), .over(.cancelled, nil, nil),
        ]
        for change in [ActionStage.Change.installing, .restarting, .verifying, .rollingBack] {
            stages.append(.changing(change, install))
        }
        for end in [ActionStage.End.refused, .succeeded, .failed, .cancelled, .rolledBack, .rollbackFailed] {
            stages += [.over(end, package.path, nil), .over(end, package.path, install)]
        }
        for (index, stage) in stages.enumerated() {
            var record = try record(UInt64(index) + 1)
            record.stage = stage
            record.notBefore = UnixTime(seconds: 5)
            try store.transaction { try store.save(record) }
            #expect(try store.action(record.id) == record)
        }
        #expect(try store.openActions().count == stages.filter { !$0.state.isFinal }.count)
    }

    @Test(
        "a record that lacks what its state needs is left alone as a whole, and said",
        arguments: [
            (state: "downloading", step: nil), (state: "installing", step: nil), (state: "verifying", step: 7),
            (state: "failed", step: 5), (state: "missed", step: nil),
        ] as [(state: String, step: Int?)])
    func lacking(state: String, step: Int?) throws {
        do {
            let store = try make(.sqlite)
            try store.transaction { for number in 1...2 { try store.save(try record(UInt64(number))) } }
        }
        let step = step.map { ",\"step\":\($0)" } ?? ""
        try Database(path: folder.file("agent.db")).run(
            "UPDATE actions SET record = replace(record, '\"state\":\"offered\"', ?) WHERE number = 1",
            "\"state\":\"\(state)\"\(step)")
        let again = try SQLiteAgentStore(path: folder.file("agent.db"), incarnation: 99, now: .zero)
        #expect(try again.openActions().map(\.id) == [Sample.action(2)])
        #expect(try again.action(Sample.action(1)) == nil)
        #expect(again.newerLines.count == 1)
    }

    @Test("a transaction that throws leaves nothing", arguments: StoreKind.allCases)
    func undone(kind: StoreKind) throws {
        let store = try make(kind)
        #expect(throws: Undo.self) {
            try store.transaction {
                try store.save(try record(1))
                let number = try store.takeReportCounter()
                try store.queue(QueuedReport(number: number, signed: [1]))
                try store.raiseSequenceFloor(OrderSequence(epoch: 1, number: 1), order: [1])
                try store.lock(try ProductName("tool"))
                throw Undo()
            }
        }
        #expect(try store.openActions().isEmpty)
        #expect(try store.queuedReports(limit: 9).isEmpty)
        #expect(try store.sequenceFloor() == nil)
        #expect(try store.locked().isEmpty)
        #expect(try store.takeReportCounter() == ReportNumber(incarnation: 7, counter: 1))
    }

    @Test("reports stay in order until they are acknowledged; counters never repeat", arguments: StoreKind.allCases)
    func reports(kind: StoreKind) throws {
        let store = try make(kind)
        var numbers: [ReportNumber] = []
        for index in 0..<5 {
            try store.transaction {
                let number = try store.takeReportCounter()
                numbers.append(number)
                try store.queue(QueuedReport(number: number, signed: [UInt8(index)]))
            }
        }
        #expect(numbers.map(\.counter) == [1, 2, 3, 4, 5])
        #expect(try store.queuedReports(limit: 2).map(\.signed) == [[0], [1]])
        try store.transaction { try store.removeReport(numbers[0]) }
        try store.transaction { try store.removeReport(numbers[0]) }
        #expect(try store.queuedReports(limit: 9).map(\.number) == Array(numbers.dropFirst()))
        try store.transaction { try store.setIncarnation(8) }
        #expect(try store.takeReportCounter() == ReportNumber(incarnation: 8, counter: 1))
        #expect(try store.queuedReports(limit: 9).count == 4)
    }

    @Test("floors never fall", arguments: StoreKind.allCases)
    func floors(kind: StoreKind) throws {
        let store = try make(kind)
        try store.transaction {
            #expect(try store.sequenceFloor() == nil)
            try store.raiseSequenceFloor(OrderSequence(epoch: 2, number: 5), order: [2, 5])
            try store.raiseSequenceFloor(OrderSequence(epoch: 1, number: 900), order: [9])
            try store.raiseSignedTimeFloor(UnixTime(seconds: 50))
            try store.raiseSignedTimeFloor(UnixTime(seconds: 40))
            try store.raiseTrustedVersion("snapshot", 7)
            try store.raiseTrustedVersion("snapshot", 6)
            try store.setCounterFloor(try ProductName("tool"), try LineName("main"), 9)
        }
        #expect(try store.sequenceFloor() == OrderSequence(epoch: 2, number: 5))
        #expect(try store.newestOrder() == [2, 5])
        #expect(try store.signedTimeFloor() == UnixTime(seconds: 50))
        #expect(try store.trustedVersion("snapshot") == 7)
        #expect(try store.trustedVersion("root") == nil)
        #expect(try store.counterFloor(try ProductName("tool"), try LineName("main")) == 9)
        #expect(try store.counterFloor(try ProductName("tool"), try LineName("other")) == nil)
    }

    @Test("what is installed, rejected, locked and flagged is kept", arguments: StoreKind.allCases)
    func machine(kind: StoreKind) throws {
        let store = try make(kind)
        let (a, b) = (try ProductName("a"), try ProductName("b"))
        let one = try ReleaseName("1")
        try store.transaction {
            try store.setInstalled(InstalledPackage(product: b, release: one))
            try store.setInstalled(InstalledPackage(product: a, release: one))
            try store.setInstalled(InstalledPackage(product: b, release: try ReleaseName("2")))
            try store.reject(RejectedRelease(product: a, release: one))
            try store.reject(RejectedRelease(product: a, release: one))
            try store.lock(b)
            try store.lock(a)
            try store.setWarning(a, true)
            try store.setWarning(a, true)
        }
        #expect(try store.installed().map(\.release.text) == ["1", "2"])
        #expect(try store.rejected().count == 1)
        #expect(try store.locked() == [b, a])
        #expect(try store.warnings() == [a])
        try store.transaction {
            try store.removeInstalled(a)
            try store.unreject(RejectedRelease(product: a, release: one))
            try store.unlock(b)
            try store.setWarning(a, false)
        }
        #expect(try store.installed().map(\.product) == [b])
        #expect(try store.rejected().isEmpty && store.warnings().isEmpty)
        #expect(try store.locked() == [a])
    }

    @Test("facts are kept whole", arguments: StoreKind.allCases)
    func facts(kind: StoreKind) throws {
        let store = try make(kind)
        let facts = ClientFacts(
            platform: try Platform("linux-x86_64-glibc"), userlandBits: 64, agentVersion: try Version("1.0"),
            freeSpace: ByteCount(5),
            installed: [InstalledPackage(product: try ProductName("a"), release: try ReleaseName("1"))])
        try store.transaction { try store.setReportedFacts(facts) }
        #expect(try store.reportedFacts() == facts)
        try store.transaction { try store.setReportedFacts(nil) }
        #expect(try store.reportedFacts() == nil)
    }

    @Test("old finished actions and old reports go, open ones stay", arguments: StoreKind.allCases)
    func bounded(kind: StoreKind) throws {
        let store = try make(kind)
        try store.transaction {
            try store.save(try record(1))
            for number in 2..<UInt64(AgentStoreLimits.finishedActions + 12) {
                try store.save(try record(number, isOver: true))
            }
        }
        #expect(try store.action(Sample.action(1)) != nil)
        #expect(try store.action(Sample.action(2)) == nil)
        #expect(try store.action(Sample.action(UInt64(AgentStoreLimits.finishedActions + 11))) != nil)
    }

    @Test("a release that is put back opens what a newer one wrote, and says what it leaves alone")
    func putBack() throws {
        do {
            let store = try make(.sqlite)
            try store.transaction {
                try store.save(try record(1))
                try store.save(try record(2))
            }
        }
        try Database(path: folder.file("agent.db")).run(
            "UPDATE actions SET record = replace(record, '\"offered\"', '\"teleporting\"') WHERE number = 1")
        let again = try SQLiteAgentStore(path: folder.file("agent.db"), incarnation: 99, now: .zero)
        #expect(try again.openActions().count == 1 && again.lastActions(limit: 9).count == 1)
        #expect(again.newerLines.count == 1)
        #expect(again.newerLines.first?.hasPrefix("action \(Sample.action(1)) is left alone") == true)
    }

    @Test("a store that was closed reads the same again")
    func reopened() throws {
        do {
            let store = try make(.sqlite)
            try store.transaction {
                try store.save(try record(1))
                try store.raiseSignedTimeFloor(UnixTime(seconds: 50))
                try store.queue(QueuedReport(number: try store.takeReportCounter(), signed: [1]))
            }
        }
        let again = try SQLiteAgentStore(path: folder.file("agent.db"), incarnation: 99, now: .zero)
        #expect(try again.openActions().count == 1)
        #expect(try again.signedTimeFloor() == UnixTime(seconds: 50))
        #expect(try again.takeReportCounter() == ReportNumber(incarnation: 7, counter: 2))
    }
}
