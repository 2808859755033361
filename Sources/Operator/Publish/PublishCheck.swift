import Codec
import Identity
import Model
import System
import Trust

/// `axle publish check`: verifies a published folder as a client with the pinned root does, and every package's bytes; warns of
/// what expires soon.
struct PublishCheck {
    private let folder: PublishFolder
    private let pinned: String?
    private let warnBefore: Duration
    private let context: OperatorContext
    private let invocation: CommandInvocation

    init(_ invocation: CommandInvocation, _ context: OperatorContext) throws {
        self.invocation = invocation
        self.context = context
        // No keys are needed here, so that any folder outside will do.
        folder = try PublishFolder(invocation.requiredOperand(0), keys: "/nonexistent")
        pinned = invocation.value("root")
        let text = invocation.value("warn") ?? "14d"
        guard let seconds = Wording.seconds(text) else {
            throw UsageError("--warn is a time such as 14d, not '\(text)'")
        }
        warnBefore = .seconds(seconds)
    }

    func run() throws -> Int32 {
        guard folder.isPublished else { throw OperatorError("there is no catalog in \(folder.path)") }
        let repository = try Repository(
            files: try files(), verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        var report = PublishReport()
        var problems: [String] = []
        var warnings: [String] = []
        let now = context.now()
        for (role, expires) in repository.expiries.sorted(by: { $0.key < $1.key }) {
            if expires <= now {
                problems.append("role \(role) expired at \(expires)")
            } else if expires - now < warnBefore {
                warnings.append(
                    "role \(role) expires in \(Wording.span(expires.seconds - now.seconds)), at \(expires); "
                        + "axle publish extend gives it longer")
            }
        }
        var count = 0
        for product in repository.products.keys.sorted() {
            let targets = repository.packages(of: product)
            count += targets.count
            problems += check(targets, repository.consistentSnapshot)
        }
        report.packages = count
        report.products = repository.products.count
        report.problems = problems
        report.warnings = warnings
        report.expires = Dictionary(
            repository.expiries.map { ($0.key.string, $0.value) }, uniquingKeysWith: { first, _ in first })
        if invocation.isSet("json") {
            try Printer(context, invocation).json(report)
            return problems.isEmpty ? 0 : 1
        }
        for problem in problems { context.streams.message("axle: \(TextTable.printable(problem))") }
        for warning in warnings { context.streams.message("axle: warning: \(TextTable.printable(warning))") }
        guard problems.isEmpty else { return 1 }
        let until = repository.expiries.values.min().map { ", good until \($0)" } ?? ""
        context.streams.line("packages: \(count), products: \(repository.products.count)\(until)")
        return 0
    }

    /// The folder's metadata, beginning with the pinned root in place of the folder's own.
    private func files() throws -> [String: [UInt8]] {
        var files = try folder.metadataFiles()
        guard let pinned else { return files }
        let bytes = try File.read(pinned, limit: 1 << 20)
        let version: Int64
        do {
            version = try SignedMetadata(bytes, role: .root, maximumLength: 1 << 20).version
        } catch {
            throw OperatorError("\(pinned) is no root: \(error)")
        }
        for name in files.keys where name.hasSuffix(".root.json") {
            if let number = Int64(name.dropLast(10)), number < version { files[name] = nil }
        }
        files["\(version).root.json"] = bytes
        return files
    }

    private func check(_ targets: [TargetFile], _ consistentSnapshot: Bool) -> [String] {
        var problems: [String] = []
        // What is no package of Axle's is told below, and has no rules to keep to.
        let rules = CatalogRules(packages: targets.compactMap { try? Package($0) })
        for target in targets {
            do {
                let package = try Package(target)
                let file = folder.file(of: target, consistentSnapshot: consistentSnapshot)
                let found = try PackageIntake.read(file)
                try target.check(length: found.length, sha256: found.sha256)
                try rules.checkFloor(package)
            } catch {
                problems.append("package \(target.path.string): \(error)")
            }
        }
        return problems
    }
}
