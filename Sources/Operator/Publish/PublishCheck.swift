import Codec
import Identity
import Model
import System
import Trust

/// `axle publish check`: verifies a published folder as a client does, and every package's bytes.
enum PublishCheck {
    static func run(_ path: String, _ printer: Printer) throws -> Int32 {
        // No keys are needed here, so that any folder outside will do.
        let folder = try PublishFolder(path, keys: "/nonexistent")
        guard folder.isPublished else { throw OperatorError("there is no catalog in \(folder.path)") }
        let repository = try Repository(
            files: try folder.metadataFiles(), verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        var failures: [String] = []
        for (role, expires) in repository.expiries.sorted(by: { $0.key < $1.key }) where expires <= printer.now {
            failures.append("role \(role.string) expired at \(expires)")
        }
        var count = 0
        for product in repository.products.keys.sorted() {
            for target in repository.packages(of: product) {
                count += 1
                do {
                    _ = try Package(target)
                    let file = folder.file(of: target, consistentSnapshot: repository.consistentSnapshot)
                    let found = try PackageIntake.read(file)
                    try target.check(length: found.length, sha256: found.sha256)
                } catch {
                    failures.append("package \(target.path.string): \(error)")
                }
            }
        }
        for failure in failures { printer.streams.message("axle: \(TextTable.printable(failure))") }
        guard failures.isEmpty else { return 1 }
        let until = repository.expiries.values.min().map { ", good until \($0)" } ?? ""
        printer.streams.line("packages: \(count), products: \(repository.products.count)\(until)")
        return 0
    }
}
