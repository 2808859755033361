import Codec
import Model
import Trust

/// A repository in memory whose every field can be wrong: what an attacker or a broken publisher could serve.
///
/// It keeps each role as a JSON tree. `publish` signs what changed by convention (versions are set by the test), and
/// `files` is what a client may fetch, by name.
struct RepositorySimulator {
    /// The keys that sign each role, by role name.
    var signers: [String: [FakeSigner]] = [
        "root": [FakeSigner("root")], "timestamp": [FakeSigner("timestamp")], "snapshot": [FakeSigner("snapshot")],
        "targets": [FakeSigner("targets")],
    ]
    var thresholds: [String: Int64] = [:]
    var versions: [String: Int64] = ["root": 1, "timestamp": 1, "snapshot": 1, "targets": 1]
    var expires: [String: String] = [:]
    var consistent = true
    /// Whether snapshot and timestamp list lengths and hashes.
    var listsHashes = true
    /// Targets by role, then path.
    var targets: [String: [String: JSONValue]] = ["targets": [:]]
    /// Delegations by delegating role, in order.
    var delegations: [String: [Delegation]] = [:]
    /// TAP 15's bins by delegating role.
    var bins: [String: (bits: Int64, prefix: String, signers: [FakeSigner])] = [:]
    /// Roles that the snapshot leaves out.
    var unlisted: Set<String> = []
    /// Changes a role's `signed` object before it is signed.
    var tamper: [String: (inout JSONObject) -> Void] = [:]
    /// Changes a role's file after it was signed.
    var mangle: [String: (inout [UInt8]) -> Void] = [:]
    /// What a client can fetch, by name.
    private(set) var files: [String: [UInt8]] = [:]
    /// What was asked for, in order.
    var requests: [String] = []

    struct Delegation {
        var name: String
        var paths: [String] = []
        var prefixes: [String]?
        var terminating = false
        var threshold: Int64 = 1
        /// Signers as the delegator sees them; the role's own when nil.
        var signers: [FakeSigner]?
    }

    static let expiry = "2030-01-01T00:00:00Z"
    static let now = (try? UnixTime(strictISO8601: "2026-06-01T00:00:00Z")) ?? .zero  // a literal of this file

    /// A target's entry for the given content.
    static func target(_ content: String, custom: JSONValue? = nil) -> JSONValue {
        let bytes = Array(content.utf8)
        var fields: [(String, JSONValue)] = [
            ("length", .integer(Int64(bytes.count))),
            ("hashes", object([("sha256", .string(JSONText(ASCII.hex(TestDigester().sha256(bytes)))))])),
        ]
        if let custom { fields.append(("custom", custom)) }
        return object(fields)
    }

