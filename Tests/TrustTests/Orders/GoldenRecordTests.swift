import Codec
import Foundation
import Model
import TLS
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

    private func signed<Record: SignedRecord>(_ name: String, _ expected: Record) throws {
        let record = try Record.open(try bytes(name), keys: [try bytes("signer.spki")], verifier: TestVerifier())
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
        #expect(try JoinRequestBody(decoding: bytes("join-request.body")) == Samples.joinRequest())
        #expect(try JoinAnswerBody(decoding: bytes("join-answer.body")) == Samples.joinAnswer())
        #expect(try bytes("join-request.body") == Samples.joinRequest().encoded())
        #expect(try bytes("join-answer.body") == Samples.joinAnswer().encoded())
    }

    /// Makes the samples with a key that is thrown away, if there are none yet.
    private static func writeMissing() throws {
        guard ProcessInfo.processInfo.environment["AXLE_WRITE_GOLDEN"] == "1",
            !FileManager.default.fileExists(atPath: folder.appendingPathComponent("signer.spki").path)
        else { return }
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
        for (name, bytes) in files {
            try Data(bytes).write(to: folder.appendingPathComponent(name), options: .withoutOverwriting)
        }
    }
}
