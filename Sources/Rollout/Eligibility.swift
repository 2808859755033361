package import Model

/// Under which order eligibility is asked for.
package struct OrderContext: Sendable {
    /// The moment of the question.
    package var now: UnixTime
    /// Whether the order permits what needs a restart of the machine.
    package var restartAllowed: Bool
    /// Whether the order says rollback: it goes to a lower release of the same line.
    package var isRollback: Bool
    /// For a rollback: the highest floor that the current targets sign for the line; nothing goes below it.
    package var lineFloor: Floor?
    /// When the order expires; nil when there is none yet (a plan).
    package var expires: UnixTime?
    /// What failed in the checks of order, metadata and bytes; nil when all is verified or not asked yet.
    package var trustFailure: String?

    package init(
        now: UnixTime, restartAllowed: Bool = true, isRollback: Bool = false, lineFloor: Floor? = nil,
        expires: UnixTime? = nil, trustFailure: String? = nil
    ) {
        self.now = now
        self.restartAllowed = restartAllowed
        self.isRollback = isRollback
        self.lineFloor = lineFloor
        self.expires = expires
        self.trustFailure = trustFailure
    }
}

/// Whether a package may be installed on a machine: every reason why not, at once, and notes that are no refusals.
///
/// The same answer is asked for by the hub (candidates, plans, from the last facts), and by the agent, which decides, when
/// the order comes and again right before the install. Each code appears at most once, in the order of `ReasonCode.all`.
package struct Eligibility: Hashable, Sendable {
    package let reasons: [Reason]
    package let notes: [Note]

    /// Whether nothing speaks against the install.
    package var isEligible: Bool { reasons.isEmpty }

    package init(reasons: [Reason], notes: [Note]) {
        self.reasons = reasons
        self.notes = notes
    }

    /// Checks all rules; without facts the client has never connected, and only the order itself can be judged.
    package static func check(_ facts: ClientFacts?, _ package: Package, _ context: OrderContext) -> Eligibility {
        guard let facts else {
            return Eligibility(reasons: [Reason(.neverConnected)] + orderReasons(context), notes: [])
        }
        let reasons: [Reason?] = [
            bits(facts, package), scheduler(facts, package), autodeploy(facts), restart(facts, package, context),
            password(facts), platform(facts, package), version(facts, package, context),
            floor(facts, package, context), dependencies(facts, package), conflicts(facts, package),
            installed(facts, package), rejected(facts, package), pinned(facts, package), locked(facts, package),
            space(facts, package), root(facts, package), facts.identityChanged ? Reason(.identityChanged) : nil,
        ]
        let all = reasons.compactMap { $0 } + orderReasons(context) + [kind(facts, package)].compactMap { $0 }
        return Eligibility(reasons: all, notes: notes(facts, package))
    }

    /// The same with what stands in the way outside the machine; reasons are in the order of `ReasonCode.all`, each code once.
    package func adding(_ delivery: Eligibility) -> Eligibility {
        let known = Set(reasons.map(\.code))
        let all = reasons + delivery.reasons.filter { !known.contains($0.code) }
        let ordered = ReasonCode.all.flatMap { code in all.filter { $0.code == code } }
        return Eligibility(
            reasons: ordered + all.filter { !ReasonCode.all.contains($0.code) }, notes: notes + delivery.notes)
    }

    private static func orderReasons(_ context: OrderContext) -> [Reason] {
        var reasons: [Reason] = []
        if let failure = context.trustFailure { reasons.append(Reason(.trustFailed, failure)) }
        if let expires = context.expires, expires <= context.now {
            reasons.append(Reason(.orderExpired, "the order expired at \(expires)"))
        }
        return reasons
    }

    // MARK: - The machine

    private static func bits(_ facts: ClientFacts, _ package: Package) -> Reason? {
        guard package.metadata.platform.bits == 64, facts.userlandBits == 32 else { return nil }
        return Reason(.os32Bit)
    }

    /// Architectures of one family differ in bits only, which `os32Bit` says already.
    private static func platform(_ facts: ClientFacts, _ package: Package) -> Reason? {
        let wanted = package.metadata.platform
        let sameParts =
            (wanted.os == "any" || wanted.os == facts.platform.os)
            && (wanted.libc == "any" || wanted.libc == facts.platform.libc)
        let sameArch =
            wanted.arch == "any" || wanted.arch == facts.platform.arch
            || (wanted.bits == 64 && facts.userlandBits == 32 && family(wanted.arch) == family(facts.platform.arch))
        guard !sameParts || !sameArch else { return nil }
        return Reason(.platformMismatch, "the package is for \(wanted) and the machine is \(facts.platform)")
    }

    private static func family(_ arch: String) -> String {
        switch arch {
        case "x86_64", "i386", "i486", "i586", "i686": "x86"
        case "aarch64", "arm", "armhf", "armv6l", "armv7l", "armv8l": "arm"
        default: arch
        }
    }

    /// An agent that does not say its kinds is of a release that installs trees only.
    private static func kind(_ facts: ClientFacts, _ package: Package) -> Reason? {
        let kinds = facts.kinds ?? [.tree]
        guard !kinds.contains(package.metadata.kind) else { return nil }
        let names = kinds.isEmpty ? "nothing" : kinds.map(\.name).joined(separator: ", ")
        return Reason(
            .kindUnsupported, "the package is of the kind \(package.metadata.kind.name) and the agent installs \(names)"
        )
    }

    private static func space(_ facts: ClientFacts, _ package: Package) -> Reason? {
        let needed = spaceNeeded(package)
        guard facts.freeSpace < needed else { return nil }
        return Reason(.diskSpace, "\(needed) are needed and \(facts.freeSpace) are free")
    }

    /// The file, what it unpacks to, and what the package wants beyond that; saturates.
    package static func spaceNeeded(_ package: Package) -> ByteCount {
        let metadata = package.metadata
        let unpacked = max(metadata.unpackedSize, metadata.content?.length ?? .zero)
        return ByteCount(package.length) + unpacked + metadata.requires.freeSpace
    }

    private static func root(_ facts: ClientFacts, _ package: Package) -> Reason? {
        package.metadata.requires.root && !facts.isRoot ? Reason(.notRoot) : nil
    }

    private static func scheduler(_ facts: ClientFacts, _ package: Package) -> Reason? {
        guard package.metadata.requires.scheduler, !facts.scheduler.isRunning else { return nil }
        return facts.scheduler == .absent
            ? Reason(.schedulerNotRunning, "the machine has no scheduler of the product") : Reason(.schedulerNotRunning)
    }

    // MARK: - The owner's word

    private static func autodeploy(_ facts: ClientFacts) -> Reason? {
        facts.autodeploy == .no ? Reason(.autodeployNo) : nil
    }

    private static func restart(_ facts: ClientFacts, _ package: Package, _ context: OrderContext) -> Reason? {
        guard needsRestart(facts, package) else { return nil }
        if facts.autodeploy == .noreboot {
            return Reason(.restartNeeded, "the update needs a restart and autodeploy is noreboot")
        }
        return context.restartAllowed
            ? nil : Reason(.restartNeeded, "the update needs a restart and the rollout does not allow one")
    }

    /// Whether the machine has to be restarted: the package says so, or its scheduler runs outside the service manager.
    package static func needsRestart(_ facts: ClientFacts, _ package: Package) -> Bool {
        package.metadata.install.restart == .machine
            || (package.metadata.requires.scheduler && facts.scheduler == .process)
    }

    private static func password(_ facts: ClientFacts) -> Reason? {
        facts.passwordAccess == .prompt ? Reason(.passwordAccessNotGenerate) : nil
    }

    private static func pinned(_ facts: ClientFacts, _ package: Package) -> Reason? {
        facts.pinned.contains(package.metadata.product) ? Reason(.pinned) : nil
    }

    private static func locked(_ facts: ClientFacts, _ package: Package) -> Reason? {
        facts.locked.contains(package.metadata.product) ? Reason(.locked) : nil
    }

    private static func rejected(_ facts: ClientFacts, _ package: Package) -> Reason? {
        let release = RejectedRelease(product: package.metadata.product, release: package.metadata.release)
        return facts.rejected.contains(release) ? Reason(.rejectedRelease) : nil
    }

    // MARK: - What is installed

    /// Whether the machine has this very release.
    private static func isInstalled(_ facts: ClientFacts, _ package: Package) -> Bool {
        facts.installed(package.metadata.product)?.release == package.metadata.release
    }

    private static func installed(_ facts: ClientFacts, _ package: Package) -> Reason? {
        isInstalled(facts, package)
            ? Reason(.alreadyInstalled, "\(package.metadata.release) is already installed") : nil
    }

    private static func version(_ facts: ClientFacts, _ package: Package, _ context: OrderContext) -> Reason? {
        let metadata = package.metadata
        func refuse(_ text: String) -> Reason { Reason(.versionNotInRange, text) }
        guard let installed = facts.installed(metadata.product) else {
            if context.isRollback {
                return refuse(
                    "nothing is installed that could be rolled back; a rollout without rollback installs the release")
            }
            return metadata.requires.freshInstall
                ? nil
                : refuse(
                    "the package is an update only and the product is not installed; "
                        + "install an earlier release first, or the vendor publishes it without --update-only")
        }
        guard !isInstalled(facts, package) else { return nil }
        if context.isRollback {
            guard isLower(package, than: installed) else {
                return refuse(
                    "\(metadata.release) is not lower than \(installed.release), so it is no rollback; "
                        + "choose a lower release of line \(metadata.line), or a rollout without rollback")
            }
            return nil
        }
        if let line = installed.line, line != metadata.line {
            guard metadata.requires.fromLines.contains(line) else {
                return refuse(
                    "\(installed.release) of line \(line) is installed, and \(metadata.release) of line \(metadata.line) "
                        + "does not update it; the vendor publishes it with --from-line \(line)")
            }
        } else if isLower(package, than: installed) {
            return refuse(
                "\(installed.release) is installed, which is higher than \(metadata.release); "
                    + "only a rollback goes to a lower release")
        }
        guard
            metadata.requires.versions.contains(
                installed.version(in: metadata.versionScheme), in: metadata.versionScheme)
        else {
            return refuse(
                "\(metadata.release) updates \(metadata.requires.versions) and \(installed.release) is installed; "
                    + "roll out a release in that range first")
        }
        return nil
    }

    /// Counters decide within a line; versions where a counter is unknown; across lines nothing is lower.
    private static func isLower(_ package: Package, than installed: InstalledPackage) -> Bool {
        let metadata = package.metadata
        if let line = installed.line, line != metadata.line { return false }
        if installed.line != nil, let counter = installed.counter { return metadata.counter < counter }
        let scheme = metadata.versionScheme
        return metadata.version.compare(installed.version(in: scheme), in: scheme) < 0
    }

    private static func floor(_ facts: ClientFacts, _ package: Package, _ context: OrderContext) -> Reason? {
        let metadata = package.metadata
        if context.isRollback {
            guard let floor = context.lineFloor, metadata.counter < floor.counter else { return nil }
            return Reason(
                .floorMissing,
                "\(metadata.release) is below \(floor.release), the floor of its line; roll back to \(floor.release) or later"
            )
        }
        guard let floor = metadata.floor, metadata.counter > floor.counter,
            let installed = facts.installed(metadata.product), installed.line == nil || installed.line == metadata.line
        else { return nil }
        let isBelow: Bool
        if installed.line != nil, let counter = installed.counter {
            isBelow = counter < floor.counter
        } else {
            let scheme = metadata.versionScheme
            isBelow = installed.version(in: scheme).compare(Version(floor.release, in: scheme), in: scheme) < 0
        }
        return isBelow
            ? Reason(.floorMissing, "\(floor.release) has to be installed before \(metadata.release)") : nil
    }

    private static func dependencies(_ facts: ClientFacts, _ package: Package) -> Reason? {
        let missing = package.metadata.requires.dependencies.filter { !isPresent($0, facts) }
        guard !missing.isEmpty else { return nil }
        return Reason(.dependencyMissing, "needed: " + missing.map(\.description).joined(separator: ", "))
    }

    private static func conflicts(_ facts: ClientFacts, _ package: Package) -> Reason? {
        let present = package.metadata.requires.conflicts.filter { isPresent($0, facts) }
        guard !present.isEmpty else { return nil }
        return Reason(.otherProductInstalled, "installed: " + present.map(\.description).joined(separator: ", "))
    }

    private static func isPresent(_ wanted: ProductRange, _ facts: ClientFacts) -> Bool {
        facts.installed.contains { installed in
            guard installed.product == wanted.product else { return false }
            // The other product's catalog is not at hand: its names say how they are ordered, or nothing does.
            let version = installed.version(in: nil)
            let scheme = installed.source == .dpkg ? .debian : wanted.versions.scheme(with: version)
            return wanted.versions.contains(installed.version(in: scheme), in: scheme)
        }
    }

    // MARK: - Notes

    private static func notes(_ facts: ClientFacts, _ package: Package) -> [Note] {
        var notes: [Note] = []
        if facts.programBits == 32, facts.userlandBits == 64, package.metadata.platform.bits != 32 {
            notes.append(Note(.client32BitOn64BitOS))
        }
        if facts.scheduler == .process, package.metadata.requires.scheduler {
            notes.append(Note(.schedulerNotService))
        }
        return notes
    }
}
