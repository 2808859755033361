import Identity
import Model
import Network
import Protocol
import System
import TLS
import TestSupport
import Transport

/// Measures sessions between two processes of this machine, over loopback with real TLS:
///
/// - `axle-bench bulk [MIB] [STREAMS]`: bulk through framed sessions, in GB/s, to nowhere.
/// - `axle-bench idle [N]`: memory of a listener for each idle session, all state counted.
/// - `axle-bench serve-stream CERTS FILE HOST:PORT`, `fetch-stream CERTS HOST:PORT BYTES`: the two ends of one bulk stream.
/// - `axle-bench hold HOST:PORT TOKEN-FILE N`: N agents join at a real spoke and stay connected, idle.
/// - `axle-bench make-catalog FOLDER`, `refresh FOLDER STATE`: a catalog of 10,000 packages, and a client's whole refresh of it.
/// - `axle-bench apply OLD NEW FOLDER`: a patch from one file to the other, applied into a pool as a spoke does it.
/// - `axle-bench import FILE FOLDER`: a file into a new container pool, chunked, compressed, checked and durable.
/// - `axle-bench storm [N] [REVOKED]`: full handshakes with client certificates that a listener accepts in a second, with so many members revoked.
/// - `axle-bench revocations N`: what it takes to look up one of so many revoked members, and to load them.
@main
enum Bench {
    static func main() async throws {
        Signals.ignoreBrokenPipe()
        CurrentProcess.raiseFileLimit()
        let arguments = Array(CommandLine.arguments.dropFirst())
        let number = arguments.count > 1 ? Int(arguments[1]) : nil
        switch arguments.first {
        case "bulk":
            try await bulk(mebibytes: number ?? 1024, streams: arguments.count > 2 ? Int(arguments[2]) ?? 1 : 1)
        case "idle": try await idle(number ?? 2000)
        case "storm": try await storm(number ?? 2000, revoked: arguments.count > 2 ? Int(arguments[2]) ?? 0 : 0)
        case "revocations": try RevocationBench.lookUp(number ?? 200_000)
        case "serve-stream" where arguments.count == 4:
            try await StreamBench.serve(certificates: arguments[1], file: arguments[2], address: arguments[3])
        case "fetch-stream" where arguments.count == 4:
            try await StreamBench.fetch(
                certificates: arguments[1], address: arguments[2], length: UInt64(arguments[3]) ?? 0)
        case "hold" where arguments.count == 4:
            try await HoldBench.run(address: arguments[1], tokenFile: arguments[2], count: Int(arguments[3]) ?? 0)
        case "make-catalog" where arguments.count == 2: try RefreshBench.make(arguments[1])
        case "refresh" where arguments.count == 3: try RefreshBench.run(arguments[1], arguments[2])
        case "apply" where arguments.count == 4:
            try PatchBench.run(arguments[1], arguments[2], arguments[3])
        case "import" where arguments.count == 3: try ImportBench.run(arguments[1], arguments[2])
        case "hub" where arguments.count == 3:
            try await Hub(folder: arguments[1], revoked: Int(arguments[2]) ?? 0).run()
        default: print("usage: axle-bench bulk [MIB] [STREAMS] | idle [N] | storm [N] [REVOKED] | revocations [N]")
        }
    }

    private static func bulk(mebibytes: Int, streams: Int) async throws {
        let site = try await Site()
        let spoke = try site.dial()
        let link = try await spoke.link()
        let length = UInt64(mebibytes) << 20
        for round in 1...4 {
            let begin = SystemClock.uptime
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<streams {
                    group.addTask {
                        _ = try await spoke.links.fetch(
                            link, try Site.fetch(length), limit: length,
                            into: .onLoop { _, _ in })
                    }
                }
                try await group.waitForAll()
            }
            let seconds = (SystemClock.uptime - begin) / .seconds(1)
            let rate = Double(length) * Double(streams) / seconds / 1e9
            print("round \(round): \(mebibytes) MiB × \(streams) in \(seconds) s = \(rate) GB/s")
        }
        site.stop()
    }

    private static func idle(_ count: Int) async throws {
        let site = try await Site()
        var dialled: [Site.Spoke] = []
        // The first ones pay for what all share.
        for _ in 0..<10 { dialled.append(try site.dial()) }
        for spoke in dialled { _ = try await spoke.link() }
        try await Task.sleep(for: .seconds(1))
        let before = try site.memory()
        for _ in 0..<count {
            let spoke = try site.dial()
            _ = try await spoke.link()
            dialled.append(spoke)
        }
        try await Task.sleep(for: .seconds(3))
        let after = try site.memory()
        let wakeups = try site.wakeups()
        try await Task.sleep(for: .seconds(10))
        let later = try site.wakeups()
        print(
            "\(count) idle sessions: \(Double(after - before) / Double(count) / 1024) KiB each, \(Double(later - wakeups) / 10) wake-ups a second in all"
        )
        site.stop()
    }

    private static func storm(_ count: Int, revoked: Int) async throws {
        let site = try await Site(revoked: revoked)
        let begin = SystemClock.uptime
        let cpu = try site.processorSeconds()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<32 {
                group.addTask {
                    for _ in 0..<count / 32 {
                        let spoke = try site.dial()
                        _ = try await spoke.link()
                        spoke.dialer.stop()
                    }
                }
            }
            try await group.waitForAll()
        }
        let seconds = (SystemClock.uptime - begin) / .seconds(1)
        let used = try site.processorSeconds() - cpu
        print(
            "\(count) sessions opened in \(seconds) s = \(Double(count) / seconds) a second, \(used / Double(count) * 1000) ms of the listener's processor each"
        )
        site.stop()
    }
}

