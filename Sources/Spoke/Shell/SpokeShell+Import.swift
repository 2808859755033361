internal import Identity
internal import Model
internal import Storage
internal import System
internal import Trust

/// What came of a bundle at a spoke.
struct SpokeImportReport: Codable, Sendable, Equatable {
    /// Whether it is still under way.
    var isRunning = true
    var timestampVersion: UInt64?
    /// Paths of the packages that were taken.
    var taken: [String] = []
    /// How many were in the pool before.
    var alreadyThere = 0
    /// Paths that the bundle was to have and has not.
    var missing: [String] = []
    var problems: [String] = []
    /// Why nothing of it was taken.
    var refused: String?
}

/// A bundle on a medium, taken by a spoke that needs no link for it.
extension SpokeShell {
    /// Verifies a bundle's metadata from the pinned root on, as if it came from the hub, then takes every package that the
    /// catalog names and the bundle has. What is here already is left alone; `progress` hears of each package.
    func importBundle(
        _ path: String, progress: @Sendable (SpokeImportReport) -> Void
    ) async -> SpokeImportReport {
        var report = SpokeImportReport()
        progress(report)
        let bundle = BundleFolder(path)
        do {
            let trusted = try await catalog.take(bundle)
            report.timestampVersion = trusted.timestamp.map { UInt64(clamping: $0.version) }
            if let version = report.timestampVersion { tell(.catalogRefreshed(timestampVersion: version)) }
            try await takePackages(of: trusted, from: bundle, &report, progress)
        } catch let error as MetadataError {
            report.refused = "the bundle's metadata is refused: \(error); \(Self.nextStep(error))"
        } catch {
            report.refused = "\(error)"
        }
        if let why = report.refused {
            do {
                try commit([.bundleRefused(why)])
            } catch {
                messages("the refusal of a bundle could not be logged: \(error)")
            }
        }
        tell(.pool(.changed(PoolFigures(pool))))
        report.isRunning = false
        return report
    }

    private func takePackages(
        of trusted: TrustedMetadata, from bundle: BundleFolder, _ report: inout SpokeImportReport,
        _ progress: @Sendable (SpokeImportReport) -> Void
    ) async throws {
        let (pool, queue) = (pool, importing)
        let meant = await queue.run { Set(BundleManifest(in: bundle.path)?.packages.map(\.path) ?? []) }
        let packages = trusted.packages().packages
        for package in packages {
            let outcome = await queue.run { BundleIntake.take(package, from: bundle, into: pool) }
            switch outcome {
            case .absent:
                if meant.contains(package.path) { report.missing.append(package.path.description) }
                continue
            case .refused(let why):
                report.problems.append("\(package.path): \(why)")
                try commit([.bundleRefused("\(package.path): \(why)")])
                continue
            case .held: report.alreadyThere += 1
            case .taken: report.taken.append(package.path.description)
            }
            tellPlaces(of: [package.sha256])
            // Also where the bytes were here: a cut may have come before the note.
            try commit([.packageBrought(package.path, package.sha256, length: package.length)])
            progress(report)
        }
        for path in meant.subtracting(packages.map(\.path)).sorted() {
            report.problems.append("\(path): the catalog in the bundle does not name it")
        }
    }

    private static func nextStep(_ error: MetadataError) -> String {
        switch error.attack {
        case .rollback: "it is older than what this spoke trusts, bring a newer one"
        case .freeze: "it has expired, export a fresh one"
        default: error.code == .noTrustedRoot ? "join with --catalog-root FILE" : "export it again"
        }
    }
}

/// Takes one package from a bundle into a pool: room first, then bytes, then the hash, then the name. Blocks.
enum BundleIntake {
    enum Outcome: Equatable, Sendable {
        /// The bundle does not have it.
        case absent
        /// The pool has it already.
        case held
        case taken
        case refused(String)
    }

    static func take(_ package: Package, from bundle: BundleFolder, into pool: any PackagePool) -> Outcome {
        guard pool.length(of: package.sha256) == nil else { return .held }
        do {
            guard let file = try bundle.open(package.path, package.sha256) else { return .absent }
            let size = UInt64(max(0, try file.status().size))
            guard size == package.length else {
                return .refused(
                    "the file in the bundle has \(size) bytes, the catalog signs \(package.length): it is "
                        + (size < package.length ? "cut short" : "another one"))
            }
            return try copy(package, file, pool)
        } catch let error as StorageError {
            switch error {
            case .alreadyHeld: return .held
            case .hashMismatch: return .refused("the bytes have another hash than the catalog signs; they were removed")
            case .quotaExceeded, .noPool: return .refused("the pool has no room: \(error)")
            default: return .refused(error.description)
            }
        } catch let error as SystemError {
            return .refused(error.text ?? error.description)
        } catch {
            return .refused("\(error)")
        }
    }

    private static func copy(
        _ package: Package, _ file: borrowing FileDescriptor, _ pool: any PackagePool
    ) throws -> Outcome {
        let reservation = try pool.reserve(package.sha256, length: ByteCount(package.length))
        do {
            var offset = reservation.resumeOffset.bytes
            while offset < package.length {
                let piece = try file.read(count: 1 << 20, at: Int64(clamping: offset))
                guard !piece.isEmpty else { throw StorageError.io("the medium gave no more after \(offset) bytes") }
                try piece.withUnsafeBytes { buffer in
                    try pool.write(reservation, at: ByteCount(offset), RawSpan(_unsafeBytes: buffer))
                }
                offset += UInt64(piece.count)
            }
            try pool.publish(reservation)
            return .taken
        } catch {
            pool.abandon(reservation, keepingBytes: true)
            throw error
        }
    }
}
