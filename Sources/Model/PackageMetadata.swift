/// How a package is installed.
package enum PackageKind: UInt8, NamedCode {
    /// A tar unpacked into `PRODUCT/RELEASE/` with an atomic `current` switch.
    case tree = 1
    /// A Debian package, given to dpkg.
    case deb = 2
    /// A signed script.
    case script = 3
}

/// How pressing a release is.
package enum Severity: UInt8, NamedCode {
    case normal = 1
    case critical = 2
    /// May overtake other transfers.
    case hotfix = 3
}

/// How a package's file is compressed.
package enum ContentCoding: UInt8, NamedCode {
    case none = 1
    case gzip = 2
    case zstd = 3
    case xz = 4
    /// A Debian package whose members are packed; its content is the same package with control.tar and data.tar unpacked.
    case deb = 5
}

/// What is inside a package's compressed file; patches and chunks are made of that.
package struct PackageContent: Codable, Hashable, Sendable {
    package var coding: ContentCoding
    /// Bytes of the content once decoded.
    package var length: ByteCount
    /// Its hash.
    package var sha256: SHA256Digest

    package init(coding: ContentCoding, length: ByteCount, sha256: SHA256Digest) {
        self.coding = coding
        self.length = length
        self.sha256 = sha256
    }
}

/// Another product in certain versions: a dependency that must be there, or a conflict that must not.
package struct ProductRange: Codable, Hashable, Sendable, CustomStringConvertible {
    package var product: ProductName
    package var versions: VersionRange

    package init(product: ProductName, versions: VersionRange = .any) {
        self.product = product
        self.versions = versions
    }

    package var description: String { versions.bounds.isEmpty ? "\(product)" : "\(product) \(versions)" }
}

/// What a machine must have before a package may be installed.
package struct PackageRequirements: Codable, Hashable, Sendable {
    /// Which installed versions of the product may be updated; a machine without the product is not asked.
    package var versions: VersionRange
    /// Other lines from which a move to this one is allowed (signed `from` edges).
    package var fromLines: [LineName]
    /// Whether the package may be installed where the product is not yet there.
    package var freshInstall: Bool
    package var dependencies: [ProductRange]
    package var conflicts: [ProductRange]
    /// Whether the product's scheduler must be running.
    package var scheduler: Bool
    /// Whether the agent must run as root.
    package var root: Bool
    /// Free space wanted beyond the unpacked size and the file itself.
    package var freeSpace: ByteCount

    package init(
        versions: VersionRange = .any, fromLines: [LineName] = [], freshInstall: Bool = true,
        dependencies: [ProductRange] = [], conflicts: [ProductRange] = [], scheduler: Bool = false, root: Bool = false,
        freeSpace: ByteCount = .zero
    ) {
        self.versions = versions
        self.fromLines = fromLines
        self.freshInstall = freshInstall
        self.dependencies = dependencies
        self.conflicts = conflicts
        self.scheduler = scheduler
        self.root = root
        self.freeSpace = freeSpace
    }
}

/// A release that may not be skipped: an installed release below it must go there first, and no rollback goes below it.
package struct Floor: Codable, Hashable, Sendable {
    package var release: ReleaseName
    /// The floor release's counter in the package's line.
    package var counter: UInt64

    package init(release: ReleaseName, counter: UInt64) {
        self.release = release
        self.counter = counter
    }
}

/// What must be restarted for a package to take effect.
package enum RestartNeed: UInt8, NamedCode {
    case none = 1
    /// The named services.
    case service = 2
    /// The machine.
    case machine = 3
}

/// A command whose exit status 0 says that the installed release works.
package struct HealthCheck: Codable, Hashable, Sendable {
    /// Program (a path inside the package, or absolute) and its arguments; 1 to 32 of at most 1,024 bytes; no shell.
    package var argv: [String]
    /// 1 to 3,600.
    package var timeoutSeconds: UInt32

    package init(argv: [String], timeoutSeconds: UInt32) {
        self.argv = argv
        self.timeoutSeconds = timeoutSeconds
    }
}

/// What to do on the machine, from signed data only.
package struct InstallSteps: Codable, Hashable, Sendable {
    /// Services to stop before and start after, by their names.
    package var services: [String]
    package var restart: RestartNeed
    package var health: HealthCheck?
    /// Path of the product's program inside the package, for example `bin/ruff`.
    package var program: String?
    /// Options of data migration, name to value, as the product defines them.
    package var migration: [String: String]

    package init(
        services: [String] = [], restart: RestartNeed = .none, health: HealthCheck? = nil, program: String? = nil,
        migration: [String: String] = [:]
    ) {
        self.services = services
        self.restart = restart
        self.health = health
        self.program = program
        self.migration = migration
    }
}

/// How an installation of the product that Axle did not make is found.
package struct DetectionRule: Codable, Hashable, Sendable {
    /// Where to look.
    package enum Source: UInt8, NamedCode {
        /// A package name of dpkg.
        case dpkg = 1
        /// A package name of rpm.
        case rpm = 2
        /// A file's existence.
        case file = 3
    }

    package var source: Source
    /// The package's name, or an absolute path.
    package var value: String

    package init(source: Source, value: String) {
        self.source = source
        self.value = value
    }
}

