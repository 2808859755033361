internal import Codec
package import Model
internal import System

/// `bundle.json`: what was meant to be in a bundle, for people and for saying what is missing. Nobody believes it.
package struct BundleManifest: Codable, Sendable {
    package static let format = "axle bundle 1"
    package static let fileName = "bundle.json"
    private static let limit = 16 << 20

    package struct Entry: Codable, Hashable, Sendable {
        package let path: TargetPath
        package let length: UInt64
        package let sha256: SHA256Digest

        package init(_ package: Package) {
            path = package.path
            length = package.length
            sha256 = package.sha256
        }
    }

    package var format = Self.format
    package let made: UnixTime
    package let packages: [Entry]

    package init(made: UnixTime, packages: [Entry]) {
        self.made = made
        self.packages = packages
    }

    /// The manifest of a bundle; nil where there is none that can be read. Blocks.
    package init?(in bundle: String) {
        // A manifest that is damaged is as good as none: nothing depends on it.
        guard let bytes = try? Self.read(bundle),
            let manifest = try? JSONCoder.decode(BundleManifest.self, from: bytes),
            manifest.format == Self.format
        else { return nil }
        self = manifest
    }

    private static func read(_ bundle: String) throws -> [UInt8] {
        let file = try ConfinedFolder(bundle).openFile([fileName])
        let size = try file.status().size
        guard size <= limit else { throw SystemError(call: "read", errno: .tooLarge, path: fileName) }
        return try file.read(count: Int(size), at: 0)
    }

    /// Writes it, whole or not at all. Blocks.
    package func write(to bundle: String) throws {
        try AtomicFile.write(
            try JSONCoder.encode(self, indented: true), to: Directory.join(bundle, Self.fileName))
    }
}
