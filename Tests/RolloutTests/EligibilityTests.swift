import Model
import Rollout
import Testing

struct EligibilityTests {
    static let now = UnixTime(seconds: 1_750_000_000)

    static func package(_ change: (inout PackageMetadata) throws -> Void = { _ in }) throws -> Package {
        var metadata = PackageMetadata(
            product: try ProductName("ruff"), release: try ReleaseName("0.12.1"), line: try LineName("0"), counter: 5,
            platform: try Platform("linux-x86_64-glibc"), kind: .tree, unpackedSize: ByteCount(1000))
        try change(&metadata)
        return Package(
            path: try TargetPath("ruff/\(metadata.release)/\(metadata.platform)/ruff.tar"), length: 500,
            sha256: try SHA256Digest(String(repeating: "0a", count: 32)), metadata: metadata)
    }

    static func facts(_ change: (inout ClientFacts) throws -> Void = { _ in }) throws -> ClientFacts {
        var facts = ClientFacts(
            platform: try Platform("linux-x86_64-glibc"), userlandBits: 64, agentVersion: try Version("1.0"),
            freeSpace: ByteCount(1_000_000), installed: [try installed("ruff", "0.12.0", counter: 4)])
        try change(&facts)
        return facts
    }

    static func installed(_ product: String, _ release: String, line: String? = "0", counter: UInt64?) throws
        -> InstalledPackage
    {
        InstalledPackage(
            product: try ProductName(product), release: try ReleaseName(release),
            line: try line.map { try LineName($0) },
            counter: counter)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var expected: [ReasonCode]
        var facts: @Sendable (inout ClientFacts) throws -> Void = { _ in }
        var package: @Sendable (inout PackageMetadata) throws -> Void = { _ in }
        var context: @Sendable (inout OrderContext) throws -> Void = { _ in }
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(
            name: "a candidate is lower than its release in the scheme of the package", expected: [.versionNotInRange],
            facts: { $0.installed = [try installed("ruff", "1.0.0", line: nil, counter: nil)] },
            package: {
                $0.release = try ReleaseName("1.0.0-rc.1"); $0.versionScheme = .semver
            }),
        Row(
            name: "a release updates its candidate", expected: [],
            facts: { $0.installed = [try installed("ruff", "1.0.0-rc.1", line: nil, counter: nil)] },
            package: {
                $0.release = try ReleaseName("1.0.0"); $0.versionScheme = .semver
            }),
        Row(
            name: "a range is read in the scheme of the package", expected: [.versionNotInRange],
            facts: { $0.installed = [try installed("ruff", "1.0rc1", line: nil, counter: nil)] },
            package: {
                $0.release = try ReleaseName("1.1"); $0.versionScheme = .pep440
                $0.requires.versions = try VersionRange(">=1.0")
            }),
        Row(
            name: "a candidate of a dependency is not its release", expected: [.dependencyMissing],
            facts: { $0.installed.append(try installed("lib", "2.0.0-rc.1", counter: 1)) },
            package: {
                $0.requires.dependencies = [
                    ProductRange(product: try ProductName("lib"), versions: try VersionRange(">=2.0.0"))
                ]
            }),
        Row(
            name: "what dpkg installed keeps its epoch", expected: [],
            facts: {
                var lib = try installed("lib", "1_0.9", counter: nil)
                lib.source = .dpkg
                $0.installed.append(lib)
            },
            package: {
                $0.requires.dependencies = [
                    ProductRange(product: try ProductName("lib"), versions: try VersionRange(">=1:0.8"))
                ]
            }),
        Row(name: "all well", expected: []),
        Row(name: "fresh install", expected: [], facts: { $0.installed = [] }),
        Row(
            name: "32-bit userland, as setarch i686 gives it", expected: [.os32Bit],
            facts: {
                $0.platform = try Platform("linux-i686-glibc"); $0.userlandBits = 32
            }),
        Row(
            name: "32-bit userland takes a 32-bit package", expected: [],
            facts: {
                $0.platform = try Platform("linux-i686-glibc"); $0.userlandBits = 32
            },
            package: { $0.platform = try Platform("linux-i686-glibc") }),
        Row(
            name: "32-bit userland takes a package for any", expected: [],
            facts: {
                $0.platform = try Platform("linux-i686-glibc"); $0.userlandBits = 32
            }, package: { $0.platform = .any }),
        Row(
            name: "32-bit ARM and a package for x86", expected: [.os32Bit, .platformMismatch],
            facts: {
                $0.platform = try Platform("linux-armv7l-glibc"); $0.userlandBits = 32
            }),
        Row(
            name: "other architecture", expected: [.platformMismatch],
            facts: { $0.platform = try Platform("linux-aarch64-glibc") }),
        Row(
            name: "other libc", expected: [.platformMismatch],
            facts: { $0.platform = try Platform("linux-x86_64-musl") }),
        Row(
            name: "scheduler stopped", expected: [.schedulerNotRunning], facts: { $0.scheduler = .stopped },
            package: { $0.requires.scheduler = true }),
        Row(
            name: "scheduler absent", expected: [.schedulerNotRunning], facts: { $0.scheduler = .absent },
            package: { $0.requires.scheduler = true }),
        Row(name: "scheduler stopped and not needed", expected: [], facts: { $0.scheduler = .stopped }),
        Row(
            name: "scheduler is a service", expected: [],
            facts: {
                $0.scheduler = .service; $0.autodeploy = .noreboot
            }, package: { $0.requires.scheduler = true }),
        Row(
            name: "scheduler is a process and noreboot", expected: [.restartNeeded],
            facts: {
                $0.scheduler = .process; $0.autodeploy = .noreboot
            }, package: { $0.requires.scheduler = true }),
        Row(
            name: "scheduler is a process and restarts are allowed", expected: [], facts: { $0.scheduler = .process },
            package: { $0.requires.scheduler = true }),
        Row(name: "autodeploy no", expected: [.autodeployNo], facts: { $0.autodeploy = .no }),
        Row(
            name: "noreboot and no restart", expected: [], facts: { $0.autodeploy = .noreboot },
            package: { $0.install.restart = .service }),
        Row(
            name: "noreboot and a restart", expected: [.restartNeeded], facts: { $0.autodeploy = .noreboot },
            package: { $0.install.restart = .machine }),
        Row(
            name: "the order allows no restart", expected: [.restartNeeded], package: { $0.install.restart = .machine },
            context: { $0.restartAllowed = false }),
        Row(name: "password prompt", expected: [.passwordAccessNotGenerate], facts: { $0.passwordAccess = .prompt }),
        Row(
            name: "higher counter installed", expected: [.versionNotInRange],
            facts: { $0.installed = [try installed("ruff", "0.12.2", counter: 6)] }),
        Row(
            name: "higher version installed by another hand", expected: [.versionNotInRange],
            facts: { $0.installed = [try installed("ruff", "0.13", line: nil, counter: nil)] }),
        Row(
            name: "lower version installed by another hand", expected: [],
            facts: { $0.installed = [try installed("ruff", "0.11", line: nil, counter: nil)] }),
        Row(
            name: "outside the range", expected: [.versionNotInRange],
            package: { $0.requires.versions = try VersionRange(">=0.12.0.1") }),
        Row(
            name: "inside the range", expected: [],
            package: { $0.requires.versions = try VersionRange(">=0.12 <0.12.1") }),
        Row(
            name: "update only and nothing installed", expected: [.versionNotInRange], facts: { $0.installed = [] },
            package: { $0.requires.freshInstall = false }),
        Row(
            name: "another line without an edge", expected: [.versionNotInRange],
            facts: { $0.installed = [try installed("ruff", "9", line: "lts", counter: 90)] }),
        Row(
            name: "another line with an edge", expected: [],
            facts: { $0.installed = [try installed("ruff", "9", line: "lts", counter: 90)] },
            package: { $0.requires.fromLines = [try LineName("lts")] }),
        Row(
            name: "floor skipped", expected: [.floorMissing],
            facts: { $0.installed = [try installed("ruff", "0.11", counter: 2)] },
            package: { $0.floor = Floor(release: try ReleaseName("0.12.0"), counter: 4) }),
        Row(
            name: "floor skipped, counter unknown", expected: [.floorMissing],
            facts: { $0.installed = [try installed("ruff", "0.11", line: nil, counter: nil)] },
            package: { $0.floor = Floor(release: try ReleaseName("0.12.0"), counter: 4) }),
        Row(
            name: "floor met", expected: [],
            package: { $0.floor = Floor(release: try ReleaseName("0.12.0"), counter: 4) }),
        Row(
            name: "the floor itself", expected: [],
            facts: { $0.installed = [try installed("ruff", "0.11", counter: 2)] },
            package: { $0.floor = Floor(release: try ReleaseName("0.12.1"), counter: 5) }),
        Row(
            name: "fresh install above a floor", expected: [], facts: { $0.installed = [] },
            package: { $0.floor = Floor(release: try ReleaseName("0.12.0"), counter: 4) }),
        Row(
            name: "dependency missing", expected: [.dependencyMissing],
            package: { $0.requires.dependencies = [ProductRange(product: try ProductName("base"))] }),
        Row(
            name: "dependency too old", expected: [.dependencyMissing],
            facts: { $0.installed.append(try installed("base", "1", counter: 1)) },
            package: {
                $0.requires.dependencies = [
                    ProductRange(product: try ProductName("base"), versions: try VersionRange(">=2"))
                ]
            }),
        Row(
            name: "dependency there", expected: [],
            facts: { $0.installed.append(try installed("base", "2", counter: 1)) },
            package: {
                $0.requires.dependencies = [
                    ProductRange(product: try ProductName("base"), versions: try VersionRange(">=2"))
                ]
            }),
        Row(
            name: "conflict there", expected: [.otherProductInstalled],
            facts: { $0.installed.append(try installed("flake", "2", counter: 1)) },
            package: { $0.requires.conflicts = [ProductRange(product: try ProductName("flake"))] }),
        Row(
            name: "conflict in another version", expected: [],
            facts: { $0.installed.append(try installed("flake", "2", counter: 1)) },
            package: {
                $0.requires.conflicts = [
                    ProductRange(product: try ProductName("flake"), versions: try VersionRange("<2"))
                ]
            }),
        Row(
            name: "already installed", expected: [.alreadyInstalled],
            facts: { $0.installed = [try installed("ruff", "0.12.1", counter: 5)] }),
        Row(
            name: "rejected", expected: [.rejectedRelease],
            facts: {
                $0.rejected = [RejectedRelease(product: try ProductName("ruff"), release: try ReleaseName("0.12.1"))]
            }),
        Row(
            name: "another release rejected", expected: [],
            facts: {
                $0.rejected = [RejectedRelease(product: try ProductName("ruff"), release: try ReleaseName("0.12.0"))]
            }),
        Row(name: "pinned", expected: [.pinned], facts: { $0.pinned = [try ProductName("ruff")] }),
        Row(name: "another product pinned", expected: [], facts: { $0.pinned = [try ProductName("uv")] }),
        Row(name: "locked", expected: [.locked], facts: { $0.locked = [try ProductName("ruff")] }),
        Row(name: "one byte too few", expected: [.diskSpace], facts: { $0.freeSpace = ByteCount(1499) }),
        Row(name: "just enough bytes", expected: [], facts: { $0.freeSpace = ByteCount(1500) }),
        Row(
            name: "space beyond any number", expected: [.diskSpace],
            package: {
                $0.unpackedSize = .maximum; $0.requires.freeSpace = .maximum
            }),
        Row(name: "not root", expected: [.notRoot], facts: { $0.isRoot = false }, package: { $0.requires.root = true }),
        Row(name: "not root and not needed", expected: [], facts: { $0.isRoot = false }),
        Row(name: "identity changed", expected: [.identityChanged], facts: { $0.identityChanged = true }),
        Row(
            name: "a deb for an agent of an earlier release", expected: [.kindUnsupported], package: { $0.kind = .deb }),
        Row(
            name: "a deb for an agent that installs trees", expected: [.kindUnsupported], facts: { $0.kinds = [.tree] },
            package: { $0.kind = .deb }),
        Row(
            name: "a deb for an agent that installs debs", expected: [], facts: { $0.kinds = [.tree, .deb] },
            package: { $0.kind = .deb }),
        Row(name: "an agent that installs nothing", expected: [.kindUnsupported], facts: { $0.kinds = [] }),
        Row(name: "trust failed", expected: [.trustFailed], context: { $0.trustFailure = "the hash is another" }),
        Row(name: "order expired at this moment", expected: [.orderExpired], context: { $0.expires = $0.now }),
        Row(name: "order expires in a moment", expected: [], context: { $0.expires = $0.now + .milliseconds(1) }),
        Row(
            name: "rollback to a lower release", expected: [],
            facts: { $0.installed = [try installed("ruff", "0.12.2", counter: 6)] }, context: { $0.isRollback = true }),
        Row(name: "rollback to a higher release", expected: [.versionNotInRange], context: { $0.isRollback = true }),
        Row(
            name: "rollback of nothing", expected: [.versionNotInRange], facts: { $0.installed = [] },
            context: { $0.isRollback = true }),
        Row(
            name: "rollback across lines", expected: [.versionNotInRange],
            facts: { $0.installed = [try installed("ruff", "9", line: "lts", counter: 90)] },
            context: { $0.isRollback = true }),
        Row(
            name: "rollback below the floor", expected: [.floorMissing],
            facts: { $0.installed = [try installed("ruff", "0.12.3", counter: 7)] },
            context: {
                $0.isRollback = true; $0.lineFloor = Floor(release: try ReleaseName("0.12.2"), counter: 6)
            }),
        Row(
            name: "rollback to the floor", expected: [],
            facts: { $0.installed = [try installed("ruff", "0.12.3", counter: 7)] },
            context: {
                $0.isRollback = true; $0.lineFloor = Floor(release: try ReleaseName("0.12.1"), counter: 5)
            }),
        Row(
            name: "everything at once",
            // What stands outside the machine is judged by `Delivery`.
            expected: ReasonCode.all.filter {
                ![.neverConnected, .alreadyInstalled, .clientRevoked, .spokeRevoked, .spokeFull].contains($0)
            },
            facts: {
                $0.platform = try Platform("linux-armv7l-glibc")
                $0.userlandBits = 32
                $0.scheduler = .stopped
                $0.autodeploy = .no
                $0.passwordAccess = .prompt
                $0.installed = [try installed("ruff", "0.11", counter: 2), try installed("flake", "2", counter: 1)]
                $0.rejected = [RejectedRelease(product: try ProductName("ruff"), release: try ReleaseName("0.12.1"))]
                $0.pinned = [try ProductName("ruff")]
                $0.locked = [try ProductName("ruff")]
                $0.freeSpace = .zero
                $0.isRoot = false
                $0.identityChanged = true
            },
            package: {
                $0.requires = PackageRequirements(
                    versions: try VersionRange(">=0.12"),
                    dependencies: [ProductRange(product: try ProductName("base"))],
                    conflicts: [ProductRange(product: try ProductName("flake"))], scheduler: true, root: true)
                $0.floor = Floor(release: try ReleaseName("0.12.0"), counter: 4)
                $0.install.restart = .machine
                $0.kind = .deb
            },
            context: {
                $0.restartAllowed = false
                $0.trustFailure = "the signature does not verify"
                $0.expires = .zero
            }),
    ]

