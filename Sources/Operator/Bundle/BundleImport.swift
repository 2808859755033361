import API
import HTTP
import Identity
import Model
import System
import Trust

/// `axle bundle import`: brings a bundle to a hub, through its API, from wherever the medium is.
///
/// The hub verifies everything; this side only carries. What is whole is taken, what is missing or refused is named, and a
/// repeated command goes on where the last one ended.
struct BundleImport {
    let hub: HubConnection
    let invocation: CommandInvocation
    let context: OperatorContext

    private static let fileLimit = 4096

    func run() throws -> Int32 {
        let path = try invocation.requiredOperand(0)
        guard try File.status(path)?.kind == .folder else {
            throw OperatorError("there is no bundle at \(path)", next: "Make one with 'axle bundle export DIR'.")
        }
        let bundle = BundleFolder(path)
        var report = BundleReport()
        let catalog = try bringMetadata(bundle)
        report.timestampVersion = catalog.timestampVersion
        report.expires = catalog.expires
        let manifest = BundleManifest(in: path)
        let meant = Set(manifest?.packages.map(\.path) ?? [])
        let packages: [PackageResource] = try hub.list(["packages"])
        report.packages = packages.count
        let bar = ProgressBar("import", on: context.streams, noColor: invocation.isSet("no-color"))
        defer { bar.finish() }
        for package in packages where package.state != .retired {
            guard package.state != .imported else {
                report.alreadyThere += 1
                continue
            }
            do {
                guard let file = try bundle.open(package.path, package.sha256) else {
                    if meant.contains(package.path) { report.missing.append(package.path.description) }
                    continue
                }
                try bring(package, file) { held in
                    bar.update(Int64(clamping: held), of: Int64(clamping: package.length), text: package.release.text)
                }
                report.copied.append(package.path.description)
                report.bytes = report.bytes.addingReportingOverflow(package.length).partialValue
            } catch let problem as Problem {
                report.problems.append("\(package.path): \(problem.detail)")
                if !problem.next.isEmpty, !invocation.isSet("json") { context.streams.message(problem.next) }
            } catch let error as SystemError {
                report.problems.append("\(package.path): \(error.text ?? error.description)")
            } catch let error as Damage {
                report.problems.append("\(package.path): \(error.text)")
            }
        }
        let named = Set(packages.map(\.path))
        for path in meant.subtracting(named).sorted() {
            report.problems.append("\(path): the catalog in the bundle does not name it")
        }
        return try report.tell(invocation, context, verb: "imported")
    }

    /// A package's file that is not what the bundle says.
    private struct Damage: Error {
        let text: String
    }

    /// Sends the metadata files and has the hub look at them.
    private func bringMetadata(_ bundle: BundleFolder) throws -> CatalogResource {
        let names: [String]
        do {
            names = try Directory.list(Directory.join(bundle.path, "metadata")).filter(BundleFolder.isMetadataName)
        } catch {
            throw OperatorError(
                "\(bundle.path) is no bundle: \(error)", next: "Make one with 'axle bundle export DIR'.")
        }
        guard names.count <= Self.fileLimit else {
            throw OperatorError("\(bundle.path) has more than \(Self.fileLimit) metadata files")
        }
        for name in names.sorted() {
            let bytes: [UInt8]
            switch bundle.metadata(name, limit: 8 << 20) {
            case .bytes(let content): bytes = content
            case .tooLarge: throw OperatorError("\(name) is larger than metadata may be")
            case .failed(let why): throw OperatorError("\(name) cannot be read: \(why)")
            default: continue
            }
            var offset = 0
            repeat {
                let piece = Array(bytes[offset..<min(bytes.count, offset + ContentPiece.limit)])
                let _: PackageUpload = try hub.put(["catalog", "import", name], at: UInt64(offset), piece)
                offset += piece.count
            } while offset < bytes.count
        }
        return try hub.send(.post, ["catalog", "import"], [String: String]())
    }

    private func bring(
        _ package: PackageResource, _ file: borrowing FileDescriptor, _ progress: (UInt64) -> Void
    ) throws {
        let size = UInt64(max(0, try file.status().size))
        guard size == package.length else {
            throw Damage(
                text: "the file in the bundle has \(size) bytes, the catalog signs \(package.length): it is "
                    + (size < package.length ? "cut short" : "another one"))
        }
        let path = ["packages", package.id, "content"]
        var upload: PackageUpload = try hub.send(.post, path, [String: String]())
        while !upload.isImported {
            let piece = try file.read(count: ContentPiece.limit, at: Int64(clamping: upload.held))
            guard !piece.isEmpty || upload.held == size else { throw Damage(text: "it cannot be read to its end") }
            let before = upload.held
            upload = try hub.put(path, at: upload.held, piece)
            progress(upload.held)
            guard upload.held > before || upload.isImported else { throw Damage(text: "the hub takes no more of it") }
        }
    }
}
