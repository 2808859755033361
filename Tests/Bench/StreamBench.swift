import Model
import Network
import Protocol
import System
import TLS
import Transport

/// One bulk stream between two processes, with the certificates of `Certs/make-test-fleet.sh FOLDER bench`.
///
/// The server reads the file from the page cache as nginx does; the client counts the bytes and keeps none, as `curl -o /dev/null`.
enum StreamBench {
    static func serve(certificates: String, file: String, address: String) async throws {
        let identity = try identity(certificates, "hub")
        let context = try SessionTLS.listener(
            identity: identity, anchors: try anchors(certificates), takesJoins: false)
        let settings = SessionSettings(
            fleet: try FleetName("bench"), role: .hub, peerRoles: [.spoke], program: "bench")
        let source = try Source(file)
        let listener = try SessionListener(
            try endpoint(address), group: try EventLoopGroup("hub", count: 1),
            limit: PeerLimit(peers: 16, handshakes: 16), settings: settings, context: { context },
            links: source.links, handler: source)
        try await Task.sleep(for: .seconds(86_400))
        withExtendedLifetime(listener) {}
    }

    static func fetch(certificates: String, address: String, length: UInt64) async throws {
        let context = try SessionTLS.dialler(
            identity: try identity(certificates, "spoke1"), anchors: try anchors(certificates))
        let settings = SessionSettings(
            fleet: try FleetName("bench"), role: .spoke, peerRoles: [.hub], program: "bench")
        let links = Links()
        let (opened, continuation) = AsyncStream.makeStream(of: LinkID.self)
        let dialer = SessionDialer(
            try endpoint(address), expecting: nil, group: try EventLoopGroup("spoke", count: 1), settings: settings,
            context: { context }, links: links, handler: Silent(),
            changed: { status in
                if case .connected(let link, _) = status { continuation.yield(link) }
            })
        dialer.start()
        for await link in opened {
            let fetched = try await links.fetch(
                link, try Site.fetch(length), limit: length, into: .onLoop { _, _ in })
            print("\(fetched.length) bytes")
            break
        }
        dialer.stop()
    }

    static func endpoint(_ text: String) throws -> Endpoint {
        guard let endpoint = Endpoint(text) else { throw UsageError("\(text) is no HOST:PORT") }
        return endpoint
    }

    private static func read(_ folder: String, _ name: String) throws -> [UInt8] {
        try File.read(Directory.join(folder, name), limit: 1 << 16)
    }

    private static func identity(_ folder: String, _ name: String) throws -> TLSIdentity {
        try TLSIdentity(chainPEM: read(folder, "\(name).chain.pem"), keyPEM: read(folder, "\(name).key"))
    }

    private static func anchors(_ folder: String) throws -> TrustStore {
        try TrustStore(Certificate.parse(pem: read(folder, "root.pem")))
    }

    private final class Silent: LinkHandler {
        func linkEvent(_ event: LinkEvent) {}
    }

    /// Answers every fetch with the file's bytes.
    private final class Source: LinkHandler {
        let links = Links()
        private let queue = NamedQueue("source")
        private let file: OpenFile

        private final class OpenFile: Sendable {
            let descriptor: FileDescriptor
            init(_ path: String) throws { descriptor = try FileDescriptor.open(path, [.read]) }
        }

        init(_ path: String) throws { file = try OpenFile(path) }

        func linkEvent(_ event: LinkEvent) {
            guard case .request(let link, let request, .fetchPackage(let fetch)) = event else { return }
            let file = self.file
            links.sendContent(
                link, request, Content(length: fetch.length, offset: fetch.offset),
                from: .reader(
                    queue,
                    { buffer, offset in try file.descriptor.read(into: buffer, at: Int64(clamping: offset)) },
                    atHand: { buffer, offset in
                        file.descriptor.readAtHand(into: buffer, at: Int64(clamping: offset))
                    }))
        }
    }
}
