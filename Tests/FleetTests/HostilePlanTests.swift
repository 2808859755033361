import Content
import Model
import Protocol
import System
import TLS
import TestSupport
import Testing

/// A real spoke under a hub that lies about how packages had best come: it may choose the way and no more.
@Suite("Hostile plans", .serialized)
struct HostilePlanTests {
    private static func identity(_ bytes: [UInt8]) throws -> ContentIdentity {
        ContentIdentity(length: UInt64(bytes.count), sha256: try SHA256Digest(bytes: SHA256.hash(bytes)))
    }

    private static func patch(_ old: [UInt8], _ new: [UInt8]) throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let from = try FileDescriptor.unnamed(in: folder.path)
        let to = try FileDescriptor.unnamed(in: folder.path)
        try from.write(old)
        try to.write(new)
        var patch: [UInt8] = []
        let header = try PatchHeader(from: identity(old), to: identity(new))
        try ContentWorker(program: try RealFleet.program("axle-agent")).makePatch(header, old: from, new: to) {
            patch += $0
        }
        return patch
    }

    private static func plan(_ bytes: [UInt8], base: SHA256Digest, length: UInt64? = nil) throws -> Message {
        .plan(
            Plan(
                means: .patch, sha256: try identity(bytes).sha256, length: length ?? UInt64(bytes.count), base: base))
    }

    @Test(
        "a plan that is no good is refused by name and the published file comes; a good patch comes, also through kill -9"
    )
    func everyLie() async throws {
        let fleet = try RealFleet()
        try await fleet.begin(agents: [])
        let one = try await fleet.publish("1.0", counter: 1)
        let old = try #require(fleet.vendor.packages["1.0"]).bytes
        fleet.kill("hub")
        let evil = try EvilHub(
            fleet.path("hub"), listen: fleet.hubAddress, fleet: try FleetName("test"), sequence: 100)
        defer { evil.stop() }
        try await eventually("the spoke at the evil hub: \(fleet.log("spoke"))") { evil.isConnected }

        /// Offers a release with a lie about its way, and gives what the spoke wrote to the log until the replica was verified.
        func offer(
            _ release: String, _ counter: UInt64, _ lie: (_ patch: [UInt8], _ new: [UInt8]) throws -> Message
        ) async throws -> String {
            let package = try fleet.vendor.release(release, counter: counter)
            let new = try #require(fleet.vendor.packages[release]).bytes
            let patch = try Self.patch(old, new)
            #expect(patch.count < new.count)
            evil.hold(patch)
            let seen = evil.events.count
            evil.plan(package, try lie(patch, new))
            evil.serve(fleet.vendor.files, version: 1000 + counter)
            evil.offer(package, new)
            try await eventually("\(release) verified: \(evil.events), \(fleet.log("spoke"))") {
                evil.replica(package) == .verified && evil.events.count > seen
                    && evil.events.last?.hasPrefix("replicaVerified") == true
            }
            return evil.events.dropFirst(seen).joined(separator: "\n")
        }

        let base = one.sha256
        let otherBase = try await offer("2.0", 2) { patch, _ in
            try Self.plan(patch, base: try SHA256Digest(bytes: SHA256.hash([1])))
        }
        #expect(otherBase.contains("plan was refused: it names a patch against a base that is not here"))
        let huge = try await offer("3.0", 3) { patch, _ in try Self.plan(patch, base: base, length: 1 << 60) }
        #expect(huge.contains("plan was refused: it names a patch of 1152921504606846976 bytes"))
        let means = try await offer("4.0", 4) { _, _ in
            .plan(Plan(means: .chunks, sha256: base, length: 10, base: try SHA256Digest(bytes: SHA256.hash([2]))))
        }
        #expect(means.contains("plan was refused: it names chunks against a base that is not here"))
        let something = try await offer("5.0", 5) { patch, new in
            // The header says what is wanted; what comes out is something else.
            var other = new
            other[other.count / 2] ^= 1
            var lie = try Self.patch(old, other)
            lie.replaceSubrange(..<PatchHeader.length, with: patch[..<PatchHeader.length])
            evil.hold(lie)
            return try Self.plan(lie, base: base)
        }
        #expect(something.contains("the patch could not be used: it gives another content than the catalog signs"))
        let nothing = try await offer("6.0", 6) { _, _ in
            let noise = [UInt8](repeating: 7, count: 200)
            evil.hold(noise)
            return try Self.plan(noise, base: base)
        }
        #expect(nothing.contains("the patch could not be used"))
        let table = try await offer("7.0", 7) { _, new in
            // A copy from far behind the old content.
            let header = try ChunkDeltaHeader(
                from: Self.identity(old), to: Self.identity(new), isPacked: false)
            let lie = header.encoded() + [0, 0, 0, 9, 0, 1] + [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
            evil.hold(lie)
            return .plan(
                Plan(
                    means: .plainChunks, sha256: try Self.identity(lie).sha256, length: UInt64(lie.count), base: base))
        }
        #expect(
            table.contains("could not be used: the chunk delta copies from beyond the old content"), "\(table)")
        #expect(
            [otherBase, huge, means, something, nothing, table].allSatisfy { $0.contains("the package is here, ") })

        let good = try await offer("8.0", 8) { patch, _ in try Self.plan(patch, base: base) }
        #expect(good.contains("the package is here by a patch of"))

        // Killed as soon as the patch has left the hub, wherever it is then.
        let last = try fleet.vendor.release("9.0", counter: 9)
        let new = try #require(fleet.vendor.packages["9.0"]).bytes
        let patch = try Self.patch(old, new)
        evil.hold(patch)
        evil.plan(last, try Self.plan(patch, base: base))
        let name = try Self.identity(patch).sha256
        evil.serve(fleet.vendor.files, version: 1009)
        evil.offer(last, new)
        try await eventually("the patch to be fetched") { evil.fetched.contains(name) }
        fleet.kill("spoke")
        try fleet.startSpoke()
        try await eventually("9.0 verified after kill -9: \(fleet.log("spoke"))") { evil.replica(last) == .verified }
        #expect(!evil.fetched.contains(last.sha256), "by the patch")
    }
}
