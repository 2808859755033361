import Codec
import Model
import TLS
import Testing
import Trust

@Suite("Revocation segments: what is read, and who is refused meanwhile")
struct RevocationSegmentTests {
    static func ids(_ range: ClosedRange<UInt64>) -> [NodeID] { range.map { NodeID(high: 7, low: $0) } }

    static func reference(_ segment: RevocationSegment, role: Role = .agent) throws -> RevocationSegment.Reference {
        RevocationSegment.Reference(
            role: role.rawValue, count: segment.ids.count,
            sha256: try SHA256Digest(bytes: SHA256.hash(segment.bytes)))
    }

    static func list(
        _ number: UInt64, _ nodes: [NodeID] = [], _ segments: [RevocationSegment.Reference] = []
    ) throws -> RevocationList {
        try RevocationList(
            fleet: FleetName("north"), number: number, issued: Samples.time, nodes: Set(nodes), segments: segments)
    }

    private func decode<Record: SignedRecord>(_ type: Record.Type, _ item: CBOR) throws -> Record {
        try Record(RecordFields(decoding: CBOREncoder.encode(item), limits: RecordLimits.cbor, of: Record.noun))
    }

    /// The payload with a field set, or left out for nil.
    private func change(_ record: some SignedRecord, _ key: UInt64, _ value: CBOR?) -> CBOR {
        var pairs = (record.cbor.asMap ?? []).filter { $0.key != .unsigned(key) }
        if let value { pairs.append(CBORPair(.unsigned(key), value)) }
        return .map(pairs)
    }

    // MARK: Bytes

    @Test func aSegmentIsItsIdsInOrder() throws {
        let segment = RevocationSegment([
            NodeID(high: 1, low: 2), NodeID(high: 0, low: .max), NodeID(high: 1, low: 2), NodeID(high: .max, low: 0),
        ])
        #expect(segment.ids.count == 3 && segment.ids == segment.ids.sorted())
        #expect(segment.bytes == segment.ids.flatMap(\.bytes))
        #expect(try RevocationSegment(bytes: segment.bytes) == segment)
        #expect(
            try RevocationSegment(bytes: segment.bytes, of: Self.reference(segment), digester: TestDigester())
                == segment)
        for id in segment.ids { #expect(segment.contains(id)) }
        for id in [NodeID(high: 0, low: 0), NodeID(high: 1, low: 1), NodeID(high: .max, low: .max)] {
            #expect(!segment.contains(id))
        }
        #expect(RevocationSegment([]).ids.isEmpty && !RevocationSegment([]).contains(segment.ids[0]))
    }

