import Codec
import Model
import TLS
import Testing
import Trust

struct SignedRecordTests {
    let key: PrivateKey
    let signer: TestSigner
    let verifier = TestVerifier()

    init() throws {
        key = try PrivateKey.generate(.p256)
        signer = TestSigner(key: key)
    }

    private var keys: [[UInt8]] { [key.publicKey.der] }

    @Test func recordsComeBackAsTheyWere() throws {
        #expect(
            try Order.open(Samples.install().signed(by: signer), keys: keys, verifier: verifier) == Samples.install())
        #expect(try Order.open(Samples.cancel().signed(by: signer), keys: keys, verifier: verifier) == Samples.cancel())
        #expect(
            try Report.open(Samples.succeeded().signed(by: signer), keys: keys, verifier: verifier)
                == Samples.succeeded())
        #expect(
            try Report.open(Samples.refused().signed(by: signer), keys: keys, verifier: verifier) == Samples.refused())
        #expect(
            try RevocationList.open(Samples.revocations().signed(by: signer), keys: keys, verifier: verifier)
                == Samples.revocations())
    }

    @Test func oneOfSeveralKeysIsEnough() throws {
        let other = try PrivateKey.generate(.p256)
        let bytes = try Samples.install().signed(by: signer)
        #expect(
            try Order.open(bytes, keys: [other.publicKey.der, key.publicKey.der], verifier: verifier)
                == Samples.install())
        #expect(throws: RecordError.badSignature("order")) {
            try Order.open(bytes, keys: [other.publicKey.der], verifier: verifier)
        }
        #expect(throws: RecordError.badSignature("order")) { try Order.open(bytes, keys: [], verifier: verifier) }
    }

    @Test func everyAlteredByteIsNoticed() throws {
        let bytes = try Samples.install().signed(by: signer)
        for index in bytes.indices {
            var altered = bytes
            altered[index] ^= 1
            // The key id is a hint outside the signature: only there a change goes unnoticed.
            do {
                let order = try Order.open(altered, keys: keys, verifier: verifier)
                let isKeyID =
                    try COSESign1(decoding: altered, limits: RecordLimits.cbor).keyID != key.publicKey.fingerprint
                let expected = try Samples.install()
                #expect(isKeyID)
                #expect(order == expected, "byte \(index)")
            } catch {
                #expect(error is RecordError)
            }
        }
    }

    @Test func everyTruncationAndTrailingBytesAreRefused() throws {
        let bytes = try Samples.refused().signed(by: signer)
        for count in 0..<bytes.count {
            #expect(throws: RecordError.self) {
                try Report.open(Array(bytes.prefix(count)), keys: keys, verifier: verifier)
            }
        }
        #expect(throws: RecordError.self) { try Report.open(bytes + [0], keys: keys, verifier: verifier) }
    }

    @Test func anOrderIsNeverTakenForAReport() throws {
        let order = try Samples.install().signed(by: signer)
        let report = try Samples.succeeded().signed(by: signer)
        #expect(throws: RecordError.badSignature("report")) { try Report.open(order, keys: keys, verifier: verifier) }
        #expect(throws: RecordError.badSignature("order")) { try Order.open(report, keys: keys, verifier: verifier) }
        #expect(throws: RecordError.badSignature("revocation list")) {
            try RevocationList.open(order, keys: keys, verifier: verifier)
        }
    }

    @Test func moreThanAMessageCarriesIsRefused() throws {
        let huge = [UInt8](repeating: 0, count: RecordLimits.record + 1)
        #expect(throws: RecordError.self) { try Order.open(huge, keys: keys, verifier: verifier) }
        var largest = try Samples.install()
        largest.windows = try (0..<64).map {
            try TimeSpan(start: Samples.time + .seconds($0 * 10), end: Samples.time + .seconds($0 * 10 + 5))
        }
        largest.options = Dictionary(
            uniqueKeysWithValues: (0..<32).map { ("option\($0)", String(repeating: "x", count: 1024)) })
        let bytes = try largest.signed(by: signer)
        #expect(bytes.count < RecordLimits.record)
        #expect(try Order.open(bytes, keys: keys, verifier: verifier) == largest)
        let nodes = Set((0..<2000).map { NodeID(high: 1, low: UInt64($0)) })
        let list = try RevocationList(fleet: try FleetName("a"), number: 1, issued: .zero, nodes: nodes)
        #expect(try list.signed(by: signer).count < RecordLimits.record)
    }
}