/// The listening process.
final class Hub: LinkHandler {
    private let folder: String
    private let links = Links()
    private let queue = NamedQueue("source")
    private let revoked: Int

    init(folder: String, revoked: Int) {
        self.folder = folder
        self.revoked = revoked
    }

    func run() async throws {
        func read(_ name: String) throws -> [UInt8] { try File.read(Directory.join(folder, name), limit: 1 << 16) }
        let identity = try TLSIdentity(chainPEM: read("hub.pem"), keyPEM: read("hub.key"))
        let anchors = try TrustStore(Certificate.parse(pem: read("root.pem")))
        let context = try SessionTLS.listener(identity: identity, anchors: anchors, takesJoins: false)
        let group = try EventLoopGroup("hub", count: 1)
        var settings = SessionSettings(
            fleet: try FleetName("test"), role: .hub, peerRoles: [.agent], program: "bench")
        settings.certificateTime = { TestFleet.now }
        let keeper = try RevocationBench.keeper(Directory.join(folder, "revocations"), count: revoked)
        settings.refusal = { keeper.revokes($0.id, serial: $1.serial) ? "revoked" : nil }
        let listener = try SessionListener(
            Endpoint(host: "127.0.0.1", port: 0), group: group,
            limit: PeerLimit(peers: 100_000, handshakes: 10_000), settings: settings, context: { context },
            links: links,
            handler: self)
        try AtomicFile.write("\(listener.endpoint.port)", to: Directory.join(folder, "port"))
        try await Task.sleep(for: .seconds(86_400))
        withExtendedLifetime(listener) {}
    }

    func linkRefused(_ address: String, _ reason: String) { print("refused \(address): \(reason)") }

    func linkEvent(_ event: LinkEvent) {
        guard case .request(let link, let request, .fetchPackage(let fetch)) = event else { return }
        links.sendContent(
            link, request, Content(length: fetch.length, offset: fetch.offset),
            from: .reader(queue) { buffer, _ in
                buffer.count
            })
    }
}

/// The dialling process's side, and the listening process that it started.
final class Site: Sendable {
    private let fleet: TestFleet
    private let folder: TemporaryFolder
    private let child: RunningChild
    private let context: TLSContext
    private let group: EventLoopGroup
    private let endpoint: Endpoint

    init(revoked: Int = 0) async throws {
        fleet = try TestFleet()
        let folder = try TemporaryFolder()
        self.folder = folder
        try folder.write("hub.pem", fleet.hub.chain.flatMap { try $0.pem() })
        try fleet.hub.key.withPEM { _ = try folder.write("hub.key", Array($0)) }
        try folder.write("root.pem", try fleet.root.certificate.pem())
        child = try ChildProcess(CurrentProcess.executablePath(), ["hub", folder.path, "\(revoked)"]).start()
        context = try SessionTLS.dialler(identity: fleet.agent, anchors: fleet.anchors)
        group = try EventLoopGroup("spoke", count: 1)
        while !File.exists(folder.path("port")) { try await Task.sleep(for: .milliseconds(5)) }
        let port = UInt16(String(decoding: try folder.read("port"), as: UTF8.self)) ?? 0
        endpoint = Endpoint(host: "127.0.0.1", port: port)
    }

    struct Spoke: Sendable {
        let links: Links
        let dialer: SessionDialer
        let opened: AsyncStream<LinkID>

        func link() async throws -> LinkID {
            for await link in opened { return link }
            throw CancellationError()
        }
    }

    func dial() throws -> Spoke {
        var settings = SessionSettings(
            fleet: try FleetName("test"), role: .agent, peerRoles: [.hub], program: "bench")
        settings.certificateTime = { TestFleet.now }
        let links = Links()
        let (opened, continuation) = AsyncStream.makeStream(of: LinkID.self)
        let context = self.context
        let dialer = SessionDialer(
            endpoint, expecting: nil, group: group, settings: settings, context: { context }, links: links,
            handler: Quiet(),
            changed: { status in
                if case .connected(let link, _) = status { continuation.yield(link) }
            })
        dialer.start()
        return Spoke(links: links, dialer: dialer, opened: opened)
    }

    private final class Quiet: LinkHandler {
        func linkEvent(_ event: LinkEvent) {}
    }

    static func fetch(_ length: UInt64) throws -> Message {
        .fetchPackage(
            FetchPackage(
                path: try TargetPath("bench/1.0/linux-x86_64-glibc/bench.tar"),
                sha256: try SHA256Digest(bytes: [UInt8](repeating: 0, count: 32)), length: length, offset: 0))
    }

    /// Bytes of anonymous memory of the listening process.
    func memory() throws -> Int { try number("status", after: "RssAnon:") * 1024 }

    /// How often the listening process's loop has gone to sleep of its own.
    func wakeups() throws -> Int {
        var total = 0
        for thread in try Directory.list("/proc/\(child.identifier)/task") {
            total += try number("task/\(thread)/status", after: "voluntary_ctxt_switches:")
        }
        return total
    }

    func processorSeconds() throws -> Double {
        let text = String(decoding: try File.read("/proc/\(child.identifier)/stat", limit: 4096), as: UTF8.self)
        let fields = text.split(separator: " ")
        return Double((Int(fields[13]) ?? 0) + (Int(fields[14]) ?? 0)) / 100
    }

    private func number(_ file: String, after key: String) throws -> Int {
        let text = String(
            decoding: try File.read("/proc/\(child.identifier)/\(file)", limit: 65_536), as: UTF8.self)
        for line in text.split(separator: "\n") where line.hasPrefix(key) {
            return Int(line.dropFirst(key.count).split(whereSeparator: { $0 == " " || $0 == "\t" }).first ?? "") ?? 0
        }
        return 0
    }

    func stop() {
        _ = child.terminate(grace: .milliseconds(100))
    }
}
