import Identity
import Model
import System
import TLS
import TestSupport
import Testing
import Trust

/// The vendor's repository → hub → spoke → agent, each with its own folder and the same workflow.
@Suite struct RelayedRootsTests {
    /// A client on the way, and what it serves to the next one.
    private final class Station {
        let folder: MetadataFolder
        private let refresher: MetadataRefresher
        private(set) var served: ServedMetadata?

        init(_ path: String) throws {
            folder = try MetadataFolder(path)
            refresher = MetadataRefresher(folder: folder, queue: NamedQueue("test"))
        }

        func refresh(_ root: [UInt8], at now: UnixTime, from source: @Sendable (String) throws -> [UInt8]?) async throws
        {
            let outcome = try await refresher.run(.catalog, bootstrapRoot: root, now: now) { name, limit in
                do {
                    guard let bytes = try source(name) else { return .notFound }
                    return bytes.count <= limit ? .bytes(bytes) : .tooLarge
                } catch {
                    return .failed("\(error)")
                }
            }
            served = try ServedMetadata(outcome.trusted, in: folder)
        }
    }

    private struct Signer: MetadataSigner {
        let key: MetadataKey
        private let privateKey: PrivateKey

        init() throws {
            privateKey = try PrivateKey.generate(.ed25519)
            key = .ed25519(privateKey.publicKey.ed25519Bytes ?? [], digester: OpenSSLDigester())
        }

        func sign(_ message: [UInt8]) throws -> [UInt8] { try privateKey.sign(message, by: .ed25519) }
    }

    @Test func anAgentThatWasAwayForSeveralRotationsWalksUpThroughTheSpoke() async throws {
        let temporary = try TemporaryFolder()
        let now = UnixTime(seconds: 1_790_000_000)
        var signers = try (0..<2).map { _ in try Signer() }
        let online = RoleSigners(keys: [signers[1].key])
        var repository = try Repository(
            topRoles: [
                .root: RoleSigners(keys: [signers[0].key]), .targets: online, .snapshot: online, .timestamp: online,
            ], verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        _ = try repository.sign(with: signers, at: now)
        let first = try #require(repository.files["1.root.json"])
        let (hub, spoke, agent) = (
            try Station(temporary.path + "/hub"), try Station(temporary.path + "/spoke"),
            try Station(temporary.path + "/agent")
        )

        func pass(_ repository: Repository, toAgent: Bool = true) async throws {
            try await hub.refresh(first, at: now) { repository.files[$0] }
            let upstream = try #require(hub.served)
            try await spoke.refresh(first, at: now) { try upstream.file(named: $0) }
            guard toAgent else { return }
            let site = try #require(spoke.served)
            try await agent.refresh(first, at: now) { try site.file(named: $0) }
        }

        try await pass(repository)
        #expect(try agent.folder.load(.root) == first)

        // Five rotations, each by the key before and the new one; one of them retires the online key, too. The hub hears of
        // each, the spoke of each second, the agent of none.
        for round in 2...6 {
            let next = try Signer()
            signers.append(next)
            try repository.setSigners(of: .root, RoleSigners(keys: [next.key]))
            if round == 4 {
                let fresh = try Signer()
                signers.append(fresh)
                for role in [RoleName.timestamp, .snapshot] {
                    try repository.setSigners(of: role, RoleSigners(keys: [fresh.key]))
                }
            }
            _ = try repository.sign(with: signers, at: now)
            if round % 2 == 0 { try await pass(repository, toAgent: false) }
        }
        #expect(try agent.folder.load(.root) == first)
        try await pass(repository)
        // The replaced timestamp and snapshot keys took a bridging root of their own.
        for version in 1...7 {
            let bytes = try #require(repository.files["\(version).root.json"])
            #expect(try agent.folder.load(.rootVersion(Int64(version))) == bytes)
            #expect(try spoke.served?.file(named: "\(version).root.json") == bytes)
        }
        #expect(agent.served?.trusted.root.version == 7)
        #expect(try agent.folder.load(.root) == repository.files["7.root.json"])
    }

    @Test func aSpokeThatWithholdsANewRootCannotMakeTheAgentForgetIt() async throws {
        let temporary = try TemporaryFolder()
        let now = UnixTime(seconds: 1_790_000_000)
        let (signer, next) = (try Signer(), try Signer())
        let roles = RoleSigners(keys: [signer.key])
        var repository = try Repository(
            topRoles: [.root: roles, .targets: roles, .snapshot: roles, .timestamp: roles],
            verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        _ = try repository.sign(with: [signer], at: now)
        let old = repository.files
        try repository.setSigners(of: .root, RoleSigners(keys: [next.key]))
        _ = try repository.sign(with: [signer, next], at: now)
        let new = repository.files
        let root = try #require(old["1.root.json"])
        let path = temporary.path + "/trust"
        let agent = try Station(path)
        try await agent.refresh(root, at: now) { new[$0] }
        // Someone empties the folder of trusted metadata; the floors beside it stay.
        try Directory.removeTree(path)
        try Directory.create(path)
        await #expect(throws: MetadataError.self) { try await agent.refresh(root, at: now) { old[$0] } }
        try await agent.refresh(root, at: now) { new[$0] }
        #expect(agent.served?.trusted.root.version == 2)
        // Another catalog begins anew on purpose.
        try agent.folder.forget()
        try await agent.refresh(root, at: now) { old[$0] }
        #expect(agent.served?.trusted.root.version == 1)
    }
}
