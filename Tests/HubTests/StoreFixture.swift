import Foundation
import Hub
import Model
import Rollout
import Testing

/// A kind of hub store under test.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case memory, sqlite
    var testDescription: String { rawValue }

    /// A fresh store; `reopen` gives another on the same storage, which is what a restart is.
    func make() throws -> StoreFixture { try StoreFixture(self) }
}

final class StoreFixture {
    let store: any HubStore
    let path: String?

    init(_ kind: StoreKind) throws {
        switch kind {
        case .memory:
            path = nil
            store = MemoryHubStore()
        case .sqlite:
            let file = NSTemporaryDirectory() + "axle-hub-" + UUID().uuidString + ".db"
            path = file
            store = try SQLiteHubStore(path: file, now: .zero)
        }
    }

    func reopen() throws -> any HubStore {
        guard let path else { return store }
        return try SQLiteHubStore(path: path, now: .zero)
    }

    deinit {
        guard let path else { return }
        for suffix in ["", "-wal", "-shm"] {
            // A leftover in the temporary folder harms nothing.
            try? FileManager.default.removeItem(atPath: path + suffix)
        }
    }
}

/// The moment `seconds` after the tests' beginning of time.
func at(_ seconds: Int64) -> UnixTime { UnixTime(seconds: 1_800_000_000 + seconds) }

func node(_ number: UInt64) -> NodeID { NodeID(high: 0xA, low: number) }
func name(_ text: String) throws -> NodeName { try NodeName(text) }
func path(_ text: String) throws -> TargetPath { try TargetPath(text) }
func digest(_ byte: UInt8) throws -> SHA256Digest { try SHA256Digest(bytes: [UInt8](repeating: byte, count: 32)) }

func samplePackage(_ release: String = "1.0", counter: UInt64 = 1, hash: UInt8 = 1) throws -> Package {
    Package(
        path: try path("ruff/\(release)/linux-x86_64-glibc/ruff.tar"), length: 1000, sha256: try digest(hash),
        metadata: PackageMetadata(
            product: try ProductName("ruff"), release: try ReleaseName(release), line: try LineName("main"),
            counter: counter, platform: try Platform("linux-x86_64-glibc"), kind: .tree))
}

func sampleFacts(_ installed: [InstalledPackage] = []) throws -> ClientFacts {
    ClientFacts(
        platform: try Platform("linux-x86_64-glibc"), userlandBits: 64, agentVersion: try Version("1.0"),
        freeSpace: ByteCount(1 << 40), installed: installed)
}

func sampleSpecification(name: String = "first", release: String = "1.0") throws -> RolloutSpecification {
    RolloutSpecification(
        name: name, product: try ProductName("ruff"), release: try ReleaseName(release),
        target: Selection(all: true))
}
