internal import Codec
package import Model
internal import System

/// What an installed release says about itself: the file `.axle-receipt` at its top, written before the release becomes visible.
///
/// JSON of the signed package, so that its health check can be run later without the catalog.
package struct Receipt: Codable, Equatable, Sendable {
    static let fileName = ".axle-receipt"
    static let sizeLimit = 256 << 10

    /// The package as the signed targets named it.
    package var package: Package
    /// The action that installed it.
    package var action: ActionID

    package init(package: Package, action: ActionID) {
        self.package = package
        self.action = action
    }

    package var installed: InstalledPackage {
        InstalledPackage(
            product: package.path.product, release: package.path.release, line: package.metadata.line,
            counter: package.metadata.counter, path: package.path, sha256: package.sha256, source: .axle)
    }

    /// The receipt of a release's folder; nil if there is none. Throws `storeDamaged` for one that cannot be understood.
    package static func read(_ folder: String) throws -> Receipt? {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try File.read(Directory.join(folder, fileName), limit: sizeLimit)
        } catch {
            if error.errno == .notFound || error.errno == .notFolder { return nil }
            throw error
        }
        do {
            return try JSONCoder.decode(Receipt.self, from: bytes)
        } catch {
            throw AgentError(.storeDamaged, "\(folder)/\(fileName) cannot be understood")
        }
    }

    /// Writes the receipt, durable on return.
    package func write(_ folder: String) throws {
        try AtomicFile.write(try JSONCoder.encode(self), to: Directory.join(folder, Self.fileName))
    }
}
