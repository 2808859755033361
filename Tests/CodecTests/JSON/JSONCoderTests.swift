import Codec
import Foundation
import TestSupport
import Testing

/// Foundation's coder is the oracle: the same bytes are written, and each reads what the other has written.
@Suite("Codable over strict JSON")
struct JSONCoderTests {
    private func foundation(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        return [UInt8](try encoder.encode(value))
    }

    private func agree<Value: Codable & Equatable>(_ value: Value) throws {
        let line = try JSONCoder.encode(value)
        #expect(try line == foundation(value, [.sortedKeys, .withoutEscapingSlashes]))
        let indented = try JSONCoder.encode(value, indented: true)
        #expect(try indented == foundation(value, [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]))
        // In any order, with slashes escaped: what releases before wrote.
        for bytes in try [line, indented, foundation(value, []), foundation(value, [.prettyPrinted])] {
            #expect(try JSONCoder.decode(Value.self, from: bytes) == value)
            #expect(try JSONCoder.decode(Value.self, from: bytes, syntax: .json5) == value)
        }
        #expect(try JSONDecoder().decode(Value.self, from: Data(line)) == value)
        #expect(try JSONDecoder().decode(Value.self, from: Data(indented)) == value)
    }

    struct Widths: Codable, Equatable {
        var a = Int8.min, b = Int16.min, c = Int32.min, d = Int64.min, e = Int.min
        var f = UInt8.max, g = UInt16.max, h = UInt32.max, i = UInt64.max, j = UInt.max
        var k = Int64.max, l = Int64(1) << 53 + 1, zero = 0, minus = -1
    }

    @Test("integers of every width, to their ends")
    func integers() throws {
        try agree(Widths())
        try agree([UInt64(Int64.max), UInt64(Int64.max) + 1, .max, 0])
        try agree([UInt8](0...255))
        try agree(7)
        try agree(-7 as Int8)
    }

    @Test("text: escapes, controls, every plane, both forms of é")
    func text() throws {
        let all = (0..<0x180).compactMap { Unicode.Scalar(UInt32($0)) }.map(String.init).joined()
        for text in [
            "", all, "a/b\\c\"d", "\u{7F}\u{2028}\u{2029}\u{FEFF}\u{FFFF}", "😀\u{10FFFF}", "\u{E9} e\u{301}", "\r\n",
        ] {
            try agree(text)
            try agree([text: text])
        }
        #expect(try JSONCoder.decode(String.self, from: Array(#""\/\u00e9\ud83d\ude00""#.utf8)) == "/é😀")
    }

    enum Shape: Codable, Equatable {
        case point
        case circle(radius: Int)
        case line(Int, to: [String: Int])
        indirect case both(Shape, Shape)
    }

    enum Named: String, Codable, CodingKeyRepresentable { case first, second }

    struct Whole: Codable, Equatable {
        var some: Int? = 1
        var none: Int?
        var explicit: [Int?] = [nil, 1, nil]
        var nested: [[String]] = [[], ["x"], []]
        var empty: [String: Int] = [:]
        var numbered: [Int: String] = [10: "a", 9: "b", -1: "c"]
        var named: [Named: Bool] = [.first: true, .second: false]
        var set: Set<UInt8> = [7]
        var shapes: [Shape] = [
            .point, .circle(radius: 3), .line(1, to: ["y": 2, "x": 1]), .both(.point, .circle(radius: 0)),
        ]
        var range = 3..<9
    }

    @Test("optionals, dictionaries of every kind of key, sets, ranges and enums with associated values")
    func standardLibrary() throws {
        try agree(Whole())
        try agree([Whole(some: nil, none: 2)])
        try agree([Shape.point: 1, .circle(radius: 2): 3].map { $0.key })
        try agree(Int?.none)
        try agree([String: Int?](dictionaryLiteral: ("a", nil), ("b", 1)))
        try agree(["é": 1, "e\u{301}a": 2, "Z": 3, "a10": 4, "a9": 5, "": 6, "😀": 7, "\u{FFFD}": 8])
        // Other keys become an array of keys and values by turns.
        struct Key: Codable, Hashable { var x: Int }
        try agree([Key(x: 1): "one"])
        try agree([true: 1])
    }

    class Base: Codable {
        var a = 1
        init() {}
    }

    final class Derived: Base, Equatable {
        var b = "x"
        private enum CodingKeys: CodingKey { case b }
        override init() { super.init() }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            b = try container.decode(String.self, forKey: .b)
            try super.init(from: container.superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(b, forKey: .b)
            try super.encode(to: container.superEncoder())
        }
        static func == (left: Derived, right: Derived) -> Bool { left.a == right.a && left.b == right.b }
    }

    /// Uses every kind of container by hand, out of order.
    struct ByHand: Codable, Equatable {
        private enum Keys: String, CodingKey { case list, object, twice, null, parent, first, second, text }

