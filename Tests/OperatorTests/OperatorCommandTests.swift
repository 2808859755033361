import API
import HTTP
import Model
import Operator
import System
import TestSupport
import Testing

@Suite("axle: what commands print, where, and how they end", .serialized)
struct OperatorCommandTests {
    // MARK: Samples

    static func id(_ digit: Character) throws -> NodeID { try NodeID(String(repeating: digit, count: 32)) }
    static func ago(_ seconds: Int64) -> UnixTime { UnixTime(seconds: testNow.seconds - seconds) }
    static func reference(_ name: String, _ digit: Character) throws -> Reference {
        Reference(id: try id(digit), name: try NodeName(name))
    }

    static func spoke(_ name: String, _ digit: Character, connected: Bool) throws -> SpokeResource {
        SpokeResource(
            id: try id(digit), name: try NodeName(name), connected: connected, since: ago(300), joined: ago(86400 * 9),
            revoked: nil, version: connected ? "0.1.0" : nil, clients: 3, clientsConnected: connected ? 2 : 0,
            pools: [try pool("main", owner: name, digit, .spoke)])
    }

    static func pool(_ name: String, owner: String, _ digit: Character, _ role: Role) throws -> PoolResource {
        PoolResource(
            id: "\(try id(digit)).\(name)", name: name, owner: try reference(owner, digit), role: role,
            quota: ByteCount(10_000_000_000), used: ByteCount(1_234_567_890), reserved: .zero,
            freeOnDisk: ByteCount(50_000_000_000), reported: ago(10))
    }

    static func candidate(_ name: String, _ reasons: [Reason], notes: [Note] = []) throws -> CandidateResource {
        CandidateResource(
            client: try reference(name, "5"), spoke: try reference("berlin", "2"), product: try ProductName("ruff"),
            release: try ReleaseName("0.5.1"), package: nil, reasons: reasons, notes: notes)
    }

    static func client(_ name: String, labels: [String: String] = [:]) throws -> ClientResource {
        ClientResource(
            id: try id("5"), name: try NodeName(name), spoke: try reference("berlin", "2"), connected: true,
            since: ago(7000), lastReport: ago(65), joined: ago(86400), revoked: nil, labels: labels,
            facts: ClientFacts(
                platform: try Platform("linux-x86_64-glibc"), userlandBits: 64, osName: "Debian 12", kernel: "6.1.0",
                agentVersion: Version(try ReleaseName("0.1.0")), freeSpace: ByteCount(9_000_000_000),
                installed: [
                    InstalledPackage(
                        product: try ProductName("ruff"), release: try ReleaseName("0.5.0"), source: .axle)
                ]))
    }

    static func rollout(_ state: RolloutState, _ actions: [String: Int]) throws -> RolloutResource {
        RolloutResource(
            id: try RolloutID(String(repeating: "a", count: 32)),
            file: RolloutFile(
                name: try NodeName("ruff-all"), product: try ProductName("ruff"), release: try ReleaseName("0.5.1"),
                select: SelectFile(all: true)),
            state: state, created: ago(100), since: ago(50), detail: "", windows: [], waves: [], actions: actions)
    }

    static func status(
        spokesConnected: Int = 2, catalog: CatalogResource? = nil, warnings: [WarningResource]? = []
    ) throws -> StatusResource {
        StatusResource(
            version: "0.1.0", fleet: try FleetName("acme"), hub: try reference("hub", "1"), time: testNow,
            started: ago(90_000), spokes: .init(total: 2, connected: spokesConnected),
            clients: .init(total: 6, connected: 5), packages: ["imported": 2], rollouts: [:], catalog: catalog,
            pool: try pool("main", owner: "hub", "1", .hub), warnings: warnings)
    }

    static let offline = WarningResource(
        code: .spokeOffline, text: "1 of 2 spokes are not connected: oslo", count: 1, examples: ["oslo"])

    static let catalog = CatalogResource(
        url: "https://vendor.example/catalog", rootVersion: 1, timestampVersion: 7,
        expires: UnixTime(seconds: testNow.seconds + 40 * 86400), refreshed: ago(120), problem: nil)

    static func replica(_ name: String, _ means: TransferMeans, of length: UInt64, sent: UInt64) throws
        -> HeldReplicaResource
    {
        HeldReplicaResource(
            package: name, length: length,
            ReplicaResource(
                spoke: try reference("berlin", "2"), state: .verified, held: length, means: means, sent: sent))
    }

