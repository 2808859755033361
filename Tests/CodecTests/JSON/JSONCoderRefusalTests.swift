import Codec
import Foundation
import Testing

@Suite("What the coder refuses")
struct JSONCoderRefusalTests {
    private func refusal<Value: Decodable>(
        _ type: Value.Type, _ text: String, limits: JSONLimits = .file
    ) -> DecodingError? {
        do {
            _ = try JSONCoder.decode(type, from: Array(text.utf8), limits: limits)
            return nil
        } catch {
            return error as? DecodingError
        }
    }

    struct Inner: Codable {
        var list: [UInt8]
        var name: String
        var flag: Bool?
    }

    struct Outer: Codable {
        var inner: [String: Inner]
    }

    static let wrong: [(String, String)] = [
        (#"{}"#, "inner is missing"),
        (#"{"inner":{"x":{"list":[]}}}"#, "inner.x.name is missing"),
        (#"{"inner":null}"#, "inner: an object is expected, and there is null"),
        (#"{"inner":[]}"#, "inner: an object is expected, and there is an array"),
        (#"{"inner":{"x":{"list":{},"name":"a"}}}"#, "inner.x.list: an array is expected, and there is an object"),
        (#"{"inner":{"x":{"list":[0,1,"2"],"name":"a"}}}"#, "inner.x.list[2]: a number is expected, and there is text"),
        (
            #"{"inner":{"x":{"list":[true],"name":"a"}}}"#,
            "inner.x.list[0]: a number is expected, and there is true or false"
        ),
        (#"{"inner":{"x":{"list":[],"name":1}}}"#, "inner.x.name: text is expected, and there is a number"),
        (#"{"inner":{"x":{"list":[],"name":null}}}"#, "inner.x.name: text is expected, and there is null"),
        (
            #"{"inner":{"x":{"list":[],"name":"a","flag":1}}}"#,
            "inner.x.flag: true or false is expected, and there is a number"
        ),
        (#"{"inner":{"x":{"list":[0,256],"name":"a"}}}"#, "inner.x.list[1]: 256 is not between 0 and 255"),
        (#"{"inner":{"x":{"list":[-1],"name":"a"}}}"#, "inner.x.list[0]: -1 is not between 0 and 255"),
        (#"[]"#, "an object is expected, and there is an array"),
        (#"null"#, "an object is expected, and there is null"),
    ]

    @Test("what is missing, of another kind or out of range is said with its path", arguments: wrong)
    func paths(text: String, sentence: String) {
        #expect(refusal(Outer.self, text)?.sentence == sentence)
    }

    @Test("the kinds of refusal and their paths are Foundation's")
    func kinds() {
        func kind(_ error: (any Error)?) -> String {
            switch error as? DecodingError {
            case .keyNotFound(let key, let context):
                "missing \(key.stringValue) \(context.codingPath.map(\.stringValue))"
            case .typeMismatch(_, let context): "mismatch \(context.codingPath.map(\.stringValue))"
            case .valueNotFound(_, let context): "null \(context.codingPath.map(\.stringValue))"
            case .dataCorrupted: "corrupted"
            default: "none"
            }
        }
        for (text, _) in Self.wrong {
            var theirs: (any Error)?
            do { _ = try JSONDecoder().decode(Outer.self, from: Data(text.utf8)) } catch { theirs = error }
            #expect(kind(refusal(Outer.self, text)) == kind(theirs), "\(text)")
        }
    }

    @Test("a number that does not fit its width is refused, whatever the width")
    func widths() throws {
        func check<Number: FixedWidthInteger & Codable>(_ type: Number.Type) throws {
            #expect(
                try JSONCoder.decode([Number].self, from: Array("[\(Number.min),\(Number.max)]".utf8)) == [.min, .max])
            for text in [
                "\(Int64(Number.max) + 1)", "\(Int64(Number.min) - 1)", "99999999999999999999", "-99999999999999999999",
            ] {
                #expect(refusal([Number].self, "[\(text)]") != nil, "\(type) \(text)")
                #expect(refusal([String: Number].self, "{\"a\":\(text)}") != nil, "\(type) \(text)")
                #expect(refusal(Number.self, text) != nil, "\(type) \(text)")
            }
        }
        try check(Int8.self)
        try check(Int16.self)
        try check(Int32.self)
        try check(UInt8.self)
        try check(UInt16.self)
        try check(UInt32.self)
        #expect(refusal(UInt64.self, "18446744073709551616") != nil)
        #expect(refusal(Int64.self, "9223372036854775808") != nil)
        #expect(refusal(Int64.self, "-9223372036854775809") != nil)
        #expect(refusal(UInt64.self, "-1") != nil)
        #expect(refusal(Int64.self, "-0") != nil)
    }

    @Test("fractions are refused both ways, with their path")
    func fractions() throws {
        for text in ["[1.0]", "[1e2]", "[0.5]"] { #expect(refusal([Int].self, text) != nil) }
        for text in ["[1]", "[null]"] {
            #expect(refusal([Double].self, text)?.sentence == "[0]: numbers are whole")
        }
        #expect(refusal([String: Float].self, "{\"a\":1}")?.sentence == "a: numbers are whole")
        #expect(refusal(Date.self, "1")?.sentence == "numbers are whole")
        for value in [["a": 1.5], ["a": 1.0], ["a": Double.nan]] {
            do {
                _ = try JSONCoder.encode(value)
                Issue.record("\(value) was written")
            } catch EncodingError.invalidValue(_, let context) {
                #expect(context.codingPath.map(\.stringValue) == ["a"])
            }
        }
        do {
            _ = try JSONCoder.encode([["a": [1, 2.5]]])
            Issue.record("a nested fraction was written")
        } catch EncodingError.invalidValue(let value, let context) {
            #expect(value as? Double == 1)
            #expect(DecodingError.place(context.codingPath) == "[0].a[0]")
        }
        #expect(throws: EncodingError.self) { try JSONCoder.encode([1 as Float]) }
        #expect(throws: EncodingError.self) { try JSONCoder.encode(1.0) }
        #expect(throws: EncodingError.self) { try JSONCoder.encode([Int128.max]) }
    }

    @Test("text that is no strict JSON is refused with line and column")
    func syntax() {
        func place(_ text: String, _ limits: JSONLimits = .file) -> String? {
            refusal([Int].self, text, limits: limits)?.sentence
        }
        #expect(place("[1,\n 2,\n é]") == "line 3, column 2: \(JSONError.Code.unexpectedByte.sentence)")
        #expect(place("[1,\n\"éé\", x") == "line 2, column 7: \(JSONError.Code.unexpectedByte.sentence)")
        #expect(place("") == "line 1, column 1: \(JSONError.Code.truncated.sentence)")
        #expect(place("[1,]")?.hasPrefix("line 1, column 4: ") == true)
        #expect(place("[] []")?.hasPrefix("line 1, column 4: ") == true)
        #expect(place("[1]", JSONLimits(bytes: 2))?.hasSuffix(JSONError.Code.tooLarge.sentence) == true)
        #expect(
            place("[1,2]", JSONLimits(bytes: 100, items: 2))?.hasSuffix(JSONError.Code.tooManyItems.sentence) == true)
        #expect(
            refusal([String: Int].self, #"{"a":1,"\u0061":2}"#)?.sentence.hasSuffix(
                JSONError.Code.duplicateKey.sentence) == true)
        for (text, code) in JSONParserTests.refused where code != .integerOutOfRange {
            guard case .dataCorrupted(let context) = refusal([Int].self, text) else {
                Issue.record("\(text) was taken")
                continue
            }
            #expect((context.underlyingError as? JSONError)?.code == code)
            #expect(context.codingPath.isEmpty)
        }
    }

    /// Nests as deep as it is told.
    struct Deep: Codable {
        var levels: Int
        init(levels: Int) { self.levels = levels }
        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            levels = container.isAtEnd ? 1 : try container.decode(Deep.self).levels + 1
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            if levels > 1 { try container.encode(Deep(levels: levels - 1)) }
        }
    }

    @Test("what is nested deeper than 32 levels is neither read nor written")
    func depth() throws {
        let bytes = try JSONCoder.encode(Deep(levels: 32))
        #expect(try JSONCoder.decode(Deep.self, from: bytes).levels == 32)
        #expect(throws: EncodingError.self) { try JSONCoder.encode(Deep(levels: 33)) }
        #expect(throws: EncodingError.self) { try JSONCoder.encode(Deep(levels: 100_000)) }
        #expect(refusal(Deep.self, String(repeating: "[", count: 33) + String(repeating: "]", count: 33)) != nil)
        #expect(refusal(Deep.self, String(repeating: "[", count: 1_000_000)) != nil)
        #expect(
            refusal(
                Deep.self, String(repeating: "[", count: 40) + String(repeating: "]", count: 40),
                limits: JSONLimits(bytes: 100, depth: 40)) == nil)
    }

    struct Nothing: Codable {
        init(from decoder: any Decoder) throws {}
        init() {}
        func encode(to encoder: any Encoder) throws {}
    }

    struct Confused: Encodable {
        var first: Int
        func encode(to encoder: any Encoder) throws {
            switch first {
            case 0:
                _ = encoder.unkeyedContainer()
                var single = encoder.singleValueContainer()
                try single.encode("both")
            case 1:
                var single = encoder.singleValueContainer()
                try single.encode(1)
                try single.encode(2)
            default:
                _ = encoder.unkeyedContainer()
                _ = encoder.container(keyedBy: JSONCodingKeys.self)
            }
        }
        private enum JSONCodingKeys: CodingKey { case a }
    }

    @Test("a value that encodes nothing, or itself twice, is an error and no trap", arguments: [0, 1, 2])
    func misuse(kind: Int) throws {
        #expect(throws: EncodingError.self) { try JSONCoder.encode(Nothing()) }
        #expect(try JSONCoder.encode([Nothing()]) == Array("[{}]".utf8))
        #expect(throws: EncodingError.self) { try JSONCoder.encode(Confused(first: kind)) }
        #expect(throws: EncodingError.self) { try JSONCoder.encode([Confused(first: kind)]) }
        #expect(throws: EncodingError.self) { try JSONCoder.encode(["a": Confused(first: kind)]) }
    }
}
