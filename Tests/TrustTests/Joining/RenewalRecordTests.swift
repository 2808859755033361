import Codec
import Foundation
import Model
import TLS
import Testing
import Trust

/// Anchor sets and the two halves of a renewal: limits, and samples that later releases must still read.
struct RenewalRecordTests {
    static let fleet = "test"
    static let time = UnixTime(milliseconds: 1_790_000_000_123)

    static func anchors() throws -> AnchorSet {
        try AnchorSet(
            fleet: try FleetName(fleet), number: 3, issued: time, roots: [[1, 2, 3], [4, 5]],
            issuing: try SHA256Digest(bytes: Array(0..<32)))
    }
    static func request(csr: [UInt8]? = [9, 9]) throws -> RenewalRequest {
        try RenewalRequest(
            fleet: try FleetName(fleet), node: NodeID(high: 1, low: 2), nonce: Array(0..<32), time: time, anchors: 3,
            certificate: [7, 7, 7], csr: csr)
    }
    static func answer(chain: [[UInt8]] = [[1], [2, 3]]) throws -> RenewalAnswer {
        RenewalAnswer(
            fleet: try FleetName(fleet), node: NodeID(high: 1, low: 2), request: try SHA256Digest(bytes: Array(0..<32)),
            time: time, anchors: [8, 8], chain: chain)
    }

    private func read<Record: SignedRecord>(_ fields: CBOR, as _: Record.Type) throws -> Record {
        try Record(try RecordFields(fields, of: Record.noun))
    }

    @Test func whatIsWrittenIsRead() throws {
        #expect(try read(try Self.anchors().cbor, as: AnchorSet.self) == Self.anchors())
        for csr in [nil, [9]] as [[UInt8]?] {
            #expect(try read(try Self.request(csr: csr).cbor, as: RenewalRequest.self) == Self.request(csr: csr))
        }
        for chain in [[], [[1]]] as [[[UInt8]]] {
            #expect(try read(try Self.answer(chain: chain).cbor, as: RenewalAnswer.self) == Self.answer(chain: chain))
        }
    }

    @Test func whatIsMissingOrOverItsLimitIsRefused() throws {
        for (record, keys) in [
            (try Self.anchors().cbor, 1...5), (try Self.request().cbor, 1...6), (try Self.answer().cbor, 1...6),
        ] as [(CBOR, ClosedRange<Int>)] {
            let pairs = try #require(record.asMap)
            for key in keys {
                let less = CBOR.map(pairs.filter { $0.key != .unsigned(UInt64(key)) })
                #expect(throws: RecordError.self) { try read(less, as: AnchorSet.self) }
                #expect(throws: RecordError.self) { try read(less, as: RenewalRequest.self) }
                #expect(throws: RecordError.self) { try read(less, as: RenewalAnswer.self) }
            }
        }
        let digest = try SHA256Digest(bytes: Array(0..<32))
        for roots in [[], Array(repeating: [1], count: 9), [[]], [Array(repeating: 1, count: 8193)]] as [[[UInt8]]] {
            #expect(throws: RecordError.self) {
                try AnchorSet(
                    fleet: try FleetName(Self.fleet), number: 1, issued: Self.time, roots: roots, issuing: digest)
            }
        }
        #expect(throws: RecordError.self) {
            try RenewalRequest(
                fleet: try FleetName(Self.fleet), node: NodeID(high: 1, low: 2), nonce: [1], time: Self.time,
                anchors: 0,
                certificate: [1], csr: nil)
        }
    }

    @Test func aRestrictionOfALaterReleaseIsNotIgnored() throws {
        for record in [try Self.anchors().cbor, try Self.request().cbor] {
            let more = CBOR.map(try #require(record.asMap) + [CBORPair(.unsigned(50), .unsigned(1))])
            #expect(throws: RecordError.self) { try read(more, as: AnchorSet.self) }
            #expect(throws: RecordError.self) { try read(more, as: RenewalRequest.self) }
        }
    }

    @Test func oneKindIsNeverTakenForAnother() throws {
        let key = try PrivateKey.generate(.p256)
        let signed = try Self.anchors().signed(by: TestSigner(key: key))
        let keys = [key.publicKey.der]
        #expect(try AnchorSet.open(signed, keys: keys, verifier: TestVerifier()) == Self.anchors())
        #expect(throws: RecordError.self) { try RevocationList.open(signed, keys: keys, verifier: TestVerifier()) }
        #expect(throws: RecordError.self) { try RenewalAnswer.open(signed, keys: keys, verifier: TestVerifier()) }
    }

    /// `AXLE_WRITE_GOLDEN=1` writes the samples once, with a key that is thrown away.
    @Test func goldenSamplesAreStillRead() throws {
        let folder = GoldenRecordTests.folder
        func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
        if ProcessInfo.processInfo.environment["AXLE_WRITE_GOLDEN"] == "1",
            !FileManager.default.fileExists(atPath: file("identity.spki").path)
        {
            let key = try PrivateKey.generate(.p256)
            let signer = TestSigner(key: key)
            for (name, bytes) in [
                ("identity.spki", key.publicKey.der), ("anchors", try Self.anchors().signed(by: signer)),
                ("renewal.request", try Self.request().signed(by: signer)),
                ("renewal.answer", try Self.answer().signed(by: signer)),
            ] {
                try Data(bytes).write(to: file(name), options: .withoutOverwriting)
            }
        }
        let keys = [[UInt8](try Data(contentsOf: file("identity.spki")))]
        func check<Record: SignedRecord>(_ name: String, _ expected: Record) throws {
            let bytes = [UInt8](try Data(contentsOf: file(name)))
            #expect(try Record.open(bytes, keys: keys, verifier: TestVerifier()) == expected, "\(name)")
            let message = try COSESign1(decoding: bytes, limits: RecordLimits.cbor)
            #expect(message.payload == CBOREncoder.encode(expected.cbor), "\(name)")
        }
        try check("anchors", try Self.anchors())
        try check("renewal.request", try Self.request())
        try check("renewal.answer", try Self.answer())
    }
}
