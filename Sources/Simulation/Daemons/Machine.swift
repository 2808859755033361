internal import Agent
internal import Content
internal import Model
internal import TLS

/// A target machine: what is on its disk, what its owner says, and whether new releases are well on it. Survives every crash of its agent.
final class Machine {
    /// What is special about a machine.
    enum Kind: CaseIterable {
        case ordinary, autodeployNo, userland32, schedulerStopped
    }

    let kind: Kind
    /// Releases whose health check fails here.
    var failing: Set<ReleaseName> = []
    private(set) var bootID = "boot-1"
    private(set) var current: ReleaseName?
    /// Whole releases in their folders, with what they were made of.
    private(set) var placed: [ReleaseName: Package] = [:]
    /// Hashes of the contents that those were unpacked from.
    private(set) var contents: [ReleaseName: SHA256Digest] = [:]
    private var staged: (package: Package, content: [UInt8])?
    /// The downloads folder.
    var files = MachineFiles()
    /// The content of what is installed, from which the next release can be patched; some machines have no room for it.
    private(set) var base: (identity: ContentIdentity, bytes: [UInt8])?
    private let keepsBase: Bool
    /// Whether the machine has the library for more than uncompressed chunks, and for what is packed with zstd.
    let hasLibrary: Bool
    private(set) var servicesRun = true
    private let platform: Platform
    private let agentVersion: Version

    init(_ kind: Kind, keepsBase: Bool, hasLibrary: Bool) throws {
        self.kind = kind
        self.keepsBase = keepsBase
        self.hasLibrary = hasLibrary
        platform = try Platform("linux-x86_64-glibc")
        agentVersion = try Version("0.1.0")
    }

    /// What the machine's owner and its nature allow, whatever anybody says.
    var mayInstall: Bool { kind == .ordinary }

    /// What it lacks for unpacking a package's published file.
    func missing(_ package: Package) -> MissingLibrary? {
        guard !hasLibrary, package.content.coding == .zstd else { return nil }
        return MissingLibrary(coding: .zstd, fileName: "libzstd.so.1", packageName: "libzstd1")
    }

    func facts(_ known: FactsGatherer.Known) -> ClientFacts {
        var facts = ClientFacts(
            platform: platform, userlandBits: kind == .userland32 ? 32 : 64, agentVersion: agentVersion,
            autodeploy: kind == .autodeployNo ? .no : .yes,
            scheduler: kind == .schedulerStopped ? .stopped : .service, freeSpace: ByteCount(1 << 40))
        if let current, let package = placed[current] {
            facts.installed = [
                InstalledPackage(
                    product: package.path.product, release: current, line: package.metadata.line,
                    counter: package.metadata.counter, path: package.path, sha256: package.sha256)
            ]
        }
        facts.locked = known.locked
        facts.rejected = known.rejected
        return facts
    }

    func reboot() {
        bootID += "'"
        servicesRun = true
    }

    /// A patch of it failed: it is not taken again.
    func removeBase() { base = nil }

    /// Does a step as `InstallExecutor` does it; every step may be done again. `cannotUnpack`: the limited child fails.
    func perform(_ job: InstallJob, keepsBadRelease: Bool, cannotUnpack: Bool = false) -> StepOutcome {
        let package = job.package
        let release = package.path.release
        switch job.step {
        case .enter: break
        case .stage:
            guard let archive = files.archive(of: package) else {
                return .failed(.storeDamaged, "the files of the package are gone")
            }
            guard isSigned(archive, package) else {
                return .failed(.hashMismatch, "the download is not the signed file")
            }
            guard !cannotUnpack, let content = content(archive, package) else {
                return .failed(.unpackFailed, "the child died")
            }
            staged = (package, content)
        case .place:
            guard staged?.package == package || placed[release] == package else {
                return .failed(.io, "nothing is staged")
            }
            placed[release] = package
            if let staged, let digest = try? SHA256Digest(bytes: SHA256.hash(staged.content)) {  // a hash is one
                contents[release] = digest
            }
            staged = nil
        case .stop: servicesRun = false
        case .activate:
            guard placed[release] != nil else { return .failed(.io, "the release is not there") }
            current = release
        case .restart: servicesRun = true
        case .verify:
            guard !failing.contains(release) else { return .failed(.healthFailed, "the health command says no") }
        case .commit:
            placed = placed.filter { $0.key == release || $0.key == job.previous }
            keepBase(package, cannotUnpack)
            if !job.sharesFiles { files.remove(package) }
        case .deactivate:
            servicesRun = false
            if !keepsBadRelease { current = job.previous }
        case .recover: servicesRun = true
        case .discard:
            if job.previous != release, current != release { placed[release] = nil }
            staged = nil
            if !job.sharesFiles { files.remove(package) }
        }
        return .done
    }

    private func isSigned(_ archive: MachineFiles.Archive, _ package: Package) -> Bool {
        switch archive {
        case .published(let bytes): SHA256.hash(bytes) == package.sha256.bytes
        case .content(let bytes): SHA256.hash(bytes) == package.content.sha256.bytes
        }
    }

    private func content(_ archive: MachineFiles.Archive, _ package: Package) -> [UInt8]? {
        switch archive {
        case .published where missing(package) != nil: nil
        case .published(let bytes): package.content.coding == .none ? bytes : SimulatedCoding.unpacked(bytes)
        case .content(let bytes): bytes
        }
    }

    private func keepBase(_ package: Package, _ cannotUnpack: Bool) {
        guard base?.identity.sha256 != package.content.sha256 else { return }
        base = nil
        guard keepsBase, !cannotUnpack, let archive = files.archive(of: package),
            let content = content(archive, package)
        else { return }
        base = (
            ContentIdentity(length: package.content.length.bytes, sha256: package.content.sha256), content
        )
    }
}
