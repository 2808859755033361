/// A machine's own word on being updated from the hub.
package enum Autodeploy: UInt8, NamedCode {
    case yes = 1
    case no = 2
    /// Updates that need no restart only.
    case noreboot = 3
}

/// How the product's scheduler is found on the machine.
package enum SchedulerState: UInt8, NamedCode {
    /// Running under the service manager.
    case service = 1
    /// Running as a plain process: an update needs a restart, see `schedulerNotService`.
    case process = 2
    /// There, but not running.
    case stopped = 3
    /// The machine has none; packages that need none are not hindered.
    case absent = 4

    /// Whether it runs.
    package var isRunning: Bool { self == .service || self == .process }
}

/// How the product on the machine gets its password; an unattended update needs one that is generated.
package enum PasswordAccess: UInt8, NamedCode {
    case generate = 1
    case prompt = 2
    /// The product has no such setting.
    case notApplicable = 3
}

/// Who installed something.
package enum InstallSource: UInt8, NamedCode {
    /// Axle itself, which has a receipt.
    case axle = 1
    case dpkg = 2
    case rpm = 3
    /// Found by a detection rule.
    case detected = 4
}

/// A release of a product that is on a machine.
package struct InstalledPackage: Codable, Hashable, Sendable {
    package var product: ProductName
    package var release: ReleaseName
    package var line: LineName?
    /// The release's counter in its line; nil when Axle did not install it.
    package var counter: UInt64?
    package var path: TargetPath?
    package var sha256: SHA256Digest?
    package var source: InstallSource

    package init(
        product: ProductName, release: ReleaseName, line: LineName? = nil, counter: UInt64? = nil,
        path: TargetPath? = nil, sha256: SHA256Digest? = nil, source: InstallSource = .axle
    ) {
        self.product = product
        self.release = release
        self.line = line
        self.counter = counter
        self.path = path
        self.sha256 = sha256
        self.source = source
    }

    /// The release as a version of a scheme; what dpkg installed has Debian's versions.
    package func version(in scheme: VersionScheme?) -> Version {
        Version(release, in: source == .dpkg ? .debian : scheme)
    }
}

/// A release that is not offered to a machine again.
package struct RejectedRelease: Codable, Hashable, Sendable {
    package var product: ProductName
    package var release: ReleaseName

    package init(product: ProductName, release: ReleaseName) {
        self.product = product
        self.release = release
    }
}

/// What an agent found out about its machine, as it reports it and as eligibility is decided by.
///
/// Gathered for real; a field that could not be gathered has its cautious value.
package struct ClientFacts: Codable, Hashable, Sendable {
    /// The platform of the userland (uname's machine, the C library).
    package var platform: Platform
    /// 32 or 64, what programs of the userland are.
    package var userlandBits: Int
    /// 32 or 64 by the ELF class of the product's installed program; nil when none is installed.
    package var programBits: Int?
    /// The operating system's name for people, for example `Debian GNU/Linux 13`.
    package var osName: String
    /// Kernel release, as uname says.
    package var kernel: String
    package var hostname: String
    package var agentVersion: Version
    /// Whether the agent runs as root.
    package var isRoot: Bool
    package var autodeploy: Autodeploy
    package var scheduler: SchedulerState
    package var passwordAccess: PasswordAccess
    /// Free bytes where products are installed.
    package var freeSpace: ByteCount
    /// People logged in.
    package var sessions: Int
    package var installed: [InstalledPackage]
    /// Products that the machine's owner holds at their release.
    package var pinned: [ProductName]
    /// Products with an update lock.
    package var locked: [ProductName]
    package var rejected: [RejectedRelease]
    /// Whether the machine is not the one that joined (a clone, a moved disk).
    package var identityChanged: Bool
    /// The kinds of packages that the agent installs; nil from an agent of an earlier release, which installs trees.
    package var kinds: [PackageKind]?

    package init(
        platform: Platform, userlandBits: Int, programBits: Int? = nil, osName: String = "", kernel: String = "",
        hostname: String = "", agentVersion: Version, isRoot: Bool = true, autodeploy: Autodeploy = .yes,
        scheduler: SchedulerState = .absent, passwordAccess: PasswordAccess = .notApplicable, freeSpace: ByteCount,
        sessions: Int = 0, installed: [InstalledPackage] = [], pinned: [ProductName] = [],
        locked: [ProductName] = [], rejected: [RejectedRelease] = [], identityChanged: Bool = false,
        kinds: [PackageKind]? = nil
    ) {
        self.platform = platform
        self.userlandBits = userlandBits
        self.programBits = programBits
        self.osName = osName
        self.kernel = kernel
        self.hostname = hostname
        self.agentVersion = agentVersion
        self.isRoot = isRoot
        self.autodeploy = autodeploy
        self.scheduler = scheduler
        self.passwordAccess = passwordAccess
        self.freeSpace = freeSpace
        self.sessions = sessions
        self.installed = installed
        self.pinned = pinned
        self.locked = locked
        self.rejected = rejected
        self.identityChanged = identityChanged
        self.kinds = kinds
    }

    /// What of a product is installed; where several sources name it, Axle's own word comes first.
    package func installed(_ product: ProductName) -> InstalledPackage? {
        installed.filter { $0.product == product }.min { $0.source < $1.source }
    }

    /// Whether nothing but free space and sessions differs, which change all the time and call for no report.
    package func isEssentiallyEqual(to other: ClientFacts) -> Bool {
        var same = other
        same.freeSpace = freeSpace
        same.sessions = sessions
        return same == self
    }
}