    @Test(arguments: rows) func givesEveryReason(_ row: Row) throws {
        var context = OrderContext(now: Self.now)
        try row.context(&context)
        let answer = Eligibility.check(try Self.facts(row.facts), try Self.package(row.package), context)
        #expect(answer.reasons.map(\.code) == row.expected)
        #expect(answer.isEligible == row.expected.isEmpty)
        for reason in answer.reasons { #expect(!reason.text.isEmpty) }
    }

    @Test func anotherLineIsNamedWithWhatTheVendorMustDo() throws {
        let facts = try Self.facts { $0.installed = [try Self.installed("ruff", "9.1", line: "lts", counter: 90)] }
        let package = try Self.package()
        let reason = try #require(Eligibility.check(facts, package, OrderContext(now: Self.now)).reasons.first)
        #expect(reason.code == .versionNotInRange)
        for words in [
            "9.1 of line lts is installed", "\(package.metadata.release) of line \(package.metadata.line)",
            "the vendor publishes it with --from-line lts",
        ] { #expect(reason.text.contains(words), "\(words) is not in: \(reason.text)") }
        #expect(reason.text.utf8.count <= 512)
    }

    @Test func aRefusedVersionSaysWhatToDoNext() throws {
        func text(
            _ facts: (inout ClientFacts) throws -> Void, _ package: (inout PackageMetadata) throws -> Void = { _ in },
            _ context: (inout OrderContext) throws -> Void = { _ in }
        ) throws -> String {
            var order = OrderContext(now: Self.now)
            try context(&order)
            let answer = Eligibility.check(try Self.facts(facts), try Self.package(package), order)
            #expect(answer.reasons.count == 1)
            return answer.reasons.first?.text ?? ""
        }
        let newer: (inout ClientFacts) throws -> Void = {
            $0.installed = [try Self.installed("ruff", "0.12.3", counter: 7)]
        }
        let older: (inout ClientFacts) throws -> Void = {
            $0.installed = [try Self.installed("ruff", "0.11", counter: 2)]
        }
        #expect(try text(newer).hasSuffix("only a rollback goes to a lower release"))
        #expect(
            try text(older, { $0.requires.versions = try VersionRange(">=0.12") })
                .hasSuffix("roll out a release in that range first"))
        #expect(try text(older, { _ in }, { $0.isRollback = true }).hasSuffix("or a rollout without rollback"))
        #expect(
            try text({ $0.installed = [] }, { _ in }, { $0.isRollback = true })
                .hasSuffix("a rollout without rollback installs the release"))
        let floor = try text(newer, { _ in }) {
            $0.isRollback = true
            $0.lineFloor = Floor(release: try ReleaseName("0.12.2"), counter: 6)
        }
        #expect(floor.hasSuffix("roll back to 0.12.2 or later"))
    }

    @Test func everyCodeHasARow() {
        let covered = Set(Self.rows.flatMap(\.expected)).union([.neverConnected])
        // The last three are `Delivery`'s.
        #expect(covered == Set(ReasonCode.all).subtracting([.clientRevoked, .spokeRevoked, .spokeFull]))
    }

    @Test func aClientWithoutFactsHasNeverConnected() throws {
        let context = OrderContext(now: Self.now, expires: .zero, trustFailure: "no")
        let answer = Eligibility.check(nil, try Self.package(), context)
        #expect(answer.reasons.map(\.code) == [.neverConnected, .trustFailed, .orderExpired])
    }

    @Test func notesAreNoRefusals() throws {
        let facts = try Self.facts {
            $0.programBits = 32
            $0.scheduler = .process
        }
        let answer = Eligibility.check(
            facts, try Self.package { $0.requires.scheduler = true }, OrderContext(now: Self.now))
        #expect(answer.isEligible)
        #expect(answer.notes.map(\.code) == [.client32BitOn64BitOS, .schedulerNotService])
        let small = try Self.facts { $0.programBits = 64 }
        #expect(Eligibility.check(small, try Self.package(), OrderContext(now: Self.now)).notes.isEmpty)
    }
}