    @Test func bytesThatAreNotExactlyWhatTheListNamesAreRefused() throws {
        let ids = Self.ids(1...10)
        let good = RevocationSegment(ids)
        let reference = try Self.reference(good)
        let (first, second) = (ids[0].bytes, ids[1].bytes)
        let bad: [(String, [UInt8])] = [
            ("empty", []), ("truncated", Array(good.bytes.dropLast())),
            ("an id too few", Array(good.bytes.dropLast(16))),
            ("a byte too many", good.bytes + [0]), ("an id too many", good.bytes + NodeID(high: 8, low: 0).bytes),
            ("unsorted", second + first + good.bytes.dropFirst(32)),
            ("duplicate", first + first + good.bytes.dropFirst(32)),
            ("another id", first + NodeID(high: 7, low: 99).bytes + good.bytes.dropFirst(32)),
            ("zeroes", [UInt8](repeating: 0, count: good.bytes.count)),
        ]
        for (what, bytes) in bad {
            #expect(throws: RecordError.self, "\(what)") {
                try RevocationSegment(bytes: bytes, of: reference, digester: TestDigester())
            }
        }
        // A list that names bytes which are no segment does not make them one.
        for (what, bytes) in bad where ["empty", "truncated", "unsorted", "duplicate", "zeroes"].contains(what) {
            let named = RevocationSegment.Reference(
                role: 3, count: bytes.count / 16, sha256: try SHA256Digest(bytes: SHA256.hash(bytes)))
            #expect(throws: RecordError.self, "\(what)") {
                try RevocationSegment(bytes: bytes, of: named, digester: TestDigester())
            }
        }
        let wrongHash = RevocationSegment.Reference(
            role: 3, count: 10, sha256: try SHA256Digest(bytes: Array(repeating: 1, count: 32)))
        #expect(throws: RecordError.self) {
            try RevocationSegment(bytes: good.bytes, of: wrongHash, digester: TestDigester())
        }
        let large = RevocationSegment(Self.ids(1...UInt64(RecordLimits.segmentIDs) + 1))
        #expect(throws: RecordError.self) { try RevocationSegment(bytes: large.bytes) }
    }

    @Test func aSegmentIsAskedForByName() throws {
        let reference = try Self.reference(RevocationSegment(Self.ids(1...3)))
        #expect(RevocationSegment.sha256(named: reference.name) == reference.sha256)
        #expect(reference.length == 48)
        for name in [
            "revocations.", "revocations", "1.root.json", reference.name + "0", reference.name.uppercased(),
            "revocations.json", reference.sha256.hex,
        ] { #expect(RevocationSegment.sha256(named: name) == nil, "\(name)") }
    }

    // MARK: The list

    @Test func aListNamesItsSegmentsAndAnOlderReleaseSkipsThem() throws {
        let reference = try Self.reference(RevocationSegment(Self.ids(1...3)))
        let list = try Self.list(3, [Samples.agent], [reference])
        #expect(try decode(RevocationList.self, list.cbor) == list)
        // What a release without segments reads: fields from 100 on are skipped when unknown.
        #expect(list.cbor[101] != nil && list.cbor[6] == nil)
        let older = try Self.list(3, [Samples.agent])
        #expect(change(list, 101, nil) == older.cbor)
        #expect(try decode(RevocationList.self, older.cbor).segments.isEmpty)
    }

    @Test func aListWithSegmentsThatCannotBeIsRefused() throws {
        let hash = CBOR.bytes(Array(repeating: 1, count: 32))
        func entry(_ role: CBOR, _ count: CBOR, _ hash: CBOR) -> CBOR { .array([.array([role, count, hash])]) }
        let many = (0...RecordLimits.segments).map { number in
            CBOR.array([.unsigned(3), .unsigned(1), .bytes(SHA256.hash([UInt8(number % 256), UInt8(number / 256)]))])
        }
        let twice = CBOR.array([.unsigned(3), .unsigned(1), hash])
        let bad: [(String, CBOR)] = [
            ("no list", .unsigned(1)), ("no entry", .array([.unsigned(1)])), ("short entry", .array([.array([hash])])),
            ("role", entry(.unsigned(256), .unsigned(1), hash)), ("role text", entry(.text("a"), .unsigned(1), hash)),
            ("none", entry(.unsigned(3), .unsigned(0), hash)),
            ("too many ids", entry(.unsigned(3), .unsigned(UInt64(RecordLimits.segmentIDs) + 1), hash)),
            ("huge", entry(.unsigned(3), .unsigned(.max), hash)),
            ("negative", entry(.unsigned(3), .negative(0), hash)),
            ("short hash", entry(.unsigned(3), .unsigned(1), .bytes([1]))), ("too many", .array(many)),
            ("twice", .array([twice, twice])),
        ]
        for (what, value) in bad {
            #expect(throws: RecordError.self, "\(what)") {
                try decode(RevocationList.self, change(try Samples.revocations(), 101, value))
            }
        }
        #expect(
            try decode(RevocationList.self, change(try Samples.revocations(), 101, .array(Array(many.dropLast()))))
                .segments.count == RecordLimits.segments)
    }

    @Test func theLargestListFitsAMessage() throws {
        let signer = TestSigner(key: try PrivateKey.generate(.p256))
        let references = try (0..<RecordLimits.segments).map { number in
            RevocationSegment.Reference(
                role: 3, count: RecordLimits.segmentIDs,
                sha256: try SHA256Digest(bytes: SHA256.hash([UInt8(number % 256), UInt8(number / 256)])))
        }
        let list = try RevocationList(
            fleet: FleetName(String(repeating: "n", count: 63)), number: UInt64(Int64.max), issued: Samples.time,
            nodes: Set(Self.ids(1...1000)), segments: references)
        let signed = try list.signed(by: signer)
        #expect(signed.count <= RecordLimits.record)
        #expect(try RevocationList.open(signed, keys: [signer.key.publicKey.der], verifier: TestVerifier()) == list)
        #expect(RecordLimits.segmentIDs * 16 <= RecordLimits.record)
    }

    // MARK: Who is refused

    @Test func nobodyIsLetInWhileSegmentsAreOnTheirWay() throws {
        let (a, b) = (RevocationSegment(Self.ids(1...10)), RevocationSegment(Self.ids(11...20)))
        let (ra, rb) = (try Self.reference(a), try Self.reference(b))
        var members = RevokedMembers()
        #expect(!members.revokes(Self.ids(1...1)[0]) && members.missing.isEmpty)
        members.take(try Self.list(1, Self.ids(100...105), [ra]))
        #expect(members.missing == [ra])
        #expect(members.revokes(Self.ids(100...100)[0]), "what the list names itself is in force at once")
        members.take(a, as: ra.sha256)
        #expect(members.missing.isEmpty && members.revokes(Self.ids(5...5)[0]))

        // The loose ones went into another segment, together with the first.
        let whole = RevocationSegment(a.ids + Self.ids(100...105))
        let rw = try Self.reference(whole)
        members.take(try Self.list(2, Self.ids(200...200), [rw, rb]))
        #expect(members.missing == [rw, rb])
        func refused() -> [UInt64] {
            [5, 15, 103, 200, 300].filter { members.revokes(NodeID(high: 7, low: $0)) }
        }
        #expect(refused() == [5, 103, 200])
        members.take(b, as: rb.sha256)
        #expect(refused() == [5, 15, 103, 200] && members.carried == Set(Self.ids(100...105)))
        // A third list before the second is whole: what only the second named stays too.
        members.take(try Self.list(3, Self.ids(300...300), [rw, rb]))
        #expect(refused() == [5, 15, 103, 200, 300])
        // Another process finds the same.
        members = RevokedMembers(
            list: members.list, segments: [ra.sha256: a, rb.sha256: b], carried: members.carried)
        #expect(refused() == [5, 15, 103, 200, 300])
        members.take(whole, as: rw.sha256)
        #expect(members.missing.isEmpty && members.carried.isEmpty && members.held == [rw.sha256, rb.sha256])
        // The third list does not name 200: it has ended.
        #expect(refused() == [5, 15, 103, 300])
    }

    @Test func anAgentNeedsOnlyTheSegmentsOfSpokes() throws {
        let (spokes, agents) = (RevocationSegment(Self.ids(1...3)), RevocationSegment(Self.ids(4...9)))
        let list = try Self.list(
            1, [], [Self.reference(agents), Self.reference(spokes, role: .spoke)])
        #expect(try RevokedMembers(of: .spoke, list: list).missing == [Self.reference(spokes, role: .spoke)])
        #expect(RevokedMembers(list: list).missing.count == 2)
        // A role that this release does not know is for everybody who needs all of them.
        let later = try Self.list(
            2, [], [RevocationSegment.Reference(role: 9, count: 3, sha256: Self.reference(spokes).sha256)])
        #expect(RevokedMembers(of: .spoke, list: later).missing.isEmpty)
        #expect(RevokedMembers(list: later).missing.count == 1)
    }
}
