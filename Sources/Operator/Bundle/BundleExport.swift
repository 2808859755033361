import API
import Codec
import HTTP
import Identity
import Model
import System
import TLS
import Trust

/// `axle bundle export`: a catalog and packages onto a medium, verified on the way like a client does.
///
/// Every file is whole or not there, and what is there is not fetched again: a repeated command finishes what was cut off.
struct BundleExport {
    let source: any BundleSource
    /// The root that is believed.
    let root: [UInt8]
    let invocation: CommandInvocation
    let context: OperatorContext

    func run() throws -> Int32 {
        let bundle = try invocation.requiredOperand(0)
        let (trusted, files) = try refresh()
        let chosen = try choose(trusted.packages().packages)
        guard !chosen.isEmpty else {
            throw OperatorError(
                "nothing is chosen", next: "See 'axle catalog list', and --product, --release, --platform.")
        }
        var report = BundleReport()
        report.packages = chosen.count
        report.bytes = chosen.reduce(0) { Self.sum($0, $1.length) }
        guard !invocation.isSet("dry-run") else {
            for package in chosen { report.copied.append(package.path.description) }
            return try report.tell(invocation, context, verb: "would be exported")
        }
        try Directory.create(bundle)
        try BundleManifest(
            made: context.now(),
            packages: chosen.map { .init($0) }
        ).write(to: bundle)
        try write(files, to: bundle)
        try checkRoom(bundle, chosen, trusted.root.consistentSnapshot)
        let bar = ProgressBar("export", on: context.streams, noColor: invocation.isSet("no-color"))
        defer { bar.finish() }
        var done: UInt64 = 0
        for package in chosen {
            do {
                let isNew = try copy(package, to: bundle, trusted.root.consistentSnapshot) { held in
                    bar.update(
                        Int64(clamping: Self.sum(done, held)), of: Int64(clamping: report.bytes),
                        text: package.path.release.text
                    )
                }
                if isNew { report.copied.append(package.path.description) } else { report.alreadyThere += 1 }
            } catch let error as SystemError where error.isFull {
                throw OperatorError(
                    "the medium is full at \(package.path)",
                    next: "Make room, or choose less with --product and --release; the same command goes on from here.")
            } catch let error as OperatorError {
                report.problems.append(error.message)
            } catch let error as Problem {
                report.problems.append("\(package.path): \(error.detail)")
            }
            done = Self.sum(done, package.length)
        }
        report.timestampVersion = trusted.timestamp.map { UInt64(clamping: $0.version) }
        report.expires = trusted.freshUntil
        return try report.tell(invocation, context, verb: "exported")
    }

    // MARK: Metadata

    /// Runs the client workflow over the source; what is trusted, and every file of it with its name at the repository.
    private func refresh() throws -> (TrustedMetadata, [(name: String, bytes: [UInt8])]) {
        var kept: [MetadataFile: [UInt8]] = [:]
        var files: [(name: String, bytes: [UInt8])] = []
        var workflow = RefreshWorkflow(
            .catalog, bootstrapRoot: root, startTime: context.now(), verifier: OpenSSLVerifier(),
            digester: OpenSSLDigester())
        var fetched: (name: String, bytes: [UInt8])?
        do {
            var step = try workflow.start()
            while true {
                switch step {
                case .load(let file): step = try workflow.resume(kept[file].map { .bytes($0) } ?? .notFound)
                case .persist(let file, let bytes):
                    kept[file] = bytes
                    if let last = fetched, last.bytes == bytes {
                        files.append(last)
                        fetched = nil
                    }
                    step = try workflow.resume(.stored)
                case .delete(let file):
                    kept[file] = nil
                    step = try workflow.resume(.stored)
                case .fetch(let name, let limit):
                    let answer = source.metadata(name, limit: limit)
                    if case .bytes(let bytes) = answer { fetched = (name, bytes) }
                    step = try workflow.resume(answer)
                case .done(let outcome):
                    if let refused = outcome.refused.first { throw refused }
                    return (outcome.trusted, try earlierRoots() + files)
                }
            }
        } catch let error as MetadataError {
            throw OperatorError(
                "the catalog is refused: \(error)", next: "Nothing was exported. Is --root the vendor's root?")
        }
    }

    /// The pinned root and those before it: the other side may have pinned an older one.
    private func earlierRoots() throws -> [(name: String, bytes: [UInt8])] {
        let version = try SignedMetadata(root, role: .root, maximumLength: MetadataLimits.rootBytes).version
        var roots: [(name: String, bytes: [UInt8])] = [("\(version).root.json", root)]
        for number in (1..<max(1, version)).reversed().prefix(1024) {
            // The source need not have them all.
            guard case .bytes(let bytes) = source.metadata("\(number).root.json", limit: MetadataLimits.rootBytes)
            else { break }
            roots.insert(("\(number).root.json", bytes), at: 0)
        }
        return roots
    }

