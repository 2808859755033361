import Foundation
import Model
import Testing

struct PackageTests {
    static func package() throws -> Package {
        Package(
            path: try TargetPath("ruff/0.12.1/linux-x86_64-glibc/ruff.tar.gz"), length: 10,
            sha256: try SHA256Digest(String(repeating: "ab", count: 32)),
            metadata: PackageMetadata(
                product: try ProductName("ruff"), release: try ReleaseName("0.12.1"), line: try LineName("0"),
                counter: 5,
                platform: try Platform("linux-x86_64-glibc"), kind: .tree,
                install: InstallSteps(
                    services: ["ruff.service"],
                    health: HealthCheck(argv: ["bin/ruff", "--version"], timeoutSeconds: 10),
                    program: "bin/ruff")))
    }

    @Test func aGoodPackageIsTakenAndComesBackFromJSON() throws {
        let package = try Self.package()
        try package.validate()
        #expect(try JSONDecoder().decode(Package.self, from: JSONEncoder().encode(package)) == package)
    }

    @Test func refusesWhatNoCatalogMaySay() throws {
        let changes: [(String, (inout Package) throws -> Void)] = [
            ("product", { $0.metadata.product = try ProductName("other") }),
            ("release", { $0.metadata.release = try ReleaseName("9") }),
            ("platform", { $0.metadata.platform = .any }),
            ("length", { $0.length = .max }),
            ("program up", { $0.metadata.install.program = "../sh" }),
            ("program absolute", { $0.metadata.install.program = "/bin/sh" }),
            ("program empty part", { $0.metadata.install.program = "bin//sh" }),
            ("program dot", { $0.metadata.install.program = "./sh" }),
            ("program nul", { $0.metadata.install.program = "a\u{0}b" }),
            ("health empty", { $0.metadata.install.health = HealthCheck(argv: [], timeoutSeconds: 1) }),
            ("health no program", { $0.metadata.install.health = HealthCheck(argv: [""], timeoutSeconds: 1) }),
            ("health up", { $0.metadata.install.health = HealthCheck(argv: ["a/../../b"], timeoutSeconds: 1) }),
            ("health time 0", { $0.metadata.install.health = HealthCheck(argv: ["a"], timeoutSeconds: 0) }),
            ("health time long", { $0.metadata.install.health = HealthCheck(argv: ["a"], timeoutSeconds: 3601) }),
            (
                "health many",
                { $0.metadata.install.health = HealthCheck(argv: Array(repeating: "a", count: 33), timeoutSeconds: 1) }
            ),
            ("service", { $0.metadata.install.services = ["a b; rm"] }),
            ("services", { $0.metadata.install.services = Array(repeating: "a", count: 17) }),
            ("notes", { $0.metadata.notes = String(repeating: "a", count: 4097) }),
            ("floor", { $0.metadata.floor = Floor(release: try ReleaseName("9"), counter: 6) }),
            ("detection", { $0.metadata.detection = [DetectionRule(source: .dpkg, value: "")] }),
            (
                "conflicts",
                {
                    $0.metadata.requires.conflicts = Array(
                        repeating: ProductRange(product: try ProductName("a")), count: 33)
                }
            ),
        ]
        for (name, change) in changes {
            var package = try Self.package()
            try change(&package)
            #expect(throws: ModelError.self, "\(name)") { try package.validate() }
        }
    }

    @Test func platformPartsMayBeAny() throws {
        let machine = try Platform("linux-x86_64-glibc")
        #expect(Platform.any.fits(machine))
        #expect(try Platform("linux-any-any").fits(machine))
        #expect(try !Platform("linux-aarch64-glibc").fits(machine))
        #expect(machine.fits(machine))
        #expect(!machine.fits(userlandBits: 32))
        #expect(Platform.any.fits(userlandBits: 32))
    }

    @Test func ownWordOnWhatIsInstalledComesFirst() throws {
        let ruff = try ProductName("ruff")
        let facts = ClientFacts(
            platform: try Platform("linux-x86_64-glibc"), userlandBits: 64, agentVersion: try Version("1"),
            freeSpace: .zero,
            installed: [
                InstalledPackage(product: ruff, release: try ReleaseName("1"), source: .dpkg),
                InstalledPackage(product: ruff, release: try ReleaseName("2"), source: .axle),
            ])
        #expect(facts.installed(ruff)?.release.text == "2")
        var other = facts
        other.freeSpace = ByteCount(7)
        #expect(facts.isEssentiallyEqual(to: other))
        other.isRoot = false
        #expect(!facts.isEssentiallyEqual(to: other))
    }
}
