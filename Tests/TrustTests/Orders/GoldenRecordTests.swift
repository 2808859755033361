import Codec
import Foundation
import Model
import TLS
import TestSupport
import Testing
import Trust

/// Golden samples: records as the first release wrote them. Later releases must read them and mean the same.
///
/// `AXLE_WRITE_GOLDEN=1` writes those that are missing; a sample that exists is never written again.
struct GoldenRecordTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../../Golden/orders"
    )
    .standardizedFileURL

    private func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: Self.folder.appendingPathComponent(name)))
    }

    private func signed<Record: SignedRecord>(
        _ name: String, _ expected: Record, by signer: String = "signer.spki"
    ) throws {
        let record = try Record.open(try bytes(name), keys: [try bytes(signer)], verifier: TestVerifier())
        #expect(record == expected, "\(name)")
        // What is read is written again in the same way, so that the payload's form is fixed too.
        let message = try COSESign1(decoding: try bytes(name), limits: RecordLimits.cbor)
        #expect(message.payload == CBOREncoder.encode(expected.cbor), "\(name)")
    }

    @Test func goldenRecordsAreStillRead() throws {
        try Self.writeMissing()
        try signed("install.order", try Samples.install())
        try signed("cancel.order", try Samples.cancel())
        try signed("succeeded.report", try Samples.succeeded())
        try signed("refused.report", try Samples.refused())
        try signed("revocations", try Samples.revocations())
        try signed("revocations-2", try Samples.manyRevocations(), by: "signer-3.spki")
        #expect(try bytes("segment") == Samples.segment().bytes)
        #expect(
            try RevocationSegment(
                bytes: bytes("segment"), of: Samples.manyRevocations().segments[0], digester: TestDigester())
                == Samples.segment())
        try signed("anew.order", try Samples.anew(), by: "signer-2.spki")
        try signed("approval", try Samples.approval(), by: "operator.spki")
        try signed("stale.report", try Samples.stale(), by: "signer-2.spki")
        // The approval inside is the golden one, whose signature is another with every making.
        var approved = try Samples.install()
        approved.options = [:]
        approved.approval = OrderApproval(
            signed: try bytes("approval"), proof: try #require(try Samples.tree().proof(at: 3)))
        try signed("approved.order", approved, by: "signer-2.spki")
        let policy = OperatorPolicy(keys: [try bytes("operator.spki")], isRequired: true)
        #expect(
            policy.objection(to: approved, verifier: TestVerifier(), digester: TestDigester(), at: Samples.time) == nil)
        #expect(try JoinRequestBody(decoding: bytes("join-request.body")) == Samples.joinRequest())
        #expect(try JoinAnswerBody(decoding: bytes("join-answer.body")) == Samples.joinAnswer())
        #expect(try bytes("join-request.body") == Samples.joinRequest().encoded())
        #expect(try bytes("join-answer.body") == Samples.joinAnswer().encoded())
    }

    /// What pycose signed, with a key of its own, is believed like what was signed here.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: FormatTests.python), "make setup makes .venv"))
    func recordsMadeByPycoseAreBelieved() throws {
        let made = try TemporaryFolder()
        try Program.run(FormatTests.python, ["\(FormatTests.root)/Tests/Formats/validate.py", "make", made.path])
        func bytes(_ name: String) throws -> [UInt8] {
            [UInt8](try Data(contentsOf: URL(fileURLWithPath: made.path).appendingPathComponent(name)))
        }
        let keys = [try bytes("signer.spki")]
        #expect(
            try Order.open(bytes("install.order"), keys: keys, verifier: TestVerifier()) == Samples.install())
        #expect(
            try Report.open(bytes("refused.report"), keys: keys, verifier: TestVerifier()) == Samples.refused())
        #expect(
            try Approval.open(bytes("approval"), keys: keys, verifier: TestVerifier()) == Samples.approval())
        #expect(throws: RecordError.badSignature("report")) {
            try Report.open(bytes("install.order"), keys: keys, verifier: TestVerifier())
        }
    }

    /// Makes the samples with a key that is thrown away, if there are none yet.
    private static func writeMissing() throws {
        guard ProcessInfo.processInfo.environment["AXLE_WRITE_GOLDEN"] == "1" else { return }
        try writeFirst()
        try writeSecond()
        try writeThird()
    }

    private static func isThere(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
    }

    /// Approvals and what came with them.
    private static func writeSecond() throws {
        guard !isThere("signer-2.spki") else { return }
        let hub = TestSigner(key: try PrivateKey.generate(.p256))
        let human = TestSigner(key: try PrivateKey.generate(.p256))
        let approved = try Samples.approved(by: human)
        let files: [(String, [UInt8])] = [
            ("signer-2.spki", hub.key.publicKey.der), ("operator.spki", human.key.publicKey.der),
            ("approved.order", try approved.signed(by: hub)), ("approval", approved.approval?.signed ?? []),
            ("anew.order", try Samples.anew().signed(by: hub)), ("stale.report", try Samples.stale().signed(by: hub)),
        ]
        try write(files)
    }

    /// A revocation list with segments.
    private static func writeThird() throws {
        guard !isThere("signer-3.spki") else { return }
        let hub = TestSigner(key: try PrivateKey.generate(.p256))
        try write([
            ("signer-3.spki", hub.key.publicKey.der), ("segment", Samples.segment().bytes),
            ("revocations-2", try Samples.manyRevocations().signed(by: hub)),
        ])
    }

    private static func write(_ files: [(String, [UInt8])]) throws {
        for (name, bytes) in files {
            try Data(bytes).write(to: folder.appendingPathComponent(name), options: .withoutOverwriting)
        }
    }

    private static func writeFirst() throws {
        guard !isThere("signer.spki") else { return }
        let key = try PrivateKey.generate(.p256)
        let signer = TestSigner(key: key)
        let files: [(String, [UInt8])] = [
            ("signer.spki", key.publicKey.der), ("install.order", try Samples.install().signed(by: signer)),
            ("cancel.order", try Samples.cancel().signed(by: signer)),
            ("succeeded.report", try Samples.succeeded().signed(by: signer)),
            ("refused.report", try Samples.refused().signed(by: signer)),
            ("revocations", try Samples.revocations().signed(by: signer)),
            ("join-request.body", try Samples.joinRequest().encoded()),
            ("join-answer.body", try Samples.joinAnswer().encoded()),
        ]
        try write(files)
    }
}