    /// Writes the metadata, the timestamp last, and removes that of before.
    private func write(_ files: [(name: String, bytes: [UInt8])], to bundle: String) throws {
        let folder = Directory.join(bundle, "metadata")
        try Directory.create(folder)
        for file in files where file.name != "timestamp.json" {
            try AtomicFile.write(file.bytes, to: Directory.join(folder, file.name))
        }
        for file in files where file.name == "timestamp.json" {
            try AtomicFile.write(file.bytes, to: Directory.join(folder, file.name))
        }
        let names = Set(files.map(\.name))
        for name in try Directory.list(folder) where !names.contains(name) && name.hasSuffix(".json") {
            try File.remove(Directory.join(folder, name))
        }
    }

    // MARK: Packages

    /// What the options choose, less what the other side has.
    private func choose(_ packages: [Package]) throws -> [Package] {
        let products = invocation.values("product")
        let releases = invocation.values("release")
        let platforms = invocation.values("platform")
        let known = Set(packages.map(\.path.product.text))
        for product in products where !known.contains(product) {
            throw OperatorError(
                "the catalog has no product \(product)",
                next: Suggestion.nearest(to: product, among: known.sorted()).map { "Did you mean \($0)?" } ?? "")
        }
        var there: Set<SHA256Digest> = []
        if let file = invocation.value("without") {
            let list = try JSONCoding.decode(
                ListPage<PackageResource>.self, from: try File.read(file, limit: 64 << 20))
            there = Set(list.items.filter { $0.state == .imported }.map(\.sha256))
        }
        return packages.filter { package in
            (products.isEmpty || products.contains(package.path.product.text))
                && (releases.isEmpty || releases.contains(package.path.release.text))
                && (platforms.isEmpty || platforms.contains(package.path.platform.text))
                && !there.contains(package.sha256)
        }
    }

    /// Lengths are what a catalog says: their sum ends at the greatest number.
    private static func sum(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }

    private func place(_ package: Package, in bundle: String, _ consistentSnapshot: Bool) -> String {
        let remote = package.target.remotePath(consistentSnapshot: consistentSnapshot).string
        return Directory.join(Directory.join(bundle, "targets"), remote)
    }

    private func checkRoom(_ bundle: String, _ packages: [Package], _ consistent: Bool) throws {
        var needed: UInt64 = 0
        for package in packages {
            let place = place(package, in: bundle, consistent)
            let held = try File.status(place)?.size ?? File.status(place + ".part")?.size ?? 0
            needed = Self.sum(needed, package.length - min(package.length, UInt64(max(0, held))))
        }
        let free = try Directory.space(bundle).available
        guard needed <= free else {
            throw OperatorError(
                "the medium has \(Wording.size(free)) free, \(Wording.size(needed)) are needed",
                next: "Choose less with --product and --release, or a larger medium.")
        }
    }

    /// Copies a package; false when it was there, whole.
    private func copy(
        _ package: Package, to bundle: String, _ consistent: Bool, _ progress: (UInt64) -> Void
    ) throws -> Bool {
        let place = place(package, in: bundle, consistent)
        if let status = try File.status(place, followLinks: false) {
            if status.kind == .file, UInt64(max(0, status.size)) == package.length,
                try PackageIntake.read(place).sha256 == package.sha256.bytes
            {
                return false
            }
            try File.remove(place)
        }
        try Directory.create(Directory.parent(of: place))
        let part = place + ".part"
        let output = try FileDescriptor.open(part, [.readWrite, .create, .noFollow], mode: 0o644)
        var hash = SHA256()
        var offset: UInt64 = 0
        // What an earlier attempt left is hashed again, which a medium deserves.
        let size = UInt64(max(0, try output.status().size))
        if size > package.length { try output.truncate(to: 0) }
        while size <= package.length, offset < size {
            let piece = try output.read(count: 1 << 20, at: Int64(offset))
            if piece.isEmpty { break }
            hash.update(piece)
            offset += UInt64(piece.count)
        }
        try source.read(package, consistentSnapshot: consistent, from: offset) { piece in
            guard UInt64(piece.count) <= package.length - offset else {
                throw OperatorError("\(package.path): more bytes came than the catalog signs")
            }
            try output.write(piece, at: Int64(offset))
            hash.update(piece)
            offset += UInt64(piece.count)
            progress(offset)
        }
        try output.synchronize()
        try output.close()
        guard offset == package.length, hash.finish() == package.sha256.bytes else {
            try File.remove(part)
            throw OperatorError(
                "\(package.path): the bytes that came are not what the catalog signs; they were removed")
        }
        try File.rename(part, to: place)
        return true
    }
}
