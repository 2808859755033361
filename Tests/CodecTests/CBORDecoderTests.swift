import Codec
import Testing

@Suite("CBOR decoder")
struct CBORDecoderTests {
    private let limits = CBORLimits(bytes: 256, items: 20, depth: 4)

    struct Refusal: Sendable, CustomTestStringConvertible {
        var hex: String
        var error: CBORError
        var form: CBORDecoder.Form = .deterministic
        var testDescription: String { hex }
    }

    static let refusals: [Refusal] = [
        Refusal(hex: "f818", error: .illFormed(offset: 0), form: .lenient),
        Refusal(hex: "f800", error: .illFormed(offset: 0), form: .lenient),
        Refusal(hex: "f81f", error: .illFormed(offset: 0), form: .lenient),
        Refusal(hex: "1c", error: .illFormed(offset: 0), form: .lenient),
        Refusal(hex: "5d", error: .illFormed(offset: 0), form: .lenient),
        Refusal(hex: "fe", error: .illFormed(offset: 0), form: .lenient),
        Refusal(hex: "1f", error: .illFormed(offset: 0), form: .lenient),
        Refusal(hex: "df00", error: .illFormed(offset: 0), form: .lenient),
        Refusal(hex: "ff", error: .illFormed(offset: 0), form: .lenient),
        Refusal(hex: "81ff", error: .illFormed(offset: 1), form: .lenient),
        Refusal(hex: "bf00ff", error: .illFormed(offset: 2), form: .lenient),
        Refusal(hex: "5f6161ff", error: .illFormed(offset: 1), form: .lenient),
        Refusal(hex: "5f5f4100ffff", error: .illFormed(offset: 1), form: .lenient),
        Refusal(hex: "7f61c361bcff", error: .notUTF8(offset: 1), form: .lenient),
        Refusal(hex: "62c328", error: .notUTF8(offset: 0), form: .lenient),
        Refusal(hex: "63eda080", error: .notUTF8(offset: 0), form: .lenient),
        Refusal(hex: "a2000100ff", error: .duplicateKey(offset: 3), form: .lenient),
        Refusal(hex: "a2000118000f", error: .duplicateKey(offset: 3), form: .lenient),
        Refusal(hex: "a200010002", error: .duplicateKey(offset: 3)),
        Refusal(hex: "a201000000", error: .notDeterministic(offset: 3)),
        Refusal(hex: "1800", error: .notDeterministic(offset: 0)),
        Refusal(hex: "1817", error: .notDeterministic(offset: 0)),
        Refusal(hex: "1900ff", error: .notDeterministic(offset: 0)),
        Refusal(hex: "1a0000ffff", error: .notDeterministic(offset: 0)),
        Refusal(hex: "1b00000000ffffffff", error: .notDeterministic(offset: 0)),
        Refusal(hex: "3800", error: .notDeterministic(offset: 0)),
        Refusal(hex: "580100", error: .notDeterministic(offset: 0)),
        Refusal(hex: "9800", error: .notDeterministic(offset: 0)),
        Refusal(hex: "c11800", error: .notDeterministic(offset: 1)),
        Refusal(hex: "fa3f800000", error: .notDeterministic(offset: 0)),
        Refusal(hex: "fb47efffffe0000000", error: .notDeterministic(offset: 0)),
        Refusal(hex: "f97e01", error: .notDeterministic(offset: 0)),
        Refusal(hex: "f9fe00", error: .notDeterministic(offset: 0)),
        Refusal(hex: "9fff", error: .notDeterministic(offset: 0)),
        Refusal(hex: "5bffffffffffffffff", error: .tooLarge(offset: 0), form: .lenient),
        Refusal(hex: "5a7fffffff00", error: .tooLarge(offset: 0), form: .lenient),
        Refusal(hex: "58ff00", error: .truncated(offset: 0), form: .lenient),
        Refusal(hex: "9bffffffffffffffff", error: .tooLarge(offset: 0), form: .lenient),
        Refusal(hex: "9a7fffffff", error: .tooLarge(offset: 0), form: .lenient),
        Refusal(hex: "bbffffffffffffffff", error: .tooLarge(offset: 0), form: .lenient),
        Refusal(hex: "bb7fffffffffffffff", error: .tooLarge(offset: 0), form: .lenient),
        Refusal(hex: "93" + String(repeating: "00", count: 2), error: .truncated(offset: 0)),
        Refusal(hex: "94" + String(repeating: "00", count: 20), error: .tooLarge(offset: 0)),
        Refusal(hex: "9f" + String(repeating: "00", count: 20) + "ff", error: .tooLarge(offset: 20), form: .lenient),
        Refusal(hex: "5f" + String(repeating: "40", count: 20) + "ff", error: .tooLarge(offset: 20), form: .lenient),
        Refusal(hex: "8181818100", error: .tooDeep(offset: 4)),
        Refusal(hex: "c1c1c1c100", error: .tooDeep(offset: 4)),
        Refusal(hex: "a100a100a100a10000", error: .tooDeep(offset: 7)),
        Refusal(hex: "0000", error: .trailingBytes(offset: 1)),
        Refusal(hex: "", error: .truncated(offset: 0)),
    ]

