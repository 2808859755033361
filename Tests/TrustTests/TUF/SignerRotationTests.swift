import Codec
import Testing
import Trust

/// Which sets of signatures carry a change of keys and thresholds (5.3.4, 5.4.2, 5.5.3, 5.6.3).
@Suite("TUF signers")
struct SignerRotationTests {
    /// Keys by number and how many of them must sign.
    struct Signers: CustomStringConvertible {
        var keys: [Int]
        var threshold: Int
        var description: String { "\(threshold) of \(keys)" }

        func isMet(by signatures: Set<Int>) -> Bool { signatures.intersection(keys).count >= threshold }
    }

    private static func signers(_ numbers: some Sequence<Int>) -> [FakeSigner] {
        numbers.map { FakeSigner("signer \($0)") }
    }

    /// Every subset of the first `count` keys.
    private static func subsets(_ count: Int) -> [Set<Int>] {
        (0..<(1 << count)).map { bits in Set((0..<count).filter { bits >> $0 & 1 == 1 }) }
    }

    static let changes: [(Signers, Signers)] = [
        (Signers(keys: [0], threshold: 1), Signers(keys: [1], threshold: 1)),
        (Signers(keys: [0, 1, 2], threshold: 1), Signers(keys: [0, 1, 2], threshold: 2)),
        (Signers(keys: [0, 1, 2], threshold: 2), Signers(keys: [0, 1, 2], threshold: 1)),
        (Signers(keys: [0], threshold: 1), Signers(keys: [0, 1], threshold: 2)),
        (Signers(keys: [0, 1, 2], threshold: 2), Signers(keys: [1, 2, 3], threshold: 2)),
        (Signers(keys: [0, 1], threshold: 2), Signers(keys: [2, 3], threshold: 2)),
        (Signers(keys: [0, 1, 2, 3, 4], threshold: 3), Signers(keys: [0, 1, 3, 4, 5], threshold: 3)),
    ]

    @Test("a root is believed exactly when the old and the new threshold are both met", arguments: changes)
    func rootNeedsBoth(before: Signers, after: Signers) throws {
        for signatures in Self.subsets(6) {
            var repository = RepositorySimulator()
            repository.signers["root"] = Self.signers(before.keys)
            repository.thresholds["root"] = Int64(before.threshold)
            repository.publish()
            var client = SimulatedClient(repository)
            repository.signers["root"] = Self.signers(after.keys)
            repository.thresholds["root"] = Int64(after.threshold)
            repository.versions["root"] = 2
            // A key that nobody names signs, too; it neither helps nor harms.
            let all = Self.signers(signatures.sorted()) + [FakeSigner("stranger")]
            repository.serve("2.root.json", repository.file("root", repository.rootFields(), by: all))
            let isGood = before.isMet(by: signatures) && after.isMet(by: signatures)
            #expect(client.refusal(repository) == (isGood ? nil : .thresholdNotMet), "\(signatures)")
            #expect(client.folder["root.json"] == repository.files[isGood ? "2.root.json" : "1.root.json"])
            #expect((client.folder["2.root.json"] != nil) == isGood)
        }
    }

    @Test(
        "every other role is believed exactly when the threshold of the newest root is met",
        arguments: ["timestamp", "snapshot", "targets"])
    func roleNeedsNewest(role: String) throws {
        let after = Signers(keys: [1, 2, 3], threshold: 2)
        for signatures in Self.subsets(4) {
            var repository = RepositorySimulator()
            repository.signers[role] = Self.signers([0, 1, 2])
            repository.publish()
            var client = SimulatedClient(repository)
            try client.refresh(repository)
            repository.signers[role] = Self.signers(after.keys)
            repository.thresholds[role] = Int64(after.threshold)
            repository.versions["root"] = 2
            repository.publishRoot()
            // The root names the new keys; whoever is in the set signs.
            repository.signers[role] = Self.signers(signatures.sorted())
            for other in ["timestamp", "snapshot", "targets"] { repository.versions[other] = 2 }
            repository.publish()
            let refusal = client.refusal(repository)
            #expect(refusal == (after.isMet(by: signatures) ? nil : .thresholdNotMet), "\(signatures)")
        }
    }

    @Test("kept metadata that the newest root's keys did not sign is fetched anew, not believed")
    func keptRoleOfOldKeys() throws {
        var repository = RepositorySimulator()
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        repository.rotate("targets", to: "targets-2")
        #expect(client.refusal(repository) == .thresholdNotMet)
        repository.bump("targets", "snapshot", "timestamp")
        try client.refresh(repository)
        #expect(client.outcome?.trusted.targetsRole(.targets)?.version == 2)
    }

    @Test("a root that is given to a machine must be whole and signed by its own keys, and nothing is asked before")
    func badBootstrap() throws {
        var repository = RepositorySimulator()
        repository.publish()
        let good = try #require(repository.files["1.root.json"])
        let text = String(decoding: good, as: UTF8.self)
        let cases: [([UInt8], MetadataError.Code)] = [
            (Array(text.replacing("\"version\":1,", with: "").utf8), .malformedMetadata),
            (Array(text.replacing(/"sig":"[0-9a-f]{4}/) { _ in "\"sig\":\"0000" }.utf8), .thresholdNotMet),
            (Array(text.replacing("2030-01-01", with: "2040-01-01").utf8), .thresholdNotMet),
            (repository.files["timestamp.json"] ?? [], .wrongType), (Array(good.dropLast()), .malformedMetadata),
        ]
        for (bytes, code) in cases {
            var client = SimulatedClient(repository)
            client.bootstrap = bytes
            #expect(client.refusal(repository) == code)
            #expect(client.fetched.isEmpty && client.folder.isEmpty)
        }
    }

    @Test("a key with further fields counts when its id is the hash of all of them, whatever they claim")
    func unknownKeyFields() throws {
        var repository = RepositorySimulator()
        repository.tamper["root"] = { signed in
            guard var keys = signed["keys"]?.asObject, var roles = signed["roles"]?.asObject,
                var role = roles["timestamp"]?.asObject, let old = role["keyids"]?.asArray?.first?.asText,
                var key = keys[old]?.asObject
            else { return }
            key.set("keyid_hash_algorithms", "md5")
            key.set("x", RepositorySimulator.object([("a", 1)]))
            let id = JSONText(Self.id(of: key))
            keys.remove(old)
            keys.set(id, .object(key))
            role.set("keyids", [.string(id)])
            roles.set("timestamp", .object(role))
            signed.set("keys", .object(keys))
            signed.set("roles", .object(roles))
        }
        let signer = FakeSigner("timestamp")
        var object = signer.key.object
        object.set("keyid_hash_algorithms", "md5")
        object.set("x", RepositorySimulator.object([("a", 1)]))
        let id = Self.id(of: object)
        repository.mangle["timestamp"] = { bytes in
            bytes = Array(String(decoding: bytes, as: UTF8.self).replacing(signer.key.id.string, with: id).utf8)
        }
        repository.publish()
        var client = SimulatedClient(repository)
        #expect(client.refusal(repository) == nil)
    }

    private static func id(of key: JSONObject) -> String {
        TestDigester().sha256(JSONValue.object(key).canonicalForm).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
