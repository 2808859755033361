import Codec
import Model
import Testing
import Trust

/// The payloads by themselves: each field missing, of the wrong kind, over its limit.
struct OrderTests {
    private func decode<Record: SignedRecord>(_ type: Record.Type, _ item: CBOR) throws -> Record {
        try Record(RecordFields(decoding: CBOREncoder.encode(item), limits: RecordLimits.cbor, of: Record.noun))
    }

    /// The payload with a field set, or left out for nil.
    private func change(_ record: some SignedRecord, _ key: UInt64, _ value: CBOR?) -> CBOR {
        var pairs = (record.cbor.asMap ?? []).filter { $0.key != .unsigned(key) }
        if let value { pairs.append(CBORPair(.unsigned(key), value)) }
        return .map(pairs)
    }

    @Test func everyFieldOfAnInstallIsNeededButTheRoot() throws {
        let order = try Samples.install()
        for key in UInt64(1)...19 {
            #expect(throws: RecordError.self, "\(key)") { try decode(Order.self, change(order, key, nil)) }
        }
        #expect(try decode(Order.self, change(order, 20, nil)).catalogRoot == nil)
    }

    @Test func everyFieldIsCheckedForItsKind() throws {
        for key in UInt64(1)...20 {
            for wrong in [CBOR.null, .float(1.5), .text("\u{1}"), .negative(5), .map([])]
            where !(key == 15 && wrong == .map([])) && !(wrong == .negative(5) && (key == 17)) {
                #expect(throws: RecordError.self, "\(key) \(wrong)") {
                    try decode(Order.self, change(try Samples.install(), key, wrong))
                }
            }
        }
        for key in UInt64(1)...14 {
            for wrong in [CBOR.null, .float(1.5), .map([]), .array([.null])] {
                #expect(throws: RecordError.self, "\(key) \(wrong)") {
                    try decode(Report.self, change(try Samples.refused(), key, wrong))
                }
            }
        }
    }

    @Test func limitsAreKept() throws {
        let order = try Samples.install()
        let window = CBOR.array([.unsigned(1), .unsigned(2)])
        let bad: [(UInt64, CBOR)] = [
            (2, .unsigned(9)), (2, .unsigned(5)), (7, .unsigned(1 << 63)), (11, .unsigned(1 << 63)),
            (13, .unsigned(1 << 32)),
            (12, .array(Array(repeating: window, count: 65))), (12, .array([.array([.unsigned(2), .unsigned(2)])])),
            (12, .array([.array([.unsigned(1)])])),
            (12, .array([.array([.unsigned(5), .unsigned(9)]), .array([.unsigned(8), .unsigned(10)])])),
            (12, .array([.array([.unsigned(5), .unsigned(9)]), .array([.unsigned(1), .unsigned(2)])])),
            (15, .map((0..<33).map { CBORPair(.text("k\($0)"), .text("v")) })),
            (15, .map([CBORPair(.text("k"), .text(String(repeating: "v", count: 1025)))])),
            (15, .map([CBORPair(.unsigned(1), .text("v"))])), (16, .array([.unsigned(1)])),
            (16, .array([.unsigned(1), .unsigned(1 << 63)])),
            (18, .integer(order.issued.milliseconds)), (19, .text("North")), (5, .text("ruff/../linux/x")),
            (8, .text("uv")), (9, .text("0.12.2")),
            (6, .bytes([1, 2])), (1, .bytes(Array(repeating: 0, count: 17))), (20, .bytes([])),
        ]
        for (key, value) in bad {
            #expect(throws: RecordError.self, "\(key)") { try decode(Order.self, change(order, key, value)) }
        }
    }

    @Test func anOlderAgentIgnoresNoNewerRestriction() throws {
        let order = try Samples.install()
        #expect(throws: RecordError.unsupported("order: field 21 is unknown and must be understood")) {
            try decode(Order.self, change(order, 21, .unsigned(1)))
        }
        #expect(throws: RecordError.self) { try decode(Order.self, change(order, 0, .unsigned(1))) }
        #expect(try decode(Order.self, change(order, 102, .unsigned(1))) == order)
        #expect(throws: RecordError.self) {
            try decode(RevocationList.self, change(try Samples.revocations(), 6, .unsigned(1)))
        }
    }

    @Test func unknownFieldsOfAReportAreSkipped() throws {
        let report = try Samples.refused()
        #expect(try decode(Report.self, change(report, 16, .unsigned(1))) == report)
    }

    @Test func aReportHasNoStateOfTheHub() throws {
        for state in ActionState.allCases {
            let item = change(try Samples.succeeded(), 7, .unsigned(UInt64(state.rawValue)))
            if state.isHubOnly {
                #expect(throws: RecordError.self) { try decode(Report.self, item) }
            } else {
                #expect(try decode(Report.self, item).state == state)
            }
        }
        #expect(throws: RecordError.self) { try decode(Report.self, change(try Samples.succeeded(), 6, nil)) }
        #expect(throws: RecordError.self) { try decode(Report.self, change(try Samples.succeeded(), 7, nil)) }
    }

    @Test func reportsAreCutToTheirLimitsAndStillRead() throws {
        var report = try Samples.refused()
        report.detail = String(repeating: "ä", count: 5000) + "\n"
        report.reasons = Array(repeating: Reason(.diskSpace, String(repeating: "x", count: 3000)), count: 100)
        let back = try decode(Report.self, report.cbor)
        #expect(back.reasons.count == RecordLimits.reasons)
        #expect(back.detail.utf8.count <= RecordLimits.text)
        #expect(!back.detail.contains("\n"))
    }

    @Test func factsCarryTheKindsThatTheAgentInstalls() throws {
        var report = try Samples.refused()
        for kinds in [nil, [], [.tree], [.tree, .deb]] as [[PackageKind]?] {
            report.facts?.kinds = kinds
            #expect(try decode(Report.self, report.cbor).facts?.kinds == kinds)
        }
    }

    @Test func factsCarryTheInventoryOfTheReport() throws {
        let back = try decode(Report.self, try Samples.refused().cbor)
        #expect(back.facts == (try Samples.facts()))
        #expect(back.installed == (try Samples.installed()))
    }

    @Test func aCancelNeedsNoTargetAndARollbackDoes() throws {
        let cancel = try Samples.cancel()
        #expect(try decode(Order.self, cancel.cbor).target == nil)
        #expect(throws: RecordError.self) { try decode(Order.self, change(cancel, 2, .unsigned(3))) }
        #expect(throws: RecordError.self) { try decode(Order.self, change(cancel, 2, .unsigned(1))) }
    }

    @Test func targetsAreNamedByPathBytesLineAndCounter() throws {
        let target = try Samples.target()
        let package = Package(
            path: target.path, length: target.length, sha256: target.sha256,
            metadata: PackageMetadata(
                product: target.path.product, release: target.path.release, line: target.line, counter: target.counter,
                platform: try Platform("linux-x86_64-glibc"), kind: .tree))
        #expect(target.names(package))
        var other = package
        other.length += 1
        #expect(!target.names(other))
        other = package
        other.metadata.counter += 1
        #expect(!target.names(other))
    }

    @Test func sequencesCompareByEpochFirst() {
        #expect(OrderSequence(epoch: 1, number: 99) < OrderSequence(epoch: 2, number: 1))
        #expect(OrderSequence(epoch: 2, number: 1) < OrderSequence(epoch: 2, number: 2))
    }

    @Test func revocationListsNeverGoBack() throws {
        let list = try Samples.revocations()
        let next = try RevocationList(fleet: list.fleet, number: 6, issued: list.issued, nodes: [])
        let foreign = try RevocationList(fleet: try FleetName("south"), number: 7, issued: list.issued, nodes: [])
        #expect(next.supersedes(list))
        #expect(!list.supersedes(next))
        #expect(!list.supersedes(list))
        #expect(!foreign.supersedes(list))
        #expect(list.supersedes(nil))
        #expect(list.revokes(Samples.agent))
        #expect(!next.revokes(Samples.agent))
        #expect(list.revokes(serial: [0, 0, 1, 2, 3]))
        #expect(!list.revokes(serial: [1, 2]))
        let many = Set((0...2000).map { NodeID(high: 0, low: UInt64($0)) })
        #expect(throws: RecordError.self) {
            try RevocationList(fleet: list.fleet, number: 1, issued: .zero, nodes: many)
        }
        for serial in [[], Array(repeating: UInt8(1), count: 21)] {
            #expect(throws: RecordError.self) {
                try RevocationList(fleet: list.fleet, number: 1, issued: .zero, nodes: [], serials: [serial])
            }
        }
    }
}
