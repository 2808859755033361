// Signed metadata: any bytes as any role, with a verifier that believes every signature, so that all that comes behind the signatures is
// reached. Nothing traps, a refusal changes nothing, and searches end.

/// Hashes to one value, which the seeds list: key ids and hashes of any content are then right.
private struct ConstantDigester: Digester {
    func sha256(_ bytes: [UInt8]) -> [UInt8] { [UInt8](repeating: 0, count: 32) }
    func sha512(_ bytes: [UInt8]) -> [UInt8] { [UInt8](repeating: 0, count: 64) }
}

private struct GullibleVerifier: SignatureVerifier {
    func verify(_ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool { true }
}

private let zeros = String(repeating: "0", count: 64)
private let keys = #"{"\#(zeros)":{"keytype":"ed25519","keyval":{"public":"\#(zeros)"},"scheme":"ed25519"}}"#
private let role = #"{"keyids":["\#(zeros)"],"threshold":1}"#

private func file(_ type: String, _ version: Int, _ rest: String) -> [UInt8] {
    let head = #""_type":"\#(type)","expires":"2030-01-01T00:00:00Z","spec_version":"1.0.31","version":\#(version)"#
    let signature = #"{"keyid":"\#(zeros)","sig":"\#(zeros)\#(zeros)"}"#
    return Array(#"{"signatures":[\#(signature)],"signed":{\#(head),\#(rest)}}"#.utf8)
}

private let root = file(
    "root", 1,
    #""consistent_snapshot":true,"keys":\#(keys),"roles":{"root":\#(role),"snapshot":\#(role),"targets":\#(role),"timestamp":\#(role)}"#
)
private let timestamp = file("timestamp", 1, #""meta":{"snapshot.json":{"version":1}}"#)
private let snapshot = file(
    "snapshot", 1, #""meta":{"a.json":{"version":1},"bin-0.json":{"version":1},"targets.json":{"version":1}}"#)
private let targets = file(
    "targets", 1,
    #""delegations":{"keys":\#(keys),"roles":[{"keyids":["\#(zeros)"],"name":"a","paths":["*"],"terminating":false,"threshold":1}]},"targets":{}"#
)

/// A client that trusts so many of the roles above.
private func client(_ roles: Int) throws(MetadataError) -> TrustedMetadata {
    var trusted = try TrustedMetadata(
        root: root, startTime: .zero, verifier: GullibleVerifier(), digester: ConstantDigester())
    if roles > 1 { _ = try trusted.updateTimestamp(timestamp) }
    if roles > 2 { try trusted.updateSnapshot(snapshot) }
    if roles > 3 { try trusted.updateTargets(targets) }
    return trusted
}

@Sendable func fuzzMetadata(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let bytes = Array(input.dropFirst())
    if let floors = VersionFloors(bytes) {
        precondition(VersionFloors(floors.encoded) == floors, "floors do not come back")
    }
    do throws(MetadataError) {
        switch first % 6 {
        case 0:
            let trusted = try TrustedMetadata(
                root: bytes, startTime: .zero, verifier: GullibleVerifier(), digester: ConstantDigester())
            precondition(trusted.root.version >= 1 && trusted.root.roles.count == 4, "a root without its roles")
        case 1:
            var trusted = try client(1)
            _ = try trusted.updateRoot(bytes)
            precondition(trusted.root.version == 2, "a root was skipped")
        case 2:
            var trusted = try client(2)
            guard case .replaced = try trusted.updateTimestamp(bytes) else { return }
            precondition(trusted.timestamp.map { $0.version > 1 && $0.snapshot.version >= 1 } == true, "rolled back")
        case 3:
            var trusted = try client(2)
            try trusted.updateSnapshot(bytes)
            precondition(
                trusted.snapshot?.version == 1 && trusted.snapshotIsCurrent, "another snapshot than the named one")
        case 4:
            var trusted = try client(3)
            try trusted.updateTargets(bytes)
            try look(trusted)
        default:
            var trusted = try client(4)
            let before = trusted.verifiedRoles
            do {
                try trusted.updateTargets(bytes, role: "a", delegator: "targets")
            } catch {
                precondition(trusted.verifiedRoles == before, "a refusal changed what is trusted")
                throw error
            }
            try look(trusted)
        }
    } catch {
        precondition(
            error.description.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 >= 0x80 }, "an error that forges lines"
        )
    }
}

/// Reads all that a client would.
private func look(_ trusted: TrustedMetadata) throws(MetadataError) {
    _ = trusted.packages()
    for path in ["", "a", "tool/1/any-any-any/f", "../x"] as [JSONText] { _ = try trusted.search(path) }
    _ = try trusted.nextRoleOfCatalog()
    _ = trusted.storedFile(forRemoteName: "1.targets.json")
}
