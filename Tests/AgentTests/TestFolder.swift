import Agent
import Model
import System
import TLS
import TestSupport

/// A folder of its own for one test, removed afterwards.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        path = "/tmp/axle-agent-test-\(SystemRandom.bytes(8).map { String($0, radix: 16) }.joined())"
        try Directory.create(path)
    }

    deinit {
        // Nothing depends on a leftover of a test.
        _ = try? Directory.removeTree(path)
    }

    func file(_ name: String) -> String { Directory.join(path, name) }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws -> String {
        try Directory.create(Directory.parent(of: file(name)))
        try AtomicFile.write(bytes, to: file(name), mode: mode)
        return file(name)
    }

    @discardableResult
    func write(_ name: String, _ text: String, mode: UInt32 = 0o644) throws -> String {
        try write(name, Array(text.utf8), mode: mode)
    }
}

/// The built `axle-agent`, beside the test runner.
func agentProgram() throws -> String {
    Directory.join(Directory.parent(of: try CurrentProcess.executablePath()), "axle-agent")
}

/// Packages for tests.
enum Sample {
    /// A signed-looking package of the given archive.
    static func package(
        _ archive: [UInt8], product: String = "tool", release: String = "1.0", counter: UInt64 = 1,
        install: InstallSteps = InstallSteps(program: "bin/tool"),
        requires: PackageRequirements = PackageRequirements(),
        platform: Platform = .any, detection: [DetectionRule] = []
    ) throws -> Package {
        let metadata = PackageMetadata(
            product: try ProductName(product), release: try ReleaseName(release), line: try LineName("main"),
            counter: counter, platform: platform, kind: .tree, unpackedSize: ByteCount(1 << 20), requires: requires,
            install: install, detection: detection)
        return Package(
            path: TargetPath(
                product: metadata.product, release: metadata.release, platform: try platform.name(),
                file: try FileName("tool.tar")),
            length: UInt64(archive.count), sha256: try SHA256Digest(bytes: SHA256.hash(archive)), metadata: metadata)
    }

    /// An archive with one program that prints its version.
    static func archive(version: String, script: String? = nil) -> [UInt8] {
        TarBuilder.archive {
            $0.directory("bin/")
            $0.file("bin/tool", script ?? "#!/bin/sh\necho tool \(version)\n", mode: 0o755)
            $0.symbolicLink("bin/alias", to: "tool")
        }
    }

    static func action(_ number: UInt64 = 1) -> ActionID { ActionID(high: 0xAC, low: number) }
}
