import Codec
import Model
import Protocol
import Testing

@Suite("Messages")
struct MessageTests {
    @Test("every message comes back equal, and its type is unique")
    func roundTrip() throws {
        for message in MessageSamples.all { #expect(try Message(decoding: message.encoded()) == message) }
        #expect(Set(MessageSamples.all.map(\.number)).count == MessageSamples.all.count)
    }

    @Test("every message cut at any byte is refused", arguments: MessageSamples.all)
    func truncated(_ message: Message) {
        let bytes = message.encoded()
        for length in 0..<bytes.count {
            #expect(throws: MessageError.self) { try Message(decoding: Array(bytes.prefix(length))) }
        }
        #expect(throws: MessageError.self) { try Message(decoding: bytes + [0]) }
    }

    @Test("a required field that is missing or of another kind is refused", arguments: MessageSamples.all)
    func fields(_ message: Message) throws {
        let optional: [String: Set<UInt64>] = ["error": [3], "replica": [5], "evict": [3]]
        let pairs = try #require(message.cbor.asMap)
        for index in pairs.indices {
            let key = try #require(pairs[index].key.asUnsigned)
            var without = pairs
            without.remove(at: index)
            let shorter = CBOREncoder.encode(.map(without))
            if key != 0, optional[message.name]?.contains(key) == true {
                #expect(throws: Never.self) { try Message(decoding: shorter) }
            } else {
                #expect(throws: MessageError.self) { try Message(decoding: shorter) }
            }
            let isList = pairs[index].value.asArray != nil
            for wrong in [CBOR.null, isList ? .text("a") : .array([]), .float(1.5), .tagged(1, pairs[index].value)] {
                var other = pairs
                other[index].value = wrong
                #expect(throws: MessageError.self) { try Message(decoding: CBOREncoder.encode(.map(other))) }
            }
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var name: String
        var number: UInt64
        var key: UInt64
        var value: CBOR
        var testDescription: String { name }
    }

    private static let hash = CBOR.bytes([UInt8](repeating: 7, count: 32))
    static let refusals: [Refusal] = [
        Refusal(name: "text over its limit", number: 1, key: 2, value: .text(String(repeating: "x", count: 1025))),
        Refusal(name: "name with a slash", number: 10, key: 1, value: .text("a/b")),
        Refusal(name: "name that climbs", number: 10, key: 1, value: .text("..")),
        Refusal(name: "hidden name", number: 10, key: 1, value: .text(".a")),
        Refusal(name: "empty name", number: 10, key: 1, value: .text("")),
        Refusal(name: "name with a NUL", number: 10, key: 1, value: .text("a\0b")),
        Refusal(name: "name over its limit", number: 10, key: 1, value: .text(String(repeating: "a", count: 256))),
        Refusal(name: "size over 2^63-1", number: 11, key: 1, value: .unsigned(1 << 63)),
        Refusal(name: "offset behind the end", number: 11, key: 2, value: .unsigned(12_345_679)),
        Refusal(name: "offset behind the package", number: 12, key: 4, value: .unsigned(12_345_679)),
        Refusal(name: "path that climbs", number: 12, key: 1, value: .text("a/b/../c")),
        Refusal(name: "path of three parts", number: 12, key: 1, value: .text("a/b/c")),
        Refusal(name: "short hash", number: 12, key: 2, value: .bytes([UInt8](repeating: 0, count: 31))),
        Refusal(name: "long hash", number: 22, key: 2, value: .bytes([UInt8](repeating: 0, count: 33))),
        Refusal(name: "short id", number: 20, key: 1, value: .bytes([UInt8](repeating: 0, count: 15))),
        Refusal(name: "signed over its limit", number: 20, key: 5, value: .bytes([UInt8](repeating: 0, count: 49153))),
        Refusal(name: "priority over a byte", number: 22, key: 4, value: .unsigned(256)),
        Refusal(name: "time over 64 bits", number: 25, key: 3, value: .unsigned(.max)),
        Refusal(name: "bool as a number", number: 25, key: 2, value: .unsigned(1)),
        Refusal(name: "event code with a blank", number: 28, key: 4, value: .text("a b")),
        Refusal(name: "short nonce", number: 31, key: 1, value: .bytes([1])),
        Refusal(name: "short proof", number: 33, key: 2, value: .bytes([1])),
        Refusal(name: "too many bases", number: 37, key: 4, value: .array(Array(repeating: hash, count: 17))),
        Refusal(name: "short base", number: 37, key: 4, value: .array([.bytes([1])])),
        Refusal(name: "means as text", number: 37, key: 5, value: .array([.text("patch")])),
        Refusal(name: "too many means", number: 37, key: 5, value: .array(Array(repeating: .unsigned(1), count: 17))),
        Refusal(name: "too many products", number: 49, key: 1, value: .array(Array(repeating: .text("a"), count: 33))),
        Refusal(name: "a product twice", number: 49, key: 1, value: .array([.text("a"), .text("a")])),
        Refusal(name: "a release of no product", number: 49, key: 2, value: .array([.unsigned(0), .unsigned(2)])),
        Refusal(name: "a place over 64 bits", number: 49, key: 2, value: .array([.unsigned(0), .unsigned(.max)])),
        Refusal(name: "a line twice", number: 49, key: 3, value: .array([.text("1"), .text("1")])),
        Refusal(name: "more lines than releases", number: 49, key: 4, value: .array([.text("1.0")])),
        Refusal(name: "a release that is no name", number: 49, key: 4, value: .array([.text("1.0"), .text("../1")])),
        Refusal(name: "too many releases", number: 49, key: 4, value: .array(Array(repeating: .text("1"), count: 257))),
        Refusal(name: "base without a patch", number: 38, key: 1, value: .unsigned(1)),
    ]

    private func sample(_ number: UInt64, _ key: UInt64, _ value: CBOR) throws -> [UInt8] {
        let message = try #require(MessageSamples.all.first { $0.number == number })
        var pairs = try #require(message.cbor.asMap)
        let index = try #require(pairs.firstIndex { $0.key == .unsigned(key) })
        pairs[index].value = value
        return CBOREncoder.encode(.map(pairs))
    }

    @Test("a field over its limit or outside its form ends the session", arguments: refusals)
    func refused(_ refusal: Refusal) throws {
        let bytes = try sample(refusal.number, refusal.key, refusal.value)
        let error = #expect(throws: MessageError.self) { try Message(decoding: bytes) }
        guard case .malformed = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a type or closed value from a newer release is unsupported, not malformed")
    func unsupported() throws {
        for (number, key, value) in [(23, 3, 6), (23, 3, 300), (28, 3, 9), (24, 0, 99)] as [(UInt64, UInt64, UInt64)] {
            let bytes = try sample(number, key, .unsigned(value))
            let error = #expect(throws: MessageError.self) { try Message(decoding: bytes) }
            guard case .unsupported = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test("an order of an unknown kind passes, since a spoke only carries it")
    func unknownOrderKind() throws {
        #expect(throws: Never.self) { try Message(decoding: sample(20, 3, .unsigned(900))) }
    }

    @Test("an unknown error code is kept by its number")
    func unknownErrorCode() throws {
        let message = try Message(decoding: sample(1, 1, .unsigned(900)))
        #expect(message == .error(ErrorReply(code: .other(900), text: "too many transfers", retryAfterSeconds: 30)))
        #expect(try Message(decoding: message.encoded()) == message)
    }

    @Test("means that a newer asker accepts and this release does not know are left out")
    func unknownMeans() throws {
        let message = try Message(decoding: sample(37, 5, .array([.unsigned(99), .unsigned(3), .unsigned(300)])))
        guard case .fetchPlan(let fetch) = message else { throw GoldenError(text: "not a fetchPlan") }
        #expect(fetch.accepts == [.patch])
    }

    @Test("codes keep their numbers")
    func codes() {
        for number in 0..<40 as Range<UInt64> {
            #expect(SessionCode(number: number).number == number)
            #expect(RequestErrorCode(number: number).number == number)
        }
        #expect(SessionCode.leaving.number == 0 && SessionCode.replaced.number == 13)
        #expect(RequestErrorCode.unsupported.number == 1 && RequestErrorCode.internalFault.number == 8)
    }

    @Test("what a spoke says of its shares is one line without control characters, however it was sent")
    func sharesFromOutside() throws {
        let pool = try NodeName("pool")
        let product = try ProductName("uv")
        let fields: [CBOR] = [
            .unsigned(Shares.number), .array([.text(pool.text)]), .array([.text(product.text)]), .array([.text("")]),
            .array([.text("/srv/\u{1B}[2J")]), .array([.unsigned(4)]), .array([.text("1\n.0")]),
            .array([.text("//uv\u{5}uv" + String(repeating: "é", count: 200))]),
        ]
        let bytes = CBOREncoder.encode(
            .map(fields.enumerated().map { CBORPair(.unsigned(UInt64($0)), $1) }))
        let message = try Message(decoding: bytes)
        guard case .shares(let shares) = message else {
            Issue.record("\(message)")
            return
        }
        let item = try #require(shares.items.first)
        #expect(item.folder == "/srv/ [2J" && item.release == "1 .0" && item.text.hasPrefix("//uv uvé"))
        #expect(item.text.utf8.count <= 300)
        #expect(try Message(decoding: message.encoded()) == message)
    }

    @Test("rules of shares are as many as shares, and each is one")
    func rulesOfShares() throws {
        let message = try #require(MessageSamples.widened.first { $0.added == "rules" }?.message)
        let pairs = try #require(message.cbor.asMap)
        let index = try #require(pairs.firstIndex { $0.key == .unsigned(8) })
        for wrong in [[], ["newest"], ["newest", ""], ["newest", "a b"], ["newest", "newest", "newest"]] {
            var other = pairs
            other[index].value = .array(wrong.map { .text($0) })
            #expect(throws: MessageError.self, "\(wrong)") {
                try Message(decoding: CBOREncoder.encode(.map(other)))
            }
        }
    }

    @Test("the largest list of completed releases is read again, and what is over the limits is left out")
    func mostCompletedReleases() throws {
        func text(_ number: Int) -> String { String(repeating: "x", count: 60) + "\(1000 + number)" }
        var products: [ProductName: [LineName: ReleaseName]] = [:]
        for product in 0..<40 {
            for line in 0..<10 {
                products[try ProductName(text(product)), default: [:]][try LineName(text(line))] =
                    try ReleaseName(text(line))
            }
        }
        let most = CompletedReleases(products)
        #expect(most.products.count == 32 && most.products.values.allSatisfy { $0.count == 8 })
        let bytes = Message.completedReleases(most).encoded()
        #expect(bytes.count <= ProtocolLimits.messageLength)
        #expect(try Message(decoding: bytes) == .completedReleases(most))
    }

    @Test("a text for people is cut between characters when it is too long to be read")
    func clipped() throws {
        for length in 500...520 {
            let reply = Message.error(ErrorReply(code: .busy, text: String(repeating: "é€", count: length)))
            let read = try Message(decoding: reply.encoded())
            guard case .error(let error) = read else { continue }
            #expect((1020...1024).contains(error.text.utf8.count))
        }
    }

    @Test("the largest message of every kind fits its frame")
    func largest() {
        let signed = [UInt8](repeating: 1, count: ProtocolLimits.signedLength)
        let long = String(repeating: "x", count: 5000)
        let largest: [Message] = [
            .order(
                OrderMessage(
                    agent: MessageSamples.node, action: MessageSamples.action, kind: .max, expires: MessageSamples.time,
                    signed: signed)),
            .joinRequest(
                JoinRequest(
                    token: MessageSamples.token, nonce: MessageSamples.bytes32, body: signed,
                    proof: MessageSamples.bytes32)),
            .event(
                EventMessage(
                    sequence: .max, time: MessageSamples.time, severity: .error, code: .diskFull, subject: long,
                    text: long)),
        ]
        for message in largest { #expect(message.encoded().count <= ProtocolLimits.messageLength) }
    }

    @Test("a hello names its process in at most 16 bytes and never the address of its peer")
    func helloInstance() throws {
        var hello = SessionPair.hello(.agent)
        hello.instance = [UInt8](repeating: 7, count: Hello.instanceLength)
        hello.address = "10.0.0.5:1"
        let back = try Hello(CBOREncoder.encode(hello.cbor).span)
        #expect(back.instance == hello.instance && back.address == nil)
        hello.instance?.append(7)
        let long = CBOREncoder.encode(hello.cbor)
        #expect(throws: MessageError.self) { try Hello(long.span) }
    }

    @Test("hello and go-away refuse what is malformed")
    func sessionPayloads() throws {
        let hello = SessionPair.hello(.spoke)
        let encoded = CBOREncoder.encode(hello.cbor)
        #expect(try Hello(encoded.span) == hello)
        for length in 0..<encoded.count {
            let cut = Array(encoded.prefix(length))
            #expect(throws: MessageError.self) { try Hello(cut.span) }
        }
        let ranges: [CBOR] = [
            .array([]), .array([.unsigned(1)]), .array([.unsigned(2), .unsigned(1)]),
            .array([.unsigned(1), .unsigned(65536)]), .array([.unsigned(1), .unsigned(1), .unsigned(1)]), .unsigned(1),
        ]
        for range in ranges {
            var pairs = try #require(hello.cbor.asMap)
            pairs[0].value = range
            let bytes = CBOREncoder.encode(.map(pairs))
            #expect(throws: MessageError.self) { try Hello(bytes.span) }
        }
        let goAway = GoAway(.busy, "later", retryAfterSeconds: 9)
        let bytes = CBOREncoder.encode(goAway.cbor)
        #expect(try GoAway(bytes.span) == goAway)
        for length in 0..<bytes.count {
            let cut = Array(bytes.prefix(length))
            #expect(throws: MessageError.self) { try GoAway(cut.span) }
        }
        let (longHello, longGoAway) = (encoded + [0], bytes + [0])
        #expect(throws: MessageError.self) { try Hello(longHello.span) }
        #expect(throws: MessageError.self) { try GoAway(longGoAway.span) }
    }
}
