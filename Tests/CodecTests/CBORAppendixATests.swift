import Codec
import Testing

/// The published examples of RFC 8949, Appendix A. `isDeterministic` says whether the encoder gives back the same bytes.
struct CBORVector: CustomTestStringConvertible, Sendable {
    var hex: String
    var item: CBOR
    var isDeterministic = true
    var testDescription: String { hex }

    init(_ hex: String, _ item: CBOR, isDeterministic: Bool = true) {
        self.hex = hex
        self.item = item
        self.isDeterministic = isDeterministic
    }

    private static func ints(_ values: ClosedRange<UInt64>) -> [CBOR] { values.map { .unsigned($0) } }
    private static let nested: CBOR = .array([
        .unsigned(1), .array([.unsigned(2), .unsigned(3)]), .array([.unsigned(4), .unsigned(5)]),
    ])
    private static let lettered: CBOR = .map([
        CBORPair(.text("a"), .unsigned(1)), CBORPair(.text("b"), .array([.unsigned(2), .unsigned(3)])),
    ])
    private static let mixed: CBOR = .array([.text("a"), .map([CBORPair(.text("b"), .text("c"))])])

    static let all: [CBORVector] = [
        // Integers.
        CBORVector("00", .unsigned(0)), CBORVector("01", .unsigned(1)), CBORVector("0a", .unsigned(10)),
        CBORVector("17", .unsigned(23)), CBORVector("1818", .unsigned(24)), CBORVector("1819", .unsigned(25)),
        CBORVector("1864", .unsigned(100)), CBORVector("1903e8", .unsigned(1000)),
        CBORVector("1a000f4240", .unsigned(1_000_000)),
        CBORVector("1b000000e8d4a51000", .unsigned(1_000_000_000_000)),
        CBORVector("1bffffffffffffffff", .unsigned(18_446_744_073_709_551_615)),
        CBORVector("c249010000000000000000", .tagged(2, .bytes([1, 0, 0, 0, 0, 0, 0, 0, 0]))),
        CBORVector("3bffffffffffffffff", .negative(18_446_744_073_709_551_615)),
        CBORVector("c349010000000000000000", .tagged(3, .bytes([1, 0, 0, 0, 0, 0, 0, 0, 0]))),
        CBORVector("20", .integer(-1)), CBORVector("29", .integer(-10)), CBORVector("3863", .integer(-100)),
        CBORVector("3903e7", .integer(-1000)),
        // Floats.
        CBORVector("f90000", .float(0.0)), CBORVector("f98000", .float(-0.0)), CBORVector("f93c00", .float(1.0)),
        CBORVector("fb3ff199999999999a", .float(1.1)), CBORVector("f93e00", .float(1.5)),
        CBORVector("f97bff", .float(65504.0)), CBORVector("fa47c35000", .float(100000.0)),
        CBORVector("fa7f7fffff", .float(3.4028234663852886e+38)), CBORVector("fb7e37e43c8800759c", .float(1.0e+300)),
        CBORVector("f90001", .float(5.960464477539063e-8)), CBORVector("f90400", .float(0.00006103515625)),
        CBORVector("f9c400", .float(-4.0)), CBORVector("fbc010666666666666", .float(-4.1)),
        CBORVector("f97c00", .float(.infinity)), CBORVector("f97e00", .float(.nan)),
        CBORVector("f9fc00", .float(-.infinity)),
        CBORVector("fa7f800000", .float(.infinity), isDeterministic: false),
        CBORVector("fa7fc00000", .float(.nan), isDeterministic: false),
        CBORVector("faff800000", .float(-.infinity), isDeterministic: false),
        CBORVector("fb7ff0000000000000", .float(.infinity), isDeterministic: false),
        CBORVector("fb7ff8000000000000", .float(.nan), isDeterministic: false),
        CBORVector("fbfff0000000000000", .float(-.infinity), isDeterministic: false),
        // Simple values and tags.
        CBORVector("f4", .bool(false)), CBORVector("f5", .bool(true)), CBORVector("f6", .null),
        CBORVector("f7", .undefined), CBORVector("f0", .simple(16)), CBORVector("f8ff", .simple(255)),
        CBORVector("c074323031332d30332d32315432303a30343a30305a", .tagged(0, .text("2013-03-21T20:04:00Z"))),
        CBORVector("c11a514b67b0", .tagged(1, .unsigned(1_363_896_240))),
        CBORVector("c1fb41d452d9ec200000", .tagged(1, .float(1363896240.5))),
        CBORVector("d74401020304", .tagged(23, .bytes([1, 2, 3, 4]))),
        CBORVector("d818456449455446", .tagged(24, .bytes([0x64, 0x49, 0x45, 0x54, 0x46]))),
        CBORVector("d82076687474703a2f2f7777772e6578616d706c652e636f6d", .tagged(32, .text("http://www.example.com"))),
        // Strings.
        CBORVector("40", .bytes([])), CBORVector("4401020304", .bytes([1, 2, 3, 4])), CBORVector("60", .text("")),
        CBORVector("6161", .text("a")), CBORVector("6449455446", .text("IETF")), CBORVector("62225c", .text("\"\\")),
        CBORVector("62c3bc", .text("\u{fc}")), CBORVector("63e6b0b4", .text("\u{6c34}")),
        CBORVector("64f0908591", .text("\u{10151}")),
        // Arrays and maps.
        CBORVector("80", .array([])), CBORVector("83010203", .array(ints(1...3))),
        CBORVector("8301820203820405", nested),
        CBORVector("98190102030405060708090a0b0c0d0e0f101112131415161718181819", .array(ints(1...25))),
        CBORVector("a0", .map([])),
        CBORVector(
            "a201020304", .map([CBORPair(.unsigned(1), .unsigned(2)), CBORPair(.unsigned(3), .unsigned(4))])),
        CBORVector("a26161016162820203", lettered), CBORVector("826161a161626163", mixed),
        CBORVector(
            "a56161614161626142616361436164614461656145",
            .map(zip("abcde", "ABCDE").map { CBORPair(.text(String($0)), .text(String($1))) })),
        // Indefinite lengths.
        CBORVector("5f42010243030405ff", .bytes([1, 2, 3, 4, 5]), isDeterministic: false),
        CBORVector("7f657374726561646d696e67ff", .text("streaming"), isDeterministic: false),
        CBORVector("9fff", .array([]), isDeterministic: false),
        CBORVector("9f018202039f0405ffff", nested, isDeterministic: false),
        CBORVector("9f01820203820405ff", nested, isDeterministic: false),
        CBORVector("83018202039f0405ff", nested, isDeterministic: false),
        CBORVector("83019f0203ff820405", nested, isDeterministic: false),
        CBORVector(
            "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", .array(ints(1...25)), isDeterministic: false),
        CBORVector("bf61610161629f0203ffff", lettered, isDeterministic: false),
        CBORVector("826161bf61626163ff", mixed, isDeterministic: false),
        CBORVector(
            "bf6346756ef563416d7421ff",
            .map([CBORPair(.text("Fun"), .bool(true)), CBORPair(.text("Amt"), .integer(-2))]), isDeterministic: false),
    ]
}

