internal import Model
internal import System

/// What the shell finds out about its own process and folder.
enum AgentFacts {
    /// The gatherer of a state folder.
    static func gatherer(
        state: String, _ configuration: AgentConfiguration, _ installer: TreeInstaller
    ) throws -> FactsGatherer {
        let file = AgentState.machineID(state)
        var joined = File.exists(file) ? FactsGatherer.machineID(file) : nil
        // A machine that had no id when it joined is known by its first one from then on.
        if joined == nil, let machine = FactsGatherer.machineID() {
            try AtomicFile.write(machine, to: file)
            joined = machine
        }
        return FactsGatherer(
            configuration: configuration, installer: installer, agentVersion: try Version(AgentProgram.version),
            joinedMachineID: joined)
    }

    /// What this process finds when it starts.
    static func start(
        installer: TreeInstaller, product: ProductName, program: String, trial: TrialFile
    ) throws -> AgentStart {
        let running = try runningRelease(installer, product, program)
        let record = try trial.read()
        return AgentStart(
            runningRelease: running,
            isOnTrial: record.map { $0.failure == nil && $0.release == running?.text } ?? false,
            trialFailure: record?.failure, bootID: bootID())
    }

    /// The release out of whose folder this program runs: `PRODUCTS/PRODUCT/RELEASE/…`; nil when it runs from elsewhere.
    static func runningRelease(
        _ installer: TreeInstaller, _ product: ProductName, _ program: String
    ) throws -> ReleaseName? {
        let wanted = Directory.join(installer.products, product.text)
        guard let folder = try File.status(wanted) else { return nil }
        var path = program
        while path != "/", path != "." {
            let parent = Directory.parent(of: path)
            if let status = try File.status(parent), status.inode == folder.inode, status.device == folder.device {
                let name = path.split(separator: "/").last.map(String.init) ?? ""
                // `current` and other folders are no releases by themselves.
                guard let release = try? ReleaseName(name) else { return nil }
                return release.text == "current" ? try installer.current(product) : release
            }
            path = parent
        }
        return nil
    }

    /// Names this run of the machine.
    static func bootID() -> String {
        // A kernel without the file cannot tell its runs apart.
        let bytes = (try? File.read("/proc/sys/kernel/random/boot_id", limit: 256)) ?? []
        return String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
    }
}
