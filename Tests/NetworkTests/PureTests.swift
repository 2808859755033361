import Network
import System
import Testing

@Suite("Endpoints, back-off, limits")
struct PureTests {
    @Test(
        arguments: [
            ("hub.example:7440", "hub.example", 7440), ("192.0.2.1:0", "192.0.2.1", 0),
            ("[2001:db8::1]:7440", "2001:db8::1", 7440),
            ("[::1]", "::1", 99), ("localhost", "localhost", 99), (":7441", nil, 7441), ("*:1", nil, 1),
            ("[::]:5", "::", 5),
        ] as [(String, String?, UInt16)])
    func endpointsAreRead(_ text: String, _ host: String?, _ port: UInt16) {
        #expect(Endpoint(text, defaultPort: 99) == Endpoint(host: host, port: port))
    }

    @Test(arguments: [
        "", "host:", "host:65536", "host:-1", "host:7x", "2001:db8::1", "[::1", "[::1]7440", "a b:1", "http://x:1",
        "u@h:1", "h:1\n",
        "h:+1", String(repeating: "h", count: 301),
    ])
    func whatIsNoEndpointIsRefused(_ text: String) {
        #expect(Endpoint(text, defaultPort: 99) == nil)
    }

    private struct Fixed: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state
        }
    }

    @Test func backoffGrowsWithJitterToItsLimitAndStartsAgain() {
        var backoff = Backoff(first: .seconds(1), longest: .seconds(60))
        var random = Fixed(state: 1)
        for round in 0..<200 {
            let ceiling = Duration.seconds(min(60, 1 << min(round, 10)))
            let wait = backoff.next(using: &random)
            #expect(wait >= ceiling / 2 && wait <= ceiling)
        }
        backoff.reset()
        #expect(backoff.next(using: &random) <= .seconds(1))
    }

    @Test func backoffObeysRetryAfterOnce() {
        var backoff = Backoff(first: .seconds(1), longest: .seconds(60))
        var random = Fixed(state: 2)
        backoff.retryAfter(.seconds(100))
        let wait = backoff.next(using: &random)
        #expect(wait >= .seconds(100) && wait <= .seconds(110))
        #expect(backoff.next(using: &random) <= .seconds(2))
    }

    @Test func strangersDoNotTakeThePlacesOfPeers() throws {
        let limit = PeerLimit(peers: 1, handshakes: 2)
        let address = try #require(try SocketAddress.resolve("192.0.2.1", port: 1, numericOnly: true).first)
        let one = limit.enter(address)
        let two = limit.enter(address)
        #expect(limit.enter(address) == nil)
        #expect(one?.promote() == true)
        #expect(one?.promote() == true)
        #expect(two?.promote() == false)
        #expect(limit.enter(address) != nil)
        two?.leave()
        two?.leave()
        #expect(limit.current.handshakes == 0 && limit.current.peers == 1)
        one?.leave()
        #expect(limit.current.peers == 0)
    }

    @Test func addressesAreKnownForWhatTheyAre() throws {
        func address(_ text: String) throws -> SocketAddress {
            try #require(try SocketAddress.resolve(text, port: 80, numericOnly: true).first)
        }
        #expect(try address("127.0.0.9").isLoopback)
        #expect(try address("::1").isLoopback)
        #expect(try address("::ffff:127.0.0.1").isLoopback)
        #expect(try address("169.254.169.254").isLinkLocal)
        #expect(try address("fe80::1").isLinkLocal)
        #expect(try address("0.0.0.0").isLinkLocal)
        #expect(try !address("192.0.2.1").isLoopback && !address("192.0.2.1").isLinkLocal)
        #expect(try address("2001:db8::1").description == "[2001:db8::1]:80")
    }
}