    @Test(
        "ill-formed, oversize, deep, duplicate and non-deterministic input is refused by its name", arguments: refusals)
    func refused(_ refusal: Refusal) {
        #expect(throws: refusal.error) {
            try CBORDecoder(limits: limits, form: refusal.form).decode(hex(refusal.hex))
        }
    }

    @Test("input over the byte limit is refused unread")
    func oversizeInput() {
        #expect(throws: CBORError.tooLarge(offset: 256)) {
            try CBORDecoder(limits: limits).decode([UInt8](repeating: 0, count: 257))
        }
    }

    @Test("no limit lets the recursion go deeper than 128")
    func depthIsCapped() {
        let bytes = [UInt8](repeating: 0x81, count: 100_000) + [0]
        #expect(throws: CBORError.tooDeep(offset: 128)) {
            try CBORDecoder(limits: CBORLimits(bytes: 1 << 20, items: 1 << 20, depth: .max)).decode(bytes)
        }
    }

    @Test("keys that differ in Unicode normalisation only are two keys")
    func unnormalisedKeys() throws {
        let bytes = hex("a2 62c3bc 01 6375cc88 02")
        let map = try #require(try CBORDecoder(limits: limits, form: .lenient).decode(bytes).asMap)
        #expect(map.count == 2)
        #expect(map[0].key != map[1].key)
    }

    @Test("every half precision pattern is read and written back the same")
    func halves() throws {
        for bits in UInt16.min...UInt16.max {
            let bytes: [UInt8] = [0xf9, UInt8(bits >> 8), UInt8(bits & 0xff)]
            let item = try CBORDecoder(limits: limits, form: .lenient).decode(bytes)
            guard case .float(let value) = item else { throw CBORError.unexpected(what: "float") }
            let written = CBOREncoder.encode(item)
            #expect(written == (value.isNaN ? [0xf9, 0x7e, 0] : bytes))
        }
    }

    @Test("random trees come back equal, and any byte flipped gives an error or another value, never a trap")
    func randomTrees() throws {
        var random = SplitMix64(state: 2026)
        let wide = CBORLimits(bytes: 1 << 20, items: 1 << 16, depth: 32)
        for _ in 0..<300 {
            let item = randomItem(&random, depth: 0)
            let bytes = CBOREncoder.encode(item)
            let decoded = try CBORDecoder(limits: wide).decode(bytes)
            #expect(CBOREncoder.encode(decoded) == bytes)
            var flipped = bytes
            flipped[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            if let other = try? CBORDecoder(limits: wide).decode(flipped) {  // An error is as good an answer.
                #expect(CBOREncoder.encode(other) == flipped)
            }
        }
    }

    private func randomItem(_ random: inout SplitMix64, depth: Int) -> CBOR {
        let shift = UInt64.random(in: 0..<64, using: &random)
        let number = random.next() >> shift
        switch Int.random(in: 0..<(depth > 4 ? 8 : 11), using: &random) {
        case 0: return .unsigned(number)
        case 1: return .negative(number)
        case 2: return .bytes((0..<Int(number % 40)).map { _ in UInt8.random(in: 0...255, using: &random) })
        case 3: return .text(String(repeating: "å", count: Int(number % 40)))
        case 4: return .bool(number.isMultiple(of: 2))
        case 5: return .null
        case 6: return .float(Double(bitPattern: random.next()))
        case 7: return .float(Double(Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))))
        case 8: return .array((0..<Int(number % 6)).map { _ in randomItem(&random, depth: depth + 1) })
        case 9: return .tagged(number, randomItem(&random, depth: depth + 1))
        default:
            let keys = Set((0..<Int(number % 6)).map { _ in random.next() >> 40 })
            return .map(keys.map { CBORPair(.unsigned($0), randomItem(&random, depth: depth + 1)) })
        }
    }
}

/// A small seeded generator, so that a failure repeats.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