/// What the signed catalog says about a package beyond path, length and hashes: the TUF target's `custom` object.
package struct PackageMetadata: Codable, Hashable, Sendable {
    package var product: ProductName
    package var release: ReleaseName
    /// The release train; counters compare within one only.
    package var line: LineName
    /// How versions of the line are ordered; nil where the catalog does not say, which is Debian's order.
    package var versionScheme: VersionScheme?
    /// Rises with every release of a line.
    package var counter: UInt64
    package var platform: Platform
    package var kind: PackageKind
    package var severity: Severity
    /// What is inside a compressed file; nil when nothing is said.
    package var content: PackageContent?
    /// Bytes on disk after unpacking.
    package var unpackedSize: ByteCount
    package var requires: PackageRequirements
    package var floor: Floor?
    package var install: InstallSteps
    package var detection: [DetectionRule]
    /// For people, at most 4,096 bytes.
    package var notes: String

    package init(
        product: ProductName, release: ReleaseName, line: LineName, versionScheme: VersionScheme? = nil,
        counter: UInt64, platform: Platform, kind: PackageKind, severity: Severity = .normal,
        content: PackageContent? = nil,
        unpackedSize: ByteCount = .zero, requires: PackageRequirements = PackageRequirements(), floor: Floor? = nil,
        install: InstallSteps = InstallSteps(), detection: [DetectionRule] = [], notes: String = ""
    ) {
        self.product = product
        self.release = release
        self.line = line
        self.versionScheme = versionScheme
        self.counter = counter
        self.platform = platform
        self.kind = kind
        self.severity = severity
        self.content = content
        self.unpackedSize = unpackedSize
        self.requires = requires
        self.floor = floor
        self.install = install
        self.detection = detection
        self.notes = notes
    }

    /// The release as a version.
    package var version: Version { Version(release, in: versionScheme) }

    /// Refuses what no catalog may say: limits of counts and lengths, relative program paths that leave the package,
    /// a floor above the release itself, a Debian package inside what is none.
    package func validate() throws(ModelError) {
        let what = "package metadata"
        func refuse(_ value: String, _ why: String) -> ModelError { ModelError(what, value, why) }
        guard notes.utf8.count <= 4096 else { throw refuse("notes", "are longer than 4096 bytes") }
        guard requires.fromLines.count <= 32, requires.dependencies.count <= 32, requires.conflicts.count <= 32 else {
            throw refuse("requires", "has more than 32 entries of a kind")
        }
        guard install.services.count <= 16, detection.count <= 16, install.migration.count <= 32 else {
            throw refuse("install", "has too many services, detection rules or migration options")
        }
        for service in install.services { _ = try ServiceName(service) }
        for (key, value) in install.migration where key.utf8.count > 64 || value.utf8.count > 1024 {
            throw refuse(key, "is a migration option that is too long")
        }
        for rule in detection where !(1...1024).contains(rule.value.utf8.count) || rule.value.utf8.contains(0) {
            throw refuse(rule.value, "is no detection value")
        }
        if let program = install.program { try Self.checkRelative(program) }
        if let health = install.health {
            guard (1...32).contains(health.argv.count), (1...3600).contains(health.timeoutSeconds) else {
                throw refuse("health", "must have 1 to 32 arguments and a time limit of 1 to 3600 seconds")
            }
            for argument in health.argv where argument.utf8.count > 1024 || argument.utf8.contains(0) {
                throw refuse(argument, "is no argument")
            }
            guard let command = health.argv.first, !command.isEmpty else { throw refuse("health", "names no program") }
            if command.utf8.first != 0x2F { try Self.checkRelative(command) }
        }
        if let floor, floor.counter > counter { throw refuse("floor", "is above the release itself") }
        guard content?.coding != .deb || kind == .deb else {
            throw refuse("content", "is of a Debian package, and the package is of the kind \(kind.name)")
        }
        if platform.bits == nil, platform.arch != "any" { throw refuse("platform", "has no bits") }
    }

    /// Refuses paths that are empty, absolute, or have `.`, `..` or empty parts.
    private static func checkRelative(_ path: String) throws(ModelError) {
        let parts = path.utf8.split(separator: 0x2F, omittingEmptySubsequences: false)
        guard path.utf8.count <= 1024, !path.utf8.contains(0), !path.utf8.contains(0x5C),
            !parts.contains(where: { $0.isEmpty || $0.elementsEqual([0x2E]) || $0.elementsEqual([0x2E, 0x2E]) })
        else { throw ModelError("path in a package", path, "must stay inside the package") }
    }
}

package enum ServiceRule: NameRule {
    package static var noun: String { "service name" }
    package static var maximumLength: Int { 128 }
    package static var allowed: String { "letters, digits and . _ + ~ - @ :" }
    package static func allows(_ byte: UInt8, at index: Int) -> Bool {
        if ASCII.isAlphanumeric(byte) { return true }
        return index > 0 && [0x2E, 0x5F, 0x2B, 0x7E, 0x2D, 0x40, 0x3A].contains(byte)
    }
}

/// A service as the machine's service manager names it.
package typealias ServiceName = Name<ServiceRule>
