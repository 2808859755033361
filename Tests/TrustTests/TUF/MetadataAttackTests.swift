import Codec
import Model
import Testing
import Trust

/// Every attack on metadata of TRUST.md, by name.
@Suite("TUF attacks")
struct MetadataAttackTests {
    /// A repository that a client has trusted once, and the client.
    private func trusted(_ change: (inout RepositorySimulator) -> Void = { _ in }) throws
        -> (RepositorySimulator, SimulatedClient)
    {
        var repository = RepositorySimulator()
        change(&repository)
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository, .catalog)
        return (repository, client)
    }

    static let roles = ["root", "timestamp", "snapshot", "targets"]

    // MARK: Keys and signatures

    @Test("threshold 0 is refused in every role", arguments: [Int64(0), -1])
    func thresholdZero(threshold: Int64) {
        for role in Self.roles {
            var repository = RepositorySimulator()
            repository.thresholds[role] = threshold
            repository.publish()
            var client = SimulatedClient(repository)
            #expect(client.refusal(repository) == .invalidThreshold)
        }
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "ruff", paths: ["*"], threshold: threshold))
        repository.publish()
        var client = SimulatedClient(repository)
        #expect(client.refusal(repository) == .invalidThreshold)
    }

    @Test("a role signed by another key is refused", arguments: roles)
    func wrongKey(role: String) throws {
        var (repository, client) = try trusted()
        if role == "root" {
            // Signed by its own new key, not by the old one.
            repository.signers["root"] = [FakeSigner("other")]
            repository.versions["root"] = 2
            repository.publishRoot()
        } else {
            repository.signers[role] = [FakeSigner("other")]
            repository.bump("timestamp", "snapshot", "targets")
        }
        let kept = client.folder[role + ".json"]
        #expect(client.refusal(repository) == .thresholdNotMet)
        #expect(client.folder[role + ".json"] == kept)
    }

    @Test("an unsigned role is refused", arguments: roles)
    func unsigned(role: String) throws {
        var (repository, client) = try trusted()
        repository.versions["root"] = 2
        repository.mangle[role] = { bytes in
            bytes = Array(
                String(decoding: bytes, as: UTF8.self).replacing(/"signatures":\[.*?\]/) { _ in "\"signatures\":[]" }
                    .utf8)
        }
        repository.bump("timestamp", "snapshot", "targets")
        #expect(client.refusal(repository) == .thresholdNotMet)
    }

    @Test("a role that was altered after signing is refused", arguments: roles)
    func altered(role: String) throws {
        var (repository, client) = try trusted()
        repository.listsHashes = false
        repository.versions["root"] = 2
        repository.mangle[role] = { bytes in
            bytes = Array(String(decoding: bytes, as: UTF8.self).replacing("2030-01-01", with: "2031-01-01").utf8)
        }
        repository.bump("timestamp", "snapshot", "targets")
        #expect(client.refusal(repository) == .thresholdNotMet)
    }

    @Test("two signatures by one key are refused: duplicate signatures")
    func duplicateSignatures() throws {
        for role in Self.roles {
            var (repository, client) = try trusted { $0.thresholds[role] = 1 }
            repository.versions["root"] = 2
            repository.signers[role] = (repository.signers[role] ?? []) + (repository.signers[role] ?? [])
            if role != "root" { repository.bump("timestamp", "snapshot", "targets") } else { repository.publishRoot() }
            // Root lists the key twice then, too, which is refused first.
            #expect([.duplicateSignature, .duplicateKeyID].contains(client.refusal(repository)))
        }
    }

    @Test("a key under two ids counts once")
    func oneKeyTwoIDs() throws {
        let signer = FakeSigner("one")
        var object = signer.key.object
        object.set("note", "another id for the same key")
        let id = JSONText(ASCII.hex(TestDigester().sha256(JSONValue.object(object).canonicalForm)))
        var repository = RepositorySimulator()
        repository.signers["timestamp"] = [signer]
        repository.tamper["root"] = { signed in
            guard var keys = signed["keys"]?.asObject, var roles = signed["roles"]?.asObject,
                var role = roles["timestamp"]?.asObject
            else { return }
            keys.set(id, .object(object))
            role.set("keyids", [.string(signer.key.id), .string(id)])
            role.set("threshold", 2)
            roles.set("timestamp", .object(role))
            signed.set("keys", .object(keys))
            signed.set("roles", .object(roles))
        }
        repository.mangle["timestamp"] = { bytes in
            var text = String(decoding: bytes, as: UTF8.self)
            guard let match = text.firstMatch(of: /\{"keyid":"[0-9a-f]*","sig":"([0-9a-f]*)"\}/) else { return }
            text.replace("\"signatures\":[", with: "\"signatures\":[{\"keyid\":\"\(id)\",\"sig\":\"\(match.1)\"},")
            bytes = Array(text.utf8)
        }
        repository.publish()
        var client = SimulatedClient(repository)
        #expect(client.refusal(repository) == .thresholdNotMet)
    }

    /// Its publisher's mistake must not lock clients below it out: what the other keys have signed is believed, this root and
    /// those after it.
    @Test("a root with one wrong key id is taken when the other keys meet the threshold")
    func wrongKeyIDIsPassedOver() throws {
        let keys = ["a", "b", "c"].map { FakeSigner($0) }
        var repository = RepositorySimulator()
        repository.signers["root"] = keys
        repository.thresholds["root"] = 2
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        let wrong = JSONText(String(repeating: "0", count: 64))
        repository.tamper["root"] = { signed in
            guard var listed = signed["keys"]?.asObject, var roles = signed["roles"]?.asObject,
                var role = roles["root"]?.asObject, let ids = role["keyids"]?.asArray, let last = ids.last?.asText,
                let key = listed[last]
            else { return }
            listed.set(wrong, key)
            role.set("keyids", .array(ids.dropLast() + [.string(wrong)]))
            roles.set("root", .object(role))
            signed.set("keys", .object(listed))
            signed.set("roles", .object(roles))
        }
        repository.bump("root")
        try client.refresh(repository)
        #expect(client.outcome?.trusted.root.version == 2)
        repository.tamper["root"] = nil
        repository.bump("root")
        try client.refresh(repository)
        #expect(client.outcome?.trusted.root.version == 3)
    }

    @Test("a key whose id is not its hash signs nothing, unknown fields included")
    func keyIDMismatch() throws {
        for change in ["public", "extra"] {
            var repository = RepositorySimulator()
            repository.tamper["root"] = { signed in
                guard var keys = signed["keys"]?.asObject, let member = keys.members.first,
                    var key = member.value.asObject
                else { return }
                if change == "extra" {
                    key.set("unknown", 1)
                } else {
                    key.set(
                        "keyval",
                        RepositorySimulator.object([("public", .string(JSONText(String(repeating: "0", count: 64))))]))
                }
                keys.set(member.name, .object(key))
                signed.set("keys", .object(keys))
            }
            repository.publish()
            var client = SimulatedClient(repository)
            #expect(client.refusal(repository) == .thresholdNotMet)
        }
    }

    @Test("M of N signatures are needed and enough; bad extra ones are tolerated")
    func thresholds() throws {
        let keys = ["a", "b", "c"].map { FakeSigner($0) }
        var repository = RepositorySimulator()
        repository.signers["timestamp"] = keys
        repository.thresholds["timestamp"] = 2
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        // One of three altered: two remain. Two altered: too few.
        func spoil(_ count: Int) -> (inout [UInt8]) -> Void {
            { bytes in
                var text = String(decoding: bytes, as: UTF8.self)
                for match in text.matches(of: /"sig":"[0-9a-f]*"/).prefix(count).reversed() {
                    text.replaceSubrange(match.range, with: "\"sig\":\"\(count == 1 ? "zz" : "00")\"")
                }
                bytes = Array(text.utf8)
            }
        }
        repository.mangle["timestamp"] = spoil(1)
        repository.bump("timestamp")
        #expect(client.refusal(repository) == nil)
        #expect(client.outcome?.trusted.timestamp?.version == 2)
        repository.mangle["timestamp"] = spoil(2)
        repository.bump("timestamp")
        #expect(client.refusal(repository) == .thresholdNotMet)
    }

    @Test("a key of an unknown kind is kept but never counts")
    func unknownKeyKind() throws {
        var repository = RepositorySimulator()
        repository.tamper["root"] = { signed in
            let object = RepositorySimulator.object([
                ("keytype", "ml-dsa"), ("scheme", "ml-dsa-65"),
                ("keyval", RepositorySimulator.object([("public", "00")])),
            ])
            let id = JSONText(ASCII.hex(TestDigester().sha256(object.canonicalForm)))
            guard var keys = signed["keys"]?.asObject, var roles = signed["roles"]?.asObject,
                var role = roles["timestamp"]?.asObject, let ids = role["keyids"]?.asArray
            else { return }
            keys.set(id, object)
            role.set("keyids", .array(ids + [.string(id)]))
            roles.set("timestamp", .object(role))
            signed.set("keys", .object(keys))
            signed.set("roles", .object(roles))
        }
        repository.publish()
        var client = SimulatedClient(repository)
        #expect(client.refusal(repository) == nil)
    }

    // MARK: Form

    static let malformed: [(String, [UInt8])] = [
        ("empty", []), ("no JSON", Array("hello".utf8)), ("no object", Array("[]".utf8)),
        ("nothing signed", Array("{\"signatures\":[]}".utf8)),
        ("signed is no object", Array("{\"signatures\":[],\"signed\":[]}".utf8)),
        ("duplicate keys", Array("{\"signatures\":[],\"signatures\":[],\"signed\":{}}".utf8)),
        ("deep", Array(String(repeating: "[", count: 5000).utf8)),
        ("a byte order mark", [0xEF, 0xBB, 0xBF] + Array("{}".utf8)), ("not UTF-8", [0x7B, 0x22, 0xFF, 0x22]),
        ("NUL", [0]),
    ]

    @Test("malformed, deep and duplicate-key files are refused", arguments: malformed)
    func malformedFiles(name: String, bytes: [UInt8]) throws {
        let (repository, client) = try trusted()
        for file in ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"] {
            var next = repository
            next.listsHashes = false
            next.bump("timestamp", "snapshot", "targets")
            next.serve(file, bytes)
            var other = client
            #expect(other.refusal(next) == .malformedMetadata, "\(name) as \(file)")
        }
    }

    static let badFields: [(String, String, JSONValue?, MetadataError.Code)] = [
        ("timestamp", "_type", "snapshot", .wrongType), ("snapshot", "_type", "targets", .wrongType),
        ("targets", "_type", "root", .wrongType), ("root", "_type", "timestamp", .wrongType),
        ("timestamp", "_type", nil, .malformedMetadata), ("timestamp", "_type", 1, .malformedMetadata),
        ("timestamp", "spec_version", "2.0.0", .unsupportedSpecification),
        ("timestamp", "spec_version", "0.9", .unsupportedSpecification),
        ("timestamp", "spec_version", "1", .unsupportedSpecification),
        ("timestamp", "spec_version", "1.x", .unsupportedSpecification),
        ("timestamp", "spec_version", nil, .malformedMetadata),
        ("timestamp", "version", 0, .malformedMetadata), ("timestamp", "version", -1, .malformedMetadata),
        ("timestamp", "version", true, .malformedMetadata), ("timestamp", "version", "1", .malformedMetadata),
        ("timestamp", "version", nil, .malformedMetadata),
        ("timestamp", "expires", "2030-01-01T00:00:00", .malformedMetadata),
        ("timestamp", "expires", "2030-01-01T00:00:00.5Z", .malformedMetadata),
        ("timestamp", "expires", "2030-01-01T00:00:00.000Z", .malformedMetadata),
        ("timestamp", "expires", "2030-01-01T00:00:00+00:00", .malformedMetadata),
        ("timestamp", "expires", "2030-02-30T00:00:00Z", .malformedMetadata),
        ("timestamp", "expires", "2030-01-01T24:00:00Z", .malformedMetadata),
        ("timestamp", "expires", "2030-01-01t00:00:00z", .malformedMetadata),
        ("timestamp", "expires", " 2030-01-01T00:00:00Z", .malformedMetadata),
        ("timestamp", "expires", 1, .malformedMetadata),
        ("timestamp", "meta", .object(JSONObject()), .malformedMetadata),
        ("timestamp", "meta", nil, .malformedMetadata),
        ("snapshot", "meta", .object(JSONObject()), .malformedMetadata),
        ("targets", "targets", nil, .malformedMetadata), ("targets", "targets", [], .malformedMetadata),
        ("targets", "delegations", [], .malformedMetadata),
        ("targets", "delegations", .object(JSONObject()), .malformedMetadata),
        ("root", "roles", .object(JSONObject()), .malformedMetadata), ("root", "keys", nil, .malformedMetadata),
        ("root", "consistent_snapshot", "yes", .malformedMetadata),
    ]

    @Test("a signed field that is missing or of the wrong kind is refused", arguments: badFields)
    func badField(role: String, field: String, value: JSONValue?, code: MetadataError.Code) throws {
        var (repository, client) = try trusted()
        repository.versions["root"] = 2
        repository.tamper[role] = { signed in
            if let value { signed.set(JSONText(field), value) } else { signed.remove(JSONText(field)) }
        }
        repository.bump("timestamp", "snapshot", "targets")
        #expect(client.refusal(repository) == code)
    }

    static let badTargets: [(JSONValue, MetadataError.Code)] = [
        (1, .malformedMetadata),
        (RepositorySimulator.object([("length", 1)]), .malformedMetadata),
        (RepositorySimulator.object([("length", -1), ("hashes", RepositorySimulator.object([]))]), .malformedMetadata),
        (RepositorySimulator.object([("length", 1), ("hashes", RepositorySimulator.object([]))]), .unknownHash),
        (
            RepositorySimulator.object([("length", 1), ("hashes", RepositorySimulator.object([("md5", "00")]))]),
            .unknownHash
        ),
        (
            RepositorySimulator.object([("length", 1), ("hashes", RepositorySimulator.object([("sha256", "00")]))]),
            .malformedMetadata
        ),
        (
            RepositorySimulator.object([("length", true), ("hashes", RepositorySimulator.object([("sha256", "00")]))]),
            .malformedMetadata
        ),
    ]

    @Test("a malformed target is refused", arguments: badTargets)
    func badTarget(target: JSONValue, code: MetadataError.Code) {
        var repository = RepositorySimulator()
        repository.targets["targets"] = ["t": target]
        repository.publish()
        var client = SimulatedClient(repository)
        #expect(client.refusal(repository) == code)
    }

    @Test("unknown fields are tolerated, and signatures are over them too")
    func unknownFields() throws {
        var repository = RepositorySimulator()
        for role in Self.roles {
            repository.tamper[role] = { $0.set("unknown", ["field", 1, true]) }
        }
        repository.publish()
        var client = SimulatedClient(repository)
        #expect(client.refusal(repository) == nil)
        repository.mangle["timestamp"] = { bytes in
            bytes = Array(String(decoding: bytes, as: UTF8.self).replacing("\"field\"", with: "\"other\"").utf8)
        }
        repository.bump("timestamp")
        #expect(client.refusal(repository) == .thresholdNotMet)
    }

    @Test("endless data: no role may be longer than its limit, nor than its listed length")
    func endlessData() throws {
        let (repository, client) = try trusted()
        for (file, limit) in [
            ("2.root.json", 512_000), ("timestamp.json", 16_384), ("2.snapshot.json", 2_000_000),
            ("2.targets.json", 8_000_000),
        ] {
            var next = repository
            next.listsHashes = false
            next.bump("timestamp", "snapshot", "targets")
            next.serve(file, Array(repeating: 0x20, count: limit + 1))
            var other = client
            #expect(other.refusal(next) == .metadataTooLarge)
            // A driver that ignores the limit it was given does not help either.
            #expect(
                other.refusal(next) { name, _ in name == file ? .bytes(next.files[file] ?? []) : nil }
                    == .metadataTooLarge)
        }
        var next = repository
        next.bump("timestamp", "snapshot", "targets")
        next.serve("2.snapshot.json", (next.files["2.snapshot.json"] ?? []) + [0x20])
        var other = client
        #expect(other.refusal(next) == .metadataTooLarge)
    }

    @Test("huge: a listed length over the limit is refused before anything is fetched")
    func hugeListedLength() throws {
        var (repository, client) = try trusted()
        repository.tamper["timestamp"] = { signed in
            signed.set(
                "meta",
                RepositorySimulator.object([
                    ("snapshot.json", RepositorySimulator.object([("version", 2), ("length", 9_007_199_254_740_992)]))
                ]))
        }
        repository.bump("timestamp", "snapshot")
        #expect(client.refusal(repository) == .metadataTooLarge)
        #expect(!client.fetched.contains("2.snapshot.json"))
    }

    @Test("slow retrieval: what came too slowly is refused and named so")
    func slow() throws {
        var (repository, client) = try trusted()
        repository.bump("timestamp")
        #expect(client.refusal(repository) { _, _ in .tooSlow } == .tooSlow)
        #expect(MetadataError.Code.tooSlow.attack == .slowRetrieval)
    }

    // MARK: Rollback

    @Test("rollback of root: an older or the same root as the next one is refused, and so is a skipped root")
    func rootVersions() throws {
        let (repository, client) = try trusted()
        for (version, code) in [
            (Int64(1), MetadataError.Code.rootRolledBack), (3, .rootSkipped), (2, nil),
        ] as [(Int64, MetadataError.Code?)] {
            var next = repository
            next.versions["root"] = version
            next.serve("2.root.json", next.file("root", next.rootFields()))
            var other = client
            #expect(other.refusal(next) == code)
        }
    }

    @Test("rollback of timestamp is refused; the same version keeps ours")
    func timestampRollback() throws {
        var (repository, client) = try trusted { $0.versions["timestamp"] = 5 }
        let kept = client.folder["timestamp.json"]
        repository.versions["timestamp"] = 4
        repository.publish()
        #expect(client.refusal(repository) == .timestampRolledBack)
        #expect(client.folder["timestamp.json"] == kept)
        repository.versions["timestamp"] = 5
        repository.expires["timestamp"] = "2031-01-01T00:00:00Z"
        repository.publish()
        #expect(client.refusal(repository) == nil)
        #expect(client.folder["timestamp.json"] == kept)
        #expect(client.fetched == ["2.root.json", "timestamp.json"])
    }

    @Test("rollback of the snapshot that a timestamp names is refused before the timestamp is kept")
    func snapshotRollbackInTimestamp() throws {
        var (repository, client) = try trusted { $0.versions["snapshot"] = 5 }
        let kept = client.folder["timestamp.json"]
        repository.versions["snapshot"] = 4
        repository.bump("timestamp")
        #expect(client.refusal(repository) == .snapshotRolledBack)
        #expect(client.folder["timestamp.json"] == kept)
    }

    @Test("rollback of targets or a delegated role within the snapshot is refused", arguments: ["targets", "ruff"])
    func targetsRollback(role: String) throws {
        var (repository, client) = try trusted { repository in
            repository.delegate(.init(name: "ruff", paths: ["ruff/*/*/*"]))
            repository.versions[role] = 5
        }
        repository.versions[role] = 4
        repository.bump("snapshot", "timestamp")
        #expect(client.refusal(repository) == .targetsRolledBack)
    }

    @Test("a role that vanishes from the snapshot is refused, even when ours has expired")
    func vanishedRole() throws {
        var (repository, client) = try trusted { repository in
            repository.delegate(.init(name: "ruff", paths: ["ruff/*/*/*"]))
            repository.expires["snapshot"] = "2026-06-02T00:00:00Z"
        }
        client.now = client.now + .seconds(10 * 86_400)
        repository.expires["snapshot"] = nil
        repository.unlisted = ["ruff"]
        repository.bump("snapshot", "timestamp")
        #expect(client.refusal(repository) == .snapshotRoleVanished)
    }

    @Test("a rollback stays refused after a restart, whatever was cut")
    func rollbackAfterRestart() throws {
        var (repository, client) = try trusted()
        let old = repository
        repository.versions["targets"] = 2
        repository.bump("timestamp", "snapshot")
        for cut in 0..<5 {
            var interrupted = client
            #expect(throws: SimulatedClient.Cut.self) { try interrupted.refresh(repository, cutAt: cut) }
            let refusal = interrupted.refusal(old)
            #expect(refusal == (cut == 0 ? nil : .timestampRolledBack))
        }
        try client.refresh(repository)
        #expect(client.refusal(old) == .timestampRolledBack)
    }

    // MARK: Freeze

    @Test("freeze: an expired role is refused", arguments: roles)
    func freeze(role: String) throws {
        var repository = RepositorySimulator()
        repository.expires[role] = "2026-05-31T23:59:59Z"
        repository.publish()
        var client = SimulatedClient(repository)
        #expect(client.refusal(repository) == .metadataExpired)
        #expect(client.folder["\(role).json"] == nil || role == "root")
        #expect(MetadataError.Code.metadataExpired.attack == .freeze)
    }

    @Test("a role expires at the very second that it names")
    func expiryBoundary() throws {
        for (expires, refusal) in [
            ("2026-06-01T00:00:00Z", MetadataError.Code.metadataExpired), ("2026-06-01T00:00:01Z", nil),
        ] as [(String, MetadataError.Code?)] {
            var repository = RepositorySimulator()
            repository.expires["timestamp"] = expires
            repository.publish()
            var client = SimulatedClient(repository)
            #expect(client.refusal(repository) == refusal)
        }
    }

    @Test("freeze: the same timestamp over and over does not live past its expiry")
    func freezeByReplay() throws {
        var (repository, client) = try trusted { $0.expires["timestamp"] = "2026-07-01T00:00:00Z" }
        client.now = client.now + .seconds(40 * 86_400)
        #expect(client.refusal(repository) == .metadataExpired)
        repository.expires["timestamp"] = nil
        repository.bump("timestamp")
        #expect(client.refusal(repository) == nil)
    }

    @Test("an expired timestamp of a higher version is not kept, so that it holds nothing back")
    func expiredTimestampIsNotKept() throws {
        var (repository, client) = try trusted()
        let kept = client.folder["timestamp.json"]
        repository.expires["timestamp"] = "2026-01-01T00:00:00Z"
        repository.versions["timestamp"] = 9
        repository.publish()
        #expect(client.refusal(repository) == .metadataExpired)
        #expect(client.folder["timestamp.json"] == kept)
        repository.expires["timestamp"] = nil
        repository.versions["timestamp"] = 2
        repository.publish()
        #expect(client.refusal(repository) == nil)
    }

    @Test("an expired root on the way is no error, as long as the last one is fresh")
    func expiredIntermediateRoot() throws {
        var repository = RepositorySimulator()
        repository.expires["root"] = "2020-01-01T00:00:00Z"
        repository.publish()
        repository.rotate("root", to: "root-2")
        var client = SimulatedClient(repository)
        #expect(client.refusal(repository) == .metadataExpired)
        repository.expires["root"] = nil
        repository.rotate("root", to: "root-3")
        #expect(client.refusal(repository) == nil)
        #expect(client.outcome?.trusted.root.version == 3)
    }

    // MARK: Fast-forward

    @Test(
        "fast-forward: when a key of timestamp or snapshot is retired, both are forgotten",
        arguments: ["timestamp", "snapshot"])
    func fastForwardRecovery(role: String) throws {
        var (repository, client) = try trusted { repository in
            repository.signers[role] = [FakeSigner("stolen"), FakeSigner("good")]
            for role in ["timestamp", "snapshot", "targets"] { repository.versions[role] = 1_000_000 }
        }
        // Without a rotation the recovery is a rollback.
        for role in ["timestamp", "snapshot", "targets"] { repository.versions[role] = 2 }
        repository.publish()
        #expect(client.refusal(repository) == .timestampRolledBack)
        repository.rotate(role, to: "good")
        repository.publish()
        try client.refresh(repository)
        #expect(
            client.written.prefix(5) == [
                "persist 2.root.json", "delete snapshot.json", "delete timestamp.json", "persist floors",
                "persist root.json",
            ])
        #expect(client.outcome?.trusted.timestamp?.version == 2)
        #expect(client.outcome?.trusted.snapshot?.version == 2)
        #expect(client.outcome?.trusted.targetsRole(.targets)?.version == 2)
    }

    @Test("an added key or a new root key forgets nothing")
    func noRecoveryWithoutRetirement() throws {
        var (repository, client) = try trusted { $0.versions["timestamp"] = 5 }
        repository.rotate("timestamp", to: "timestamp", "timestamp-2")
        repository.rotate("root", to: "root-2")
        repository.versions["timestamp"] = 4
        repository.publish()
        #expect(client.refusal(repository) == .timestampRolledBack)
    }

    // MARK: Mix and match

    @Test(
        "mix and match: a snapshot or targets file of another version is refused", arguments: ["snapshot", "targets"])
    func mixAndMatch(role: String) throws {
        var (repository, client) = try trusted()
        repository.listsHashes = false
        repository.bump("timestamp", "snapshot", "targets")
        repository.serve("2.\(role).json", repository.files["1.\(role).json"])
        #expect(client.refusal(repository) == .versionMismatch)
    }

    @Test(
        "mix and match: a file of the named version but with another hash is refused",
        arguments: ["snapshot", "targets"])
    func otherHash(role: String) throws {
        var (repository, client) = try trusted()
        repository.bump("timestamp", "snapshot", "targets")
        var bytes = repository.files["2.\(role).json"] ?? []
        let place = try #require(bytes.lastIndex(of: UInt8(ascii: "}")))
        bytes[place] = 0x20
        repository.serve("2.\(role).json", bytes)
        #expect(client.refusal(repository) == .hashMismatch)
        repository.serve("2.\(role).json", Array(bytes.dropLast()))
        #expect(client.refusal(repository) == .lengthMismatch)
    }

    @Test("a kept snapshot of the named version but with another hash is fetched anew")
    func keptSnapshotOfOtherHash() throws {
        var (repository, client) = try trusted()
        repository.expires["snapshot"] = "2030-01-02T00:00:00Z"
        repository.bump("timestamp")
        try client.refresh(repository)
        #expect(client.fetched.contains("1.snapshot.json"))
    }

    @Test("every code is stable, and every code that stands against an attack names it")
    func codes() {
        for code in MetadataError.Code.allCases {
            let error = MetadataError(code, role: "x\u{1B}[31m\n", "y\r\n\u{202E}")
            #expect(error.description.utf8.allSatisfy { (0x20...0x7E).contains($0) })
            let silent: [MetadataError.Code] = [
                .noTrustedRoot, .notDelegated, .missingMetadata, .unreachable, .wrongOrder,
            ]
            #expect((error.attack == nil) == silent.contains(code))
        }
    }
}
