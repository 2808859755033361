package import Model
internal import System

/// Finds out what the machine is, for real: uname, ELF files, the service manager, package databases, receipts, the disk.
///
/// Nothing is taken from signed data but where to look (a package's detection rules); a fact that cannot be had gets its cautious value.
/// Blocks for as long as the programs that it asks need, at most a few seconds each: call on a named queue.
package struct FactsGatherer: Sendable {
    /// Where things are on the machine; tests have other places.
    package struct Places: Sendable {
        package var shell = "/bin/sh"
        package var osRelease = "/etc/os-release"
        package var machineID = "/etc/machine-id"
        package var sessions = "/run/utmp"
        package var processes = "/proc"

        package init() {}
    }

    /// What only the agent's own store knows.
    package struct Known: Equatable, Sendable {
        package var locked: [ProductName]
        package var rejected: [RejectedRelease]

        package init(locked: [ProductName] = [], rejected: [RejectedRelease] = []) {
            self.locked = locked
            self.rejected = rejected
        }
    }

    private let configuration: AgentConfiguration
    private let installer: TreeInstaller
    private let agentVersion: Version
    private let joinedMachineID: String?
    private let places: Places

    /// `joinedMachineID` is what `machineID` said when the machine joined; nil if it had none.
    package init(
        configuration: AgentConfiguration, installer: TreeInstaller, agentVersion: Version,
        joinedMachineID: String? = nil, places: Places = Places()
    ) {
        self.configuration = configuration
        self.installer = installer
        self.agentVersion = agentVersion
        self.joinedMachineID = joinedMachineID
        self.places = places
    }

    /// Gathers all facts; with a package also what its detection rules find and how wide the installed program is.
    package func gather(for package: Package? = nil, known: Known = Known()) throws -> ClientFacts {
        let kernel = SystemName.current
        let shell = ELFImage(path: places.shell)
        let arch = Self.arch(kernel.machine)
        let bits = Self.userlandBits(machine: kernel.machine, shell: shell)
        let receipts = try installer.installed()
        var installed = receipts
        if let package, let found = detect(package) { installed.append(found) }
        return ClientFacts(
            platform: try Platform(os: "linux", arch: arch, bits: bits, libc: Self.libc(shell)), userlandBits: bits,
            programBits: try programBits(package, receipts), osName: osName(), kernel: kernel.release,
            hostname: kernel.node,
            agentVersion: agentVersion, isRoot: CurrentProcess.isRoot, autodeploy: configuration.autodeploy,
            scheduler: scheduler(), passwordAccess: configuration.passwordAccess, freeSpace: freeSpace(),
            sessions: sessions(), installed: installed, pinned: configuration.pinned, locked: known.locked,
            rejected: known.rejected, identityChanged: identityChanged(), kinds: TreeInstaller.kinds)
    }

    // MARK: The platform

    /// The architecture's name as packages have it, of what the kernel tells this process (`setarch i686` makes it say i686).
    static func arch(_ machine: String) -> String {
        let name = machine.lowercased().utf8.prefix(20).map { byte -> UInt8 in
            let ok = (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
            return ok ? byte : 0x5F
        }
        return name.isEmpty ? "unknown" : String(decoding: name, as: UTF8.self)
    }

    /// 32 if either the kernel's word or the shell's ELF class says so, else 64.
    static func userlandBits(machine: String, shell: ELFImage?) -> Int {
        if Platform.bits(of: arch(machine)) == 32 { return 32 }
        return shell?.bits ?? 64
    }

    /// The C library by the loader that the shell asks for.
    static func libc(_ shell: ELFImage?) -> String {
        guard let loader = shell?.interpreter else { return "static" }
        // By bytes: String's own search would link the library of regular expressions, a megabyte.
        let (bytes, musl) = (Array(loader.utf8), Array("musl".utf8))
        return bytes.indices.contains { bytes[$0...].starts(with: musl) } ? "musl" : "glibc"
    }

    private func osName() -> String {
        // A machine without the file has no name for people.
        guard let bytes = try? File.read(places.osRelease, limit: 65_536) else { return "Linux" }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("PRETTY_NAME=") {
            let value = line.dropFirst(12).filter { $0 != "\"" && $0 != "'" }
            return Event.singleLine(String(value), limit: 128)
        }
        return "Linux"
    }

    // MARK: What is installed

    /// The product as a package database or a file says, where the receipts do not.
    private func detect(_ package: Package) -> InstalledPackage? {
        for rule in package.metadata.detection {
            let version: String?
            switch rule.source {
            case .dpkg:
                version = Self.dpkgVersion(
                    ask("dpkg-query", ["-W", "-f", "${db:Status-Status} ${Version}", "--", rule.value]))
            case .rpm: version = ask("rpm", ["-q", "--qf", "%{VERSION}-%{RELEASE}", "--", rule.value])
            case .file: version = rule.value.hasPrefix("/") && File.exists(rule.value) ? "0" : nil
            }
            guard let version, let release = Self.release(version) else { continue }
            let source: InstallSource =
                switch rule.source {
                case .dpkg: .dpkg
                case .rpm: .rpm
                case .file: .detected
                }
            return InstalledPackage(product: package.path.product, release: release, source: source)
        }
        return nil
    }

    /// `installed 1.2-3` is a version; any other status is none.
    static func dpkgVersion(_ answer: String?) -> String? {
        let words = answer?.split(separator: " ") ?? []
        return words.count == 2 && words[0] == "installed" ? String(words[1]) : nil
    }

    /// A package database's version as a release name, which keeps its epoch (`1:2.0` is `1_2.0`).
    static func release(_ version: String) -> ReleaseName? {
        // A version that can be no release of ours tells nothing.
        try? VersionText.release(version)
    }

    /// What a program prints when it succeeds within ten seconds; nil otherwise or where it is not there.
    private func ask(_ program: String, _ arguments: [String]) -> String? {
        var child = ChildProcess(program, arguments)
        child.deadline = .seconds(10)
        child.outputLimit = 4096
        // Not there or not to be started: the same as no answer.
        guard let outcome = try? child.run(), outcome.isSuccess else { return nil }
        return outcome.outputText
    }

    /// The ELF class of the product's installed program.
    private func programBits(_ package: Package?, _ installed: [InstalledPackage]) throws -> Int? {
        guard let product = package?.path.product,
            let release = installed.first(where: { $0.product == product })?.release,
            let program = try installer.receipt(product, release)?.package.metadata.install.program
        else { return nil }
        return ELFImage(path: Directory.join(installer.folder(product, release), program))?.bits
    }

    // MARK: The machine's state

    func scheduler() -> SchedulerState {
        switch configuration.scheduler {
        case .notConfigured: .absent
        case .unit(let unit): ask("systemctl", ["is-active", "--quiet", "--", unit]) == nil ? .stopped : .service
        case .pidFile(let path): isRunning(path) ? .process : .stopped
        }
    }

    /// Whether the process whose number is in the file lives and is no zombie.
    private func isRunning(_ path: String) -> Bool {
        // An unreadable file is as good as none.
        guard let bytes = try? File.read(path, limit: 64),
            let number = Int32(String(decoding: bytes.prefix { (0x30...0x39).contains($0) }, as: UTF8.self)),
            number > 0,
            // A process without one is gone.
            let status = try? File.read("\(places.processes)/\(number)/stat", limit: 4096),
            let close = status.lastIndex(of: UInt8(ascii: ")"))
        else { return false }
        let state = status[(close + 1)...].first { $0 != 0x20 }
        return state != UInt8(ascii: "Z") && state != UInt8(ascii: "X")
    }

    private func freeSpace() -> ByteCount {
        var folder = installer.products
        while !File.exists(folder), folder != "/", folder != "." { folder = Directory.parent(of: folder) }
        // An unknown amount counts as nothing.
        guard let space = try? Directory.space(folder) else { return .zero }
        return ByteCount(space.available)
    }

    /// Sessions of people by utmp(5): records of 384 bytes, kind 7.
    private func sessions() -> Int {
        // Machines without the file have no sessions to tell of.
        guard let bytes = try? File.read(places.sessions, limit: 1 << 20) else { return 0 }
        return stride(from: 0, to: bytes.count - bytes.count % 384, by: 384)
            .count { bytes[$0] == 7 && bytes[$0 + 1] == 0 }
    }

    private func identityChanged() -> Bool {
        guard let joinedMachineID else { return false }
        return Self.machineID(places.machineID) != joinedMachineID
    }

    /// The machine's own id (machine-id(5)); nil where it has none, or none yet: an image says `uninitialized` until its first
    /// boot is complete.
    package static func machineID(_ path: String = Places().machineID) -> String? {
        // No file, no id.
        guard let bytes = try? File.read(path, limit: 256) else { return nil }
        let text = String(decoding: bytes.prefix { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
        return text.isEmpty || text == "uninitialized" ? nil : text
    }
}