@Suite("CBOR: RFC 8949 Appendix A")
struct CBORAppendixATests {
    private let limits = CBORLimits(bytes: 1024, items: 100, depth: 8)

    @Test("every example decodes to its value", arguments: CBORVector.all)
    func decodes(_ vector: CBORVector) throws {
        #expect(try CBORDecoder(limits: limits, form: .lenient).decode(hex(vector.hex)) == vector.item)
    }

    @Test(
        "every example in its one form is what the encoder writes, and any other is refused", arguments: CBORVector.all)
    func encodes(_ vector: CBORVector) throws {
        let bytes = hex(vector.hex)
        if vector.isDeterministic {
            #expect(CBOREncoder.encode(vector.item) == bytes)
            #expect(try CBORDecoder(limits: limits).decode(bytes) == vector.item)
        } else {
            #expect(CBOREncoder.encode(vector.item) != bytes)
            #expect(throws: CBORError.self) { try CBORDecoder(limits: limits).decode(bytes) }
        }
    }

    @Test("every example cut at any byte is refused as truncated", arguments: CBORVector.all)
    func truncated(_ vector: CBORVector) throws {
        let bytes = hex(vector.hex)
        for length in 0..<bytes.count {
            let error = #expect(throws: CBORError.self) {
                try CBORDecoder(limits: limits, form: .lenient).decode(Array(bytes.prefix(length)))
            }
            guard case .truncated = error else {
                Issue.record("cut at \(length): \(String(describing: error))")
                continue
            }
        }
    }

    @Test("every example with a byte after it is refused", arguments: CBORVector.all)
    func trailing(_ vector: CBORVector) throws {
        let bytes = hex(vector.hex)
        #expect(throws: CBORError.trailingBytes(offset: bytes.count)) {
            try CBORDecoder(limits: limits, form: .lenient).decode(bytes + [0])
        }
    }
}

/// The bytes of a hexadecimal text; traps on anything else, since it is the test's own.
func hex(_ text: String) -> [UInt8] {
    let digits = text.utf8.filter { $0 != 0x20 && $0 != 0x0a }.map {
        UInt8(Character(UnicodeScalar($0)).hexDigitValue ?? 0)
    }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