    static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        var object = JSONObject()
        for (name, value) in members { object.set(JSONText(name), value) }
        return .object(object)
    }

    // MARK: Making files

    /// Adds a delegated role with its own key and empty targets.
    mutating func delegate(_ delegation: Delegation, from delegator: String = "targets") {
        if signers[delegation.name] == nil { signers[delegation.name] = [FakeSigner(delegation.name)] }
        if targets[delegation.name] == nil { targets[delegation.name] = [:] }
        if versions[delegation.name] == nil { versions[delegation.name] = 1 }
        delegations[delegator, default: []].append(delegation)
    }

    /// Makes and signs every role as it is now. Roots are added, never replaced.
    mutating func publish() {
        if files["\(versions["root"] ?? 0).root.json"] == nil { publishRoot() }
        var meta: [(String, JSONValue)] = []
        for role in targets.keys.sorted() {
            let bytes = file(role, targetsFields(role))
            put(role, bytes)
            if !unlisted.contains(role) { meta.append(("\(role).json", listed(role, bytes))) }
        }
        let snapshot = file("snapshot", [("meta", Self.object(meta))])
        put("snapshot", snapshot)
        publishTimestamp(snapshot)
    }

    mutating func publishRoot() {
        let bytes = file("root", rootFields())
        files["\(versions["root"] ?? 0).root.json"] = bytes
    }

    mutating func publishTimestamp(_ snapshot: [UInt8]) {
        let meta = Self.object([("snapshot.json", listed("snapshot", snapshot))])
        files["timestamp.json"] = file("timestamp", [("meta", meta)])
    }

    /// Raises the versions of roles and publishes.
    mutating func bump(_ roles: String...) {
        for role in roles { versions[role, default: 0] += 1 }
        publish()
    }

    /// Serves a file of any content.
    mutating func serve(_ name: String, _ bytes: [UInt8]?) { files[name] = bytes }

    /// A new root version with another key for the role.
    mutating func rotate(_ role: String, to names: String...) {
        let before = signers["root"] ?? []
        signers[role] = names.map { FakeSigner($0) }
        versions["root", default: 0] += 1
        if role == "root" {
            // Old and new keys sign the change.
            let now = signers["root"] ?? []
            files["\(versions["root"] ?? 0).root.json"] = file("root", rootFields(), by: before + now)
        } else {
            publishRoot()
        }
    }

    func file(_ role: String, _ fields: [(String, JSONValue)], by others: [FakeSigner]? = nil) -> [UInt8] {
        let type = ["root", "timestamp", "snapshot", "targets"].contains(role) ? role : "targets"
        var signed = JSONObject()
        signed.set("_type", .string(JSONText(type)))
        signed.set("spec_version", "1.0.34")
        signed.set("version", .integer(versions[role] ?? 1))
        signed.set("expires", .string(JSONText(expires[role] ?? Self.expiry)))
        for (name, value) in fields { signed.set(JSONText(name), value) }
        tamper[role]?(&signed)
        let message = JSONValue.object(signed).canonicalForm
        let signatures: [JSONValue] = (others ?? signers[role] ?? []).map { signer in
            Self.object([
                ("keyid", .string(signer.key.id)), ("sig", .string(JSONText(ASCII.hex(signer.sign(message))))),
            ])
        }
        var bytes = Self.object([("signatures", .array(signatures)), ("signed", .object(signed))]).text()
        mangle[role]?(&bytes)
        return bytes
    }

    func rootFields() -> [(String, JSONValue)] {
        let top = ["root", "timestamp", "snapshot", "targets"]
        return [
            ("consistent_snapshot", .bool(consistent)),
            ("keys", Self.keys(top.flatMap { signers[$0] ?? [] })),
            ("roles", Self.object(top.map { ($0, Self.object(role(signers[$0] ?? [], thresholds[$0] ?? 1))) })),
        ]
    }

    private func role(_ signers: [FakeSigner], _ threshold: Int64) -> [(String, JSONValue)] {
        [("keyids", .array(signers.map { .string($0.key.id) })), ("threshold", .integer(threshold))]
    }

    static func keys(_ signers: [FakeSigner]) -> JSONValue {
        object(signers.map { ($0.key.id.string, .object($0.key.object)) })
    }

    private func targetsFields(_ role: String) -> [(String, JSONValue)] {
        var fields: [(String, JSONValue)] = [
            ("targets", Self.object((targets[role] ?? [:]).sorted { $0.key < $1.key }))
        ]
        if let bins = bins[role] {
            let succinct = Self.object(
                self.role(bins.signers, 1) + [
                    ("bit_length", .integer(bins.bits)), ("name_prefix", .string(JSONText(bins.prefix))),
                ])
            fields.append(
                ("delegations", Self.object([("keys", Self.keys(bins.signers)), ("succinct_roles", succinct)])))
        }
        if let delegations = delegations[role] {
            var all: [FakeSigner] = []
            let roles: [JSONValue] = delegations.map { delegation in
                let signers = delegation.signers ?? self.signers[delegation.name] ?? []
                all += signers
                var fields = self.role(signers, delegation.threshold)
                fields.append(("name", .string(JSONText(delegation.name))))
                fields.append(("terminating", .bool(delegation.terminating)))
                if let prefixes = delegation.prefixes {
                    fields.append(("path_hash_prefixes", .array(prefixes.map { .string(JSONText($0)) })))
                } else {
                    fields.append(("paths", .array(delegation.paths.map { .string(JSONText($0)) })))
                }
                return Self.object(fields)
            }
            fields.append(("delegations", Self.object([("keys", Self.keys(all)), ("roles", .array(roles))])))
        }
        return fields
    }

    private func listed(_ role: String, _ bytes: [UInt8]) -> JSONValue {
        var fields: [(String, JSONValue)] = [("version", .integer(versions[role] ?? 1))]
        if listsHashes {
            fields.append(("length", .integer(Int64(bytes.count))))
            fields.append(
                ("hashes", Self.object([("sha256", .string(JSONText(ASCII.hex(TestDigester().sha256(bytes)))))])))
        }
        return Self.object(fields)
    }

    private mutating func put(_ role: String, _ bytes: [UInt8]) {
        let name = RoleName(role).quoted
        files[consistent ? "\(versions[role] ?? 1).\(name).json" : "\(name).json"] = bytes
    }
}