        init() {}

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            #expect(container.allKeys.count == 5)
            var list = try container.nestedUnkeyedContainer(forKey: .list)
            #expect(list.count == 6)
            #expect(try list.decodeNil() == false)
            #expect(throws: DecodingError.self) { try list.decode(String.self) }
            #expect(try list.decode(Int.self) == 1 && list.currentIndex == 1)
            #expect(try list.decodeNil() && list.currentIndex == 2)
            #expect(try list.decode(Bool.self) && list.decode(String.self) == "s")
            #expect(try list.nestedContainer(keyedBy: Keys.self).decode(Int.self, forKey: .first) == 2)
            var inner = try list.superDecoder().unkeyedContainer()
            #expect(try inner.nestedUnkeyedContainer().isAtEnd && inner.isAtEnd && list.isAtEnd)
            #expect(throws: DecodingError.self) { try list.decodeNil() }
            let object = try container.nestedContainer(keyedBy: Keys.self, forKey: .object)
            #expect(try object.decode(UInt8.self, forKey: .first) == 1 && object.decode(Int.self, forKey: .second) == 2)
            #expect(object.codingPath.map(\.stringValue).last == "object")
            #expect(try container.decode(String.self, forKey: .twice) == "new")
            #expect(try container.decodeNil(forKey: .null) && container.contains(.null) && !container.contains(.text))
            #expect(try container.decodeIfPresent(String.self, forKey: .null) == nil)
            #expect(try container.decodeIfPresent(String.self, forKey: .text) == nil)
            #expect(try container.superDecoder().singleValueContainer().decode(Int.self) == 3)
            #expect(try container.superDecoder(forKey: .text).singleValueContainer().decodeNil())
            #expect(try container.superDecoder(forKey: .parent).singleValueContainer().decode([Int].self) == [])
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            var object = container.nestedContainer(keyedBy: Keys.self, forKey: .object)
            var list = container.nestedUnkeyedContainer(forKey: .list)
            let parent = container.superEncoder()
            let named = container.superEncoder(forKey: .parent)
            try object.encode(1 as UInt8, forKey: .first)
            try list.encode(1)
            try list.encodeNil()
            try list.encode(true)
            try list.encode("s")
            var inside = list.nestedContainer(keyedBy: Keys.self)
            var last = list.superEncoder().unkeyedContainer()
            try inside.encode(2, forKey: .first)
            _ = last.nestedUnkeyedContainer()
            var again = container.nestedContainer(keyedBy: Keys.self, forKey: .object)
            try again.encode(2, forKey: .second)
            try container.encode(1, forKey: .twice)
            try container.encode("new", forKey: .twice)
            try container.encodeNil(forKey: .null)
            var single = parent.singleValueContainer()
            try single.encode(3)
            _ = named.unkeyedContainer()
            #expect(last.count == 1)
        }
    }

    @Test("super encoders, nested containers, and containers that are written out of order")
    func containers() throws {
        try agree(Derived())
        try agree(ByHand())
    }

    struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state ^ state >> 33) &* 0xFF51_AFD7_ED55_8CCD
        }
    }

    @Test("random values of every kind", arguments: [1, 2, 3, 4])
    func random(seed: UInt64) throws {
        var numbers = Numbers(state: seed)
        for _ in 0..<80 {
            let tree = JSONTree.random(4, &numbers)
            let line = try JSONCoder.encode(tree)
            #expect(try line == foundation(tree, [.sortedKeys, .withoutEscapingSlashes]))
            let indented = try JSONCoder.encode(tree, indented: true)
            #expect(try indented == foundation(tree, [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]))
            #expect(try JSONCoder.decode(JSONTree.self, from: line) == tree)
            #expect(try JSONCoder.decode(JSONTree.self, from: foundation(tree, [.prettyPrinted])) == tree)
            #expect(try JSONCoder.decode(JSONTree.self, from: indented, syntax: .json5) == tree)
        }
    }
}

extension JSONCoderTests.Shape: Hashable {}

extension JSONTree {
    static func random(_ depth: Int, _ random: inout some RandomNumberGenerator) -> JSONTree {
        switch UInt8.random(in: 0..<(depth > 0 ? 8 : 5), using: &random) {
        case 0: .null
        case 1: .bool(Bool.random(using: &random))
        case 2: .signed(Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0..<64, using: &random))
        case 3: .unsigned(UInt64.random(in: UInt64(Int64.max) + 1 ... .max, using: &random))
        case 4: .text(text(&random))
        case 5, 6: .list((0..<Int.random(in: 0..<5, using: &random)).map { _ in .random(depth - 1, &random) })
        default:
            .object(
                Dictionary(
                    (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                        (text(&random), .random(depth - 1, &random))
                    }, uniquingKeysWith: { $1 }))
        }
    }

    private static func text(_ random: inout some RandomNumberGenerator) -> String {
        String(
            String.UnicodeScalarView(
                (0..<Int.random(in: 0..<6, using: &random)).compactMap { _ in
                    Unicode.Scalar(
                        UInt32.random(
                            in: 0..<[0x80, 0x800, 0x11_0000][Int.random(in: 0..<3, using: &random)], using: &random)
                    )
                }))
    }
}
