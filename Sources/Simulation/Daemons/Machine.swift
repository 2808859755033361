internal import Agent
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
    private var staged: Package?
    /// Downloaded bytes, whole or not.
    var downloads: [SHA256Digest: [UInt8]] = [:]
    private(set) var servicesRun = true
    private let platform: Platform
    private let agentVersion: Version

    init(_ kind: Kind) throws {
        self.kind = kind
        platform = try Platform("linux-x86_64-glibc")
        agentVersion = try Version("0.1.0")
    }

    /// What the machine's owner and its nature allow, whatever anybody says.
    var mayInstall: Bool { kind == .ordinary }

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

    /// Does a step as `InstallExecutor` does it; every step may be done again.
    func perform(_ job: InstallJob, keepsBadRelease: Bool) -> StepOutcome {
        let package = job.package
        let release = package.path.release
        switch job.step {
        case .enter: break
        case .stage:
            guard let bytes = downloads[package.sha256], SHA256.hash(bytes) == package.sha256.bytes else {
                return .failed(.hashMismatch, "the download is not the signed file")
            }
            staged = package
        case .place:
            guard staged == package || placed[release] == package else { return .failed(.io, "nothing is staged") }
            placed[release] = package
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
            downloads[package.sha256] = nil
        case .deactivate:
            servicesRun = false
            if !keepsBadRelease { current = job.previous }
        case .recover: servicesRun = true
        case .discard:
            if job.previous != release, current != release { placed[release] = nil }
            staged = nil
            downloads[package.sha256] = nil
        }
        return .done
    }
}