    // MARK: Reads

    @Test func aLimitIsSetAndShownWithWhatHoldsNow() async throws {
        var spoke = try Self.spoke("berlin", "2", connected: true)
        let rule = "20 Mbit/s mon-fri 08:00-18:00 Europe/Berlin, else none"
        spoke.limit = LimitResource(rule: rule, bitsPerSecond: 20_000_000, until: testNow)
        spoke.agentLimit = LimitResource(rule: "none", bitsPerSecond: nil, until: nil)
        var traffic = TrafficResource(sent: ByteCount(1_200_000_000), received: ByteCount(4000))
        traffic.sendRate = ByteCount(2_500_000)
        traffic.receiveRate = .zero
        (traffic.transfers, traffic.bytesLeft, traffic.secondsLeft) = (3, ByteCount(150_000_000), 60)
        traffic.means = MeansResource.sums(of: [
            try Self.replica("a", .patch, of: 1000, sent: 10), try Self.replica("b", .patch, of: 2000, sent: 20),
            try Self.replica("c", .published, of: 500, sent: 501),
        ])
        spoke.traffic = traffic
        let hub = try FakeHub(["PATCH /v1/spokes/berlin": try FakeHub.json(spoke)])
        let run = await hub.run("spoke set berlin --limit none --agent-limit none")
        #expect(run.status == 0)
        #expect(run.output.contains("20 Mbit/s until \(testNow) (\(rule))"))
        #expect(run.output.contains("1.2GB, 2.5MB/s now"))
        #expect(run.output.contains("PACKAGES"))
        #expect(
            traffic.means?.map { [UInt64($0.packages), $0.sent.bytes, $0.saved.bytes] } == [
                [1, 501, 0], [2, 30, 2970],
            ])
        #expect(run.output.contains("150MB in 3 transfers, 60s left"))
        #expect(hub.requests.first?.body == #"{"agentLimit":"none","limit":"none"}"#)
        let nothing = await hub.run("spoke set berlin")
        #expect(nothing.status == 2 && nothing.errors.contains("--limit"))
    }

    @Test func listsAreTablesOfOneRowAResource() async throws {
        let hub = try FakeHub([
            "GET /v1/spokes": try FakeHub.list([
                Self.spoke("berlin", "2", connected: true), Self.spoke("oslo", "3", connected: false),
            ])
        ])
        let run = await hub.run("spoke list")
        #expect(run.status == 0)
        #expect(run.errors.isEmpty)
        #expect(
            run.output == """
                NAME    STATE      SINCE  LEFT    CLIENTS  VERSION
                berlin  connected  5m     <none>  2/3      0.1.0
                oslo    offline    5m     <none>  0/3      <none>

                """)
    }

    @Test func whatIsAgainstRemovingAPackageIsNeverCut() async throws {
        let path = try TargetPath("ruff/0.12.1/linux-x86_64-any/ruff.tar")
        let why = [
            "rollout ruff-0.12.1 is running and installs it on 12 machines",
            "machines pin it: berlin-workstation-01, berlin-workstation-02",
        ]
        let removal = PackageRemovalResource(
            package: path.id, state: .retired, length: 12_000_000, held: 12_000_000,
            spokes: [try Self.reference("berlin", "2")], refused: why)
        let id = path.id.split(separator: ":").joined(separator: "%3A")
        let hub = try FakeHub(["GET /v1/packages/\(id)/removal": try FakeHub.json(removal)])
        let line = "package remove \(path.id) --dry-run"
        let piped = await hub.run(line)
        #expect(piped.status == 0)
        let rows = piped.output.split(separator: "\n")
        #expect(rows.count == 2 && rows[1].hasPrefix(path.id) && rows[1].hasSuffix("  " + why.joined(separator: "; ")))

        // A narrower first column leaves room for lines below each other.
        var table = TextTable(["NAME", "STATE", "AGAINST-IT"], lastIsText: true)
        table.add(["a", "retired", why[1]])
        table.add(["b", "retired", nil])
        #expect(
            table.text(columns: 44, breaks: true) == """
                NAME  STATE    AGAINST-IT
                a     retired  machines pin it:
                               berlin-workstation-01,
                               berlin-workstation-02
                b     retired  <none>

                """)
        #expect(table.text(columns: 44).contains("a     retired  \(why[1])\n"))
        // Too narrow for lines: the terminal breaks it.
        #expect(table.text(columns: 30, breaks: true).contains("\(why[1])\n"))
        // The others give way to it.
        var wide = TextTable(["NAME", "FOLDER", "PROBLEM"], lastIsText: true)
        wide.add(["a", String(repeating: "f", count: 60), why[0]])
        #expect(wide.text(columns: 60).contains("f…  \(why[0])\n"))
    }

    @Test func everyPageIsRead() async throws {
        let hub = try FakeHub([
            "GET /v1/spokes": try FakeHub.list([Self.spoke("berlin", "2", connected: true)], next: "x y"),
            "GET /v1/spokes?after=x%20y": try FakeHub.list([Self.spoke("oslo", "3", connected: true)]),
        ])
        let run = await hub.run("spoke list --json")
        let page = try JSONCoding.decode(ListPage<SpokeResource>.self, from: Array(run.output.utf8))
        #expect(page.items.map(\.name.text) == ["berlin", "oslo"])
        #expect(page.next == nil)
        #expect(run.errors.isEmpty)
    }

    @Test func tablesHoldNoBlanksAndFitEightyColumnsButForWhatSaysWhy() async throws {
        var rows = try (0..<3).map { index in
            try Self.candidate(
                "a-client-with-quite-a-long-name-\(index)",
                [Reason(.schedulerNotRunning), Reason(.autodeployNo), Reason(.diskSpace), Reason(.platformMismatch)])
        }
        rows.append(try Self.candidate("b", []))
        let hub = try FakeHub(["GET /v1/candidates": try FakeHub.list(rows)])
        let run = await hub.run("candidates ruff 0.5.1")
        let lines = run.output.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines.allSatisfy { $0.split(separator: " ").count == 4 }, "\(run.output)")
        #expect(lines[1].hasSuffix("  no        schedulerNotRunning,autodeployNo,diskSpace,platformMismatch"))
        var wide = TextTable(["CLIENT", "SPOKE", "LABELS"])
        wide.add(["a-client", String(repeating: "s", count: 60), "a b " + String(repeating: "l", count: 60)])
        let row = wide.text(columns: 80).split(separator: "\n")[1]
        #expect(row.count == 80 && row.split(separator: " ").count == 3 && row.hasPrefix("a-client  sss"))
        #expect(lines.last?.hasSuffix("yes       <none>") == true)
        #expect(hub.requests.first?.line == "GET /v1/candidates?product=ruff&release=0.5.1")
    }

    @Test func emptyListsSayWhatToDoOnStandardError() async throws {
        let hub = try FakeHub(["GET /v1/clients": try FakeHub.list([ClientResource]())])
        let run = await hub.run("client list")
        #expect(run.status == 0)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("axle token create --role agent"))
    }

    @Test func aClientIsShownWithWhatItHas() async throws {
        let hub = try FakeHub(["GET /v1/clients/web-1": try FakeHub.json(Self.client("web-1", labels: ["site": "b"]))])
        let run = await hub.run("client show web-1")
        #expect(
            run.output == """
                Name:        web-1
                Id:          55555555555555555555555555555555
                Spoke:       berlin
                State:       connected
                Since:       2025-12-31T22:03:20Z
                Reported:    2025-12-31T23:58:55Z
                Labels:      site=b
                System:      Debian 12, 6.1.0
                Platform:    linux-x86_64-glibc, 64-bit userland
                Agent:       0.1.0
                Autodeploy:  yes
                Scheduler:   absent
                Installs:    <none>
                Free:        9GB

                Installed
                PRODUCT  RELEASE  SOURCE  LOCKED
                ruff     0.5.0    axle    no

                """)
    }

    @Test func everyReasonIsExplainedWithItsNextStep() async throws {
        let answer = try Self.candidate(
            "web-1", [Reason(.autodeployNo), Reason(.diskSpace)], notes: [Note(.schedulerNotService)])
        let hub = try FakeHub(["GET /v1/clients/web-1/explain": try FakeHub.list([answer])])
        let run = await hub.run("client explain web-1 ruff 0.5.1")
        #expect(run.output.hasPrefix("web-1 does not get ruff 0.5.1\n  autodeployNo: "))
        #expect(run.output.contains("\n    \(ReasonCode.diskSpace.next)\n"))
        #expect(run.output.contains("  note schedulerNotService: "))
    }

    @Test func statusSaysWarningsFirstAndEndsWithOneWhenAPersonIsNeeded() async throws {
        let good = try FakeHub(["GET /v1/status": try FakeHub.json(Self.status(catalog: Self.catalog))])
        let well = await good.run("status")
        #expect(well.status == 0)
        #expect(
            well.output == """
                Hub:       hub of fleet acme, version 0.1.0
                Up:        25h
                Spokes:    2 of 2 connected
                Clients:   5 of 6 connected
                Packages:  2 imported
                Rollouts:  <none>
                Catalog:   timestamp 7, refreshed 2m ago
                Pool:      1.2GB of 10GB used

                """)
        let bad = try FakeHub([
            "GET /v1/status": try FakeHub.json(Self.status(spokesConnected: 1, warnings: [Self.offline]))
        ])
        let ill = await bad.run("status")
        #expect(ill.status == 1)
        #expect(
            ill.output.hasPrefix(
                "warning: 1 of 2 spokes are not connected: oslo\n  \(WarningCode.spokeOffline.next)\nHub:"))
        #expect(ill.output.contains("Catalog:   none is set"))
        let json = await bad.run("status --json")
        #expect(json.status == 1 && json.output.contains("\"code\" : \"spokeOffline\""), "\(json.output)")
        // A notice is shown and is no reason for exit status 1.
        let notice = WarningResource(code: .authorityChanging, text: "under way", count: 1, examples: [])
        let noted = try FakeHub(["GET /v1/status": try FakeHub.json(Self.status(warnings: [notice]))])
        let run = await noted.run("status")
        #expect(run.status == 0 && run.output.hasPrefix("notice: under way\n"))
    }

    @Test func aPlanNamesWhatAnEligibleClientWaitsFor() async throws {
        let waiting = try Self.candidate("db-17", [], notes: [Note(.spokeNotConnected)])
        let file = RolloutFile(
            name: try NodeName("first"), product: try ProductName("ruff"), release: try ReleaseName("0.12.1"),
            select: SelectFile(all: true))
        let plan = RolloutPlanResource(
            file: file, windows: [], waves: [.init(index: 0, candidates: [waiting])])
        let hub = try FakeHub(["POST /v1/rollouts?dryRun=true": try FakeHub.json(plan)])
        let path = try hub.folder.write(
            "r.json5", Array("{name: 'first', product: 'ruff', release: '0.12.1', select: {all: true}}".utf8))
        for command in ["plan \(path)", "create \(path) --dry-run"] {
            let run = await hub.run("rollout \(command)")
            #expect(run.status == 0 && run.output.contains("yes       spokeNotConnected"), "\(run.output)\(run.errors)")
        }
    }

    @Test func theExampleOfARolloutFileNamesEverySetting() async throws {
        let hub = try FakeHub([:])
        let text = await hub.run("rollout create --example").output
        let file = try JSONCoding.decode(RolloutFile.self, from: Array(text.utf8), json5: true)
        try file.validate()
        for member in Mirror(reflecting: file).children {
            let name = member.label ?? ""
            #expect(text.contains("\n  \(name): ") || text.contains("\n  // \(name): "), "\(name) is missing")
        }
    }

    @Test func colourIsForTerminalsOnly() async throws {
        let hub = try FakeHub(["GET /v1/status": try FakeHub.json(Self.status(warnings: [Self.offline]))])
        #expect(await !hub.run("status").output.contains("\u{1B}"))
        #expect(await hub.run("status", terminal: true).output.contains("\u{1B}[33m"))
        #expect(await !hub.run("status --no-color", terminal: true).output.contains("\u{1B}"))
        var environment = hub.environment
        environment["NO_COLOR"] = "1"
        #expect(await !axle(["status"], environment: environment, terminal: true).output.contains("\u{1B}"))
        environment["NO_COLOR"] = nil
        environment["TERM"] = "dumb"
        #expect(await !axle(["status"], environment: environment, terminal: true).output.contains("\u{1B}"))
    }

    @Test func theLogIsOneLineAnEventAndHarmless() async throws {
        let event = Event(
            time: Self.ago(60), severity: .warning, code: .packageFailed, subject: "ruff",
            text: "a\u{1B}[2Jb\nc\u{202E}d", actor: "joiners at spoke/s1")
        let hub = try FakeHub(["GET /v1/events": try FakeHub.list([EventResource(sequence: 1, event)])])
        let run = await hub.run("log --search ruff")
        #expect(run.output.hasPrefix("2025-12-31T23:59:00Z warning packageFailed ruff joiners_at_spoke/s1 a"))
        #expect(run.output.split(separator: "\n").count == 1)
        #expect(run.output.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" })
        #expect(!run.output.contains("\u{202E}"))
        #expect(hub.requests.first?.line.contains("search=ruff") == true)
    }

    // MARK: Changes

    private static func token() throws -> TokenResource {
        TokenResource(
            id: TokenID(high: 1, low: 2), role: .spoke, spoke: nil, uses: 1, usesLeft: 1, created: testNow,
            expires: UnixTime(seconds: testNow.seconds + 7200), token: "axle1.a.b.c")
    }

    /// A full disk and a reader that went away alike: nobody has seen the token, so it is none.
    @Test(arguments: ["", " --json"], [Errno.noSpace, .brokenPipe])
    func aTokenThatCannotBePrintedIsRevoked(json: String, errno: Errno) async throws {
        let token = try Self.token()
        let hub = try FakeHub([
            "POST /v1/tokens": try FakeHub.json(token), "DELETE /v1/tokens/\(token.id)": try FakeHub.json(token),
        ])
        let run = await hub.run("token create --role spoke\(json)", outputFails: errno)
        #expect(run.status == 1)
        #expect(run.errors.contains("was revoked"), "\(run.errors)")
        #expect(hub.requests.map(\.line) == ["POST /v1/tokens", "DELETE /v1/tokens/\(token.id)"])
        let older = try FakeHub(["POST /v1/tokens": try FakeHub.json(token)])
        let left = await older.run("token create --role spoke\(json)", outputFails: errno)
        #expect(left.status == 1 && left.errors.contains("axle token revoke \(token.id)"), "\(left.errors)")
    }

    @Test func aListThatCannotBePrintedIsAFailure() async throws {
        let hub = try FakeHub(["GET /v1/tokens": try FakeHub.list([try Self.token()])])
        #expect(await hub.run("token list", outputFails: .noSpace).status == 1)
        #expect(await hub.run("token list", outputFails: .brokenPipe).status == 0)
    }

    @Test func aRefreshThatFailedIsAFailure() async throws {
        let hub = try FakeHub([
            "POST /v1/catalog/refresh": try Self.catalog(-3600, next: 0),
            "GET /v1/catalog": try Self.catalog(-3600, next: 0) + Self.catalog(-3600, next: 60, problem: "no way"),
        ])
        let run = await hub.run("catalog refresh")
        #expect(run.status == 1 && run.errors.contains("the refresh failed: no way"), "\(run.errors)")
        let json = await hub.run("catalog refresh --json")
        #expect(json.status == 1 && json.output.contains("\"problem\""))
    }

    @Test func aRefreshNeedNotBeWaitedFor() async throws {
        let hub = try FakeHub(["POST /v1/catalog/refresh": try Self.catalog(-3600, next: 0)])
        let run = await hub.run("catalog refresh --no-wait")
        #expect(run.status == 0 && run.output.contains("asked for"), "\(run.output)\(run.errors)")
        #expect(hub.requests.count == 1)
        #expect(await hub.run("catalog refresh --no-wait --timeout 3").status == 2)
    }

    private static func catalog(_ refreshed: Int64, next: Int64?, problem: String? = nil) throws -> [HTTPResponse] {
        try FakeHub.json(
            CatalogResource(
                url: "https://vendor.example/", rootVersion: nil, timestampVersion: 7, expires: nil,
                refreshed: UnixTime(seconds: testNow.seconds + refreshed), problem: problem,
                nextRefresh: next.map { UnixTime(seconds: testNow.seconds + $0) }))
    }

    @Test func aRefreshIsShownOnceItHasEnded() async throws {
        let hub = try FakeHub([
            "POST /v1/catalog/refresh": try Self.catalog(-3600, next: 0),
            "GET /v1/catalog": try Self.catalog(-3600, next: 0) + Self.catalog(-3600, next: 0)
                + Self.catalog(-60, next: 900),
        ])
        let run = await hub.run("catalog refresh")
        #expect(run.status == 0 && run.output.contains("60s ago"), "\(run.output)")
        let slow = try FakeHub([
            "POST /v1/catalog/refresh": try Self.catalog(-3600, next: 0),
            "GET /v1/catalog": try Self.catalog(-3600, next: 0),
        ])
        let late = await slow.run("catalog refresh --timeout 2")
        #expect(late.status == 1 && late.errors.contains("still under way after 2 s"), "\(late.errors)")
        #expect(slow.requests.count == 6)
        for text in ["0", "x", "86401"] { #expect(await slow.run("catalog refresh --timeout \(text)").status == 2) }
        let older = try FakeHub([
            "POST /v1/catalog/refresh": try Self.catalog(-3600, next: nil),
            "GET /v1/catalog": try Self.catalog(-3600, next: nil),
        ])
        #expect(await older.run("catalog refresh").output.contains("60m ago"))
        #expect(older.requests.count == 2)
    }

    @Test func aTokenIsPrintedAloneOnStandardOutput() async throws {
        let token = TokenResource(
            id: try TokenID(String(repeating: "7", count: 32)), role: .agent, spoke: try NodeName("berlin"), uses: 3,
            usesLeft: 3, created: testNow, expires: UnixTime(seconds: testNow.seconds + 7200), token: "axle1.a.b.c")
        let hub = try FakeHub(["POST /v1/tokens": try FakeHub.json(token)])
        let run = await hub.run("token create --role agent --spoke berlin --uses 3 --ttl 2h")
        #expect(run.output == "axle1.a.b.c\n")
        #expect(run.errors.contains("3 agents"))
        #expect(hub.requests.first?.body == #"{"role":"agent","spoke":"berlin","ttlSeconds":7200,"uses":3}"#)
    }

    @Test func aPoolIsFoundByItsNameAndOwner() async throws {
        let pools = try [
            Self.pool("main", owner: "hub", "1", .hub), Self.pool("main", owner: "berlin", "2", .spoke),
        ]
        let hub = try FakeHub([
            "GET /v1/pools": try FakeHub.list(pools),
            "PATCH /v1/pools/\(pools[1].id)": try FakeHub.json(pools[1]),
        ])
        let run = await hub.run("pool set main --quota 20GB --spoke berlin")
        #expect(run.status == 0, "\(run.errors)")
        #expect(hub.requests.last?.body == #"{"quota":20000000000}"#)
        #expect(await hub.run("pool set other --quota 1GB").status == 1)
        #expect(await hub.run("pool set main --quota many").status == 2)
    }

    @Test func theSharesOfASpokesMachineAreShown() async throws {
        var spoke = try Self.spoke("berlin", "2", connected: true)
        spoke.shares = [
            ShareResource(
                name: try NodeName("apps"), product: try ProductName("ruff"), platform: nil, folder: "/srv/apps",
                state: .published, release: "2.0", problem: nil, shows: .completed),
            ShareResource(
                name: try NodeName("tools"), product: try ProductName("uv"), platform: nil, folder: "/srv/tools",
                state: .failed, release: nil, problem: "/srv/tools is not there: make it"),
        ]
        let hub = try FakeHub(["GET /v1/spokes/berlin": try FakeHub.json(spoke)])
        let lines = await hub.run("spoke show berlin").output.split(separator: "\n").map(String.init)
        let shown = try #require(lines.first { $0.hasPrefix("apps") })
        #expect(
            shown.split(separator: " ") == ["apps", "ruff", "completed", "2.0", "published", "/srv/apps", "<none>"])
        // A hub of an earlier release does not say the rule.
        let old = try #require(lines.first { $0.hasPrefix("tools") })
        #expect(old.split(separator: " ").prefix(4) == ["tools", "uv", "<none>", "<none>"])
        #expect(lines.contains { $0.hasPrefix("tools") && $0.contains("failed") && $0.contains("make it") })
    }

    @Test func howAReplicaCameIsShownWithThePackageAndWithTheSpoke() async throws {
        let release = try ReleaseName("2.0")
        let package = Package(
            path: try TargetPath("ruff/2.0/linux-x86_64-glibc/ruff.tar.xz"), length: 139_000_000,
            sha256: try SHA256Digest(bytes: [UInt8](repeating: 1, count: 32)),
            metadata: PackageMetadata(
                product: try ProductName("ruff"), release: release, line: try LineName("main"), counter: 2,
                platform: try Platform("linux-x86_64-glibc"), kind: .tree))
        let replica = ReplicaResource(
            spoke: try Self.reference("berlin", "2"), state: .verified, held: 139_000_000, means: .patch, sent: 700_000,
            reason: "patch, 700 kB instead of 139 MB")
        let patch = PatchResource(
            from: "ruff:1.0:linux-x86_64-glibc:ruff.tar.xz", means: .patch, state: .made, length: 700_000, problem: nil,
            used: Self.ago(60))
        var spoke = try Self.spoke("berlin", "2", connected: true)
        spoke.replicas = [HeldReplicaResource(package: package.path.id, length: package.length, replica)]
        let resource = PackageResource(
            package, state: .imported, held: 139_000_000, replicas: [replica], patches: [patch], withMetadata: true)
        let hub = try FakeHub([
            "GET /v1/packages/ruff%3A2.0%3Alinux-x86_64-glibc%3Aruff.tar.xz": try FakeHub.json(resource),
            "GET /v1/spokes/berlin": try FakeHub.json(spoke),
        ])
        let shown = await hub.run("package show \(package.path.id)")
        #expect(shown.output.contains("patch, 700kB instead of 139MB"), "\(shown.errors)")
        #expect(shown.output.contains("ruff:1.0:linux-x86_64-glibc:ruff.tar.xz"))
        let line = await hub.run("spoke show berlin").output.split(separator: "\n").last ?? ""
        #expect(
            line.split(separator: " ")
                == ["ruff:2.0:linux-x86_64-glibc:ruff.tar.xz", "verified", "139MB", "patch", "700kB", "<none>"])
        #expect(await hub.run("spoke show berlin --json").output.contains("700000"))
    }

    @Test func revokingAsksForTheNameTwice() async throws {
        let hub = try FakeHub(["POST /v1/spokes/oslo/revoke": [.json(Array("{}".utf8))]])
        let first = await hub.run("spoke revoke oslo")
        #expect(first.status == 2)
        #expect(first.errors.contains("--confirm oslo"))
        #expect(hub.requests.isEmpty)
        #expect(await hub.run("spoke revoke oslo --confirm oslo").status == 0)
    }

    @Test func aRolloutIsMadeOfAFileAndWatchedToItsEnd() async throws {
        let hub = try FakeHub([
            "POST /v1/rollouts": try FakeHub.json(Self.rollout(.draft, ["pending": 2])),
            "GET /v1/rollouts": try FakeHub.list([Self.rollout(.running, ["pending": 2])]),
            "POST /v1/rollouts/\(String(repeating: "a", count: 32))/start": [.json(Array("{}".utf8))],
            "GET /v1/rollouts/\(String(repeating: "a", count: 32))":
                try FakeHub.json(Self.rollout(.running, ["installing": 1, "succeeded": 1]))
                + FakeHub.json(Self.rollout(.running, ["installing": 1, "succeeded": 1]))
                + FakeHub.json(Self.rollout(.completed, ["refused": 1, "succeeded": 1])),
        ])
        let file = try hub.folder.write(
            "r.json5", Array("{name: 'ruff-all', product: 'ruff', release: '0.5.1', select: {all: true}, /* */}".utf8))
        let created = await hub.run("rollout create \(file)")
        #expect(created.output == String(repeating: "a", count: 32) + "\n", "\(created.errors)")
        #expect(await hub.run("rollout start ruff-all").status == 0)
        let watched = await hub.run("rollout watch aaaaaa")
        // A refusal is no success, whatever the rollout's state.
        #expect(watched.status == 3)
        #expect(
            watched.output
                == """
                ruff-all running: succeeded 0, under way 2
                ruff-all running: succeeded 1, under way 1
                ruff-all completed: succeeded 1, refused 1

                """)
        let misspelt = try hub.folder.write("bad.json5", Array("{name: 'x', windwo: 1}".utf8))
        let refused = await hub.run("rollout create \(misspelt)")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("windwo"))
    }

    @Test func aBarIsDrawnWhileAPersonWaits() async throws {
        let hub = try FakeHub([
            "GET /v1/rollouts": try FakeHub.list([Self.rollout(.running, ["pending": 1, "succeeded": 1])]),
            "GET /v1/rollouts/\(String(repeating: "a", count: 32))":
                try FakeHub.json(Self.rollout(.failed, ["failed": 1, "succeeded": 1])),
        ])
        let run = await hub.run("rollout watch ruff-all", terminal: true)
        #expect(run.status == 3)
        #expect(run.errors.contains("50%"))
        #expect(run.output == "ruff-all failed: succeeded 1, failed 1\n")
    }

    @Test(arguments: [
        (RolloutState.completed, ["succeeded": 2], Int32(0), "ruff-all completed: succeeded 2\n"),
        (.completed, ["succeeded": 1, "cancelled": 1], 3, "ruff-all completed: succeeded 1, cancelled 1\n"),
        (.completed, ["succeeded": 1, "uncertain": 1], 3, "ruff-all completed: succeeded 1, uncertain 1\n"),
        (
            .failed, ["succeeded": 3, "rolledBack": 1, "refused": 2, "missed": 1], 3,
            "ruff-all failed: succeeded 3, failed 1, refused 2, not reached 1\n"
        ),
        (.stopped, [:], 3, "ruff-all stopped: succeeded 0\n"),
        (.paused, ["failed": 1, "pending": 4], 3, "ruff-all paused: succeeded 0, failed 1, under way 4\n"),
    ])
    func watchEndsWithZeroOnlyWhenEveryClientSucceeded(
        state: RolloutState, actions: [String: Int], status: Int32, output: String
    ) async throws {
        let hub = try FakeHub(["GET /v1/rollouts": try FakeHub.list([Self.rollout(state, actions)])])
        let run = await hub.run("rollout watch ruff-all")
        #expect(run.status == status && run.output == output, "\(run.output)\(run.errors)")
        #expect(run.errors.isEmpty == (status == 0))
    }

    @Test func aPausedRolloutSaysWhyAndIsResumed() async throws {
        let id = String(repeating: "a", count: 32)
        var paused = try Self.rollout(.paused, ["failed": 1, "pending": 4])
        paused.detail = "1 client of wave 0 ended badly"
        let hub = try FakeHub([
            "GET /v1/rollouts": try FakeHub.list([paused]),
            "POST /v1/rollouts/\(id)/resume": [.json(Array("{}".utf8))],
        ])
        #expect(await hub.run("rollout list").output.contains("paused"))
        #expect(await hub.run("rollout list").output.contains("1 client of wave 0 ended badly"))
        #expect(await hub.run("rollout resume ruff-all").status == 0)
    }

    // MARK: Mistakes

    @Test func failuresSayWhatToDoNext() async throws {
        let hub = try FakeHub([:])
        let missing = await hub.run("client show nobody")
        #expect(missing.status == 1)
        #expect(missing.output.isEmpty)
        #expect(missing.errors == "axle: there is nothing at /v1/clients/nobody\n\(ProblemCode.notFound.next)\n")

        var wrong = hub.environment
        wrong["AXLE_TOKEN_FILE"] = try hub.folder.write("other", Array("wrong\n".utf8))
        let refused = await axle(["status"], environment: wrong)
        #expect(refused.errors.contains("--token-file"))
        #expect(!refused.errors.contains("wrong"))

        wrong = hub.environment
        wrong["AXLE_API"] = "localhost:\(try FreePort.next())"
        let unreachable = await axle(["status"], environment: wrong)
        #expect(unreachable.status == 1)
        #expect(unreachable.errors.contains("Is axle-hub running there?"))

        wrong = hub.environment
        wrong["AXLE_CA"] = nil
        #expect(await axle(["status"], environment: wrong).errors.contains("--ca or AXLE_CA"))
        wrong["AXLE_CA"] = "/nonexistent.pem"
        #expect(await axle(["status"], environment: wrong).errors.contains("ca.pem"))
        wrong["AXLE_API"] = "http://localhost:1"
        #expect(await axle(["status"], environment: wrong).errors.contains("https only"))
    }

    @Test(arguments: [
        ["status"], ["statsu"], ["spoke"], ["spoke", "show"], ["rollout", "watch"], ["token", "create"],
        ["token", "create", "--role", "hub"], ["catalog", "set"], ["publish"], ["publish", "init", "d"],
    ])
    func mistakesOnTheCommandLineEndWithTwo(arguments: [String]) async {
        let run = await axle(arguments)
        #expect(run.status == 2)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("-h' for help"))
    }

    @Test(arguments: [
        "-h", "status -h", "token create --help", "publish add -h", "rollout watch -h", "client -h", "log -h x",
    ])
    func helpIsDataOfAtMostEightyColumns(line: String) async {
        let run = await axle(line.split(separator: " ").map(String.init))
        #expect(run.status == 0)
        #expect(run.errors.isEmpty)
        #expect(run.output.hasPrefix("Usage: axle"))
        #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(run.output)")
    }

    @Test func theVersionIsPrinted() async {
        let run = await axle(["--version"])
        #expect(run.output == "axle 0.1.0\n")
        #expect(run.status == 0)
    }
}
