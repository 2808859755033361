import Codec
import Testing

private func parse(_ text: String, depth: Int = 32, items: Int = 1000) throws(JSONError) -> JSONValue {
    try JSONParser.parse(Array(text.utf8), limits: JSONLimits(bytes: 4096, depth: depth, items: items))
}

private func refusal(_ bytes: [UInt8], depth: Int = 32, items: Int = 1000) -> JSONError.Code? {
    do throws(JSONError) {
        _ = try JSONParser.parse(bytes, limits: JSONLimits(bytes: 4096, depth: depth, items: items))
        return nil
    } catch {
        return error.code
    }
}

@Suite("Strict JSON")
struct JSONParserTests {
    static let refused: [(String, JSONError.Code)] = [
        ("", .truncated), (" ", .truncated), ("{", .truncated), ("[1", .truncated), ("[1,", .truncated),
        ("{\"a\"", .truncated), ("{\"a\":", .truncated), ("\"", .truncated), ("\"a", .truncated), ("\"\\", .truncated),
        ("\"\\u12", .truncated), ("tru", .truncated), ("nul", .truncated),
        ("{\"a\":1,\"a\":2}", .duplicateKey), ("{\"b\":1,\"a\":2,\"b\":1}", .duplicateKey),
        ("{\"a\":1,\"\\u0061\":2}", .duplicateKey),
        ("1.0", .floatingPoint), ("1.", .floatingPoint), ("1e3", .floatingPoint), ("1E3", .floatingPoint),
        ("-1.5", .floatingPoint), ("[0.1]", .floatingPoint),
        ("01", .malformedNumber), ("-01", .malformedNumber), ("-0", .malformedNumber), ("-", .malformedNumber),
        ("00", .malformedNumber),
        ("9007199254740993", .integerOutOfRange), ("-9007199254740993", .integerOutOfRange),
        ("99999999999999999999999999999999", .integerOutOfRange),
        ("\"\\ud800\"", .loneSurrogate), ("\"\\udc00\"", .loneSurrogate), ("\"\\ud800\\ud800\"", .loneSurrogate),
        ("\"\\ud800\\n\"", .loneSurrogate), ("\"\\ud800x\"", .loneSurrogate), ("\"\\udfff\\ud800\"", .loneSurrogate),
        ("\u{FEFF}{}", .byteOrderMark),
        ("{}x", .trailingData), ("{} {}", .trailingData), ("1 2", .trailingData), ("null,", .trailingData),
        ("\"\u{0001}\"", .controlCharacter), ("\"a\nb\"", .controlCharacter), ("\"a\u{0000}b\"", .controlCharacter),
        ("\"é\n\"", .controlCharacter),
        ("\"\\x41\"", .malformedEscape), ("\"\\u00g0\"", .malformedEscape), ("\"\\u+041\"", .malformedEscape),
        ("+1", .unexpectedByte), (".5", .unexpectedByte), ("NaN", .unexpectedByte), ("Infinity", .unexpectedByte),
        ("-Infinity", .malformedNumber), ("True", .unexpectedByte), ("'a'", .unexpectedByte), ("[1,]", .unexpectedByte),
        ("[,1]", .unexpectedByte), ("{\"a\":1,}", .unexpectedByte), ("{a:1}", .unexpectedByte),
        ("{1:1}", .unexpectedByte), ("{\"a\" 1}", .unexpectedByte), ("[1 2]", .unexpectedByte),
        ("[1}", .unexpectedByte), ("// x", .unexpectedByte), ("\u{00A0}1", .unexpectedByte),
        ("\u{000C}1", .unexpectedByte),
    ]

    @Test("refuses what two readers could read differently", arguments: refused)
    func refuses(text: String, code: JSONError.Code) {
        #expect(refusal(Array(text.utf8)) == code)
    }

    static let malformedUTF8: [[UInt8]] = [
        [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xE0, 0x80, 0x80], [0xE0, 0xA0], [0xED, 0xA0, 0x80], [0xE2, 0x82],
        [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80],
        [0xF5, 0x80, 0x80, 0x80],
        [0xF0, 0x9F, 0x98], [0xFF], [0xFE],
    ]

    @Test("refuses bytes that are not UTF-8", arguments: malformedUTF8)
    func refusesMalformedUTF8(bytes: [UInt8]) {
        #expect(refusal([0x22] + bytes + [0x22]) == .malformedUTF8)
        #expect(refusal([0x22, 0x61] + bytes) == .malformedUTF8)
    }

    @Test("refuses the 33rd level and accepts the 32nd")
    func depth() {
        let deep = { (levels: Int) in
            Array(String(repeating: "[", count: levels).utf8) + Array(String(repeating: "]", count: levels).utf8)
        }
        #expect(refusal(deep(32)) == nil)
        #expect(refusal(deep(33)) == .tooDeep)
        #expect(refusal(Array(String(repeating: "{\"a\":", count: 33).utf8)) == .tooDeep)
        #expect(refusal(Array(String(repeating: "[", count: 4000).utf8)) == .tooDeep)
    }

    @Test("refuses text and item counts past the limits")
    func limits() {
        #expect(refusal(Array(repeating: 0x20, count: 4097)) == .tooLarge)
        #expect(refusal(Array("[1,1,1]".utf8), items: 3) == .tooManyItems)
        #expect(refusal(Array("[1,1,1]".utf8), items: 4) == nil)
    }

    @Test("every proper prefix of a document is refused")
    func prefixes() {
        let document = Array(#"{"a":[true,null,-12,"\u00e9\ud83d\ude00é"],"b":{"c":""}}"#.utf8)
        #expect(refusal(document) == nil)
        for length in 0..<document.count {
            #expect(refusal(Array(document[0..<length])) != nil)
        }
    }

    @Test("reads every kind of value")
    func values() throws {
        let value = try parse(
            " {\"o\" : {} , \"a\":[ ],\"t\":true,\"f\":false,\"n\":null,\"i\":-9007199254740992,\"z\":0,\"s\":\"x\"}\r\n\t"
        )
        let object = try #require(value.asObject)
        #expect(object["o"] == .object(JSONObject()))
        #expect(object["a"] == .array([]))
        #expect(object["t"] == true)
        #expect(object["f"] == false)
        #expect(object["n"] == .null)
        #expect(object["i"] == .integer(-9_007_199_254_740_992))
        #expect(object["z"] == 0)
        #expect(object["s"] == "x")
        #expect(object["absent"] == nil)
        #expect(object.members.map(\.name.string) == ["o", "a", "t", "f", "n", "i", "z", "s"])
        #expect(try parse("9007199254740992") == .integer(JSONValue.greatestInteger))
    }

    @Test("reads every escape")
    func escapes() throws {
        #expect(try parse(#""\"\\\/\b\f\n\r\t\u0000\u00E9\ud83D\uDE00""#) == "\"\\/\u{8}\u{C}\n\r\t\u{0}é😀")
    }

    @Test("does not take true for 1")
    func trueIsNotOne() throws {
        #expect(try parse("true") != parse("1"))
        #expect(try parse("true").asInteger == nil)
        #expect(try parse("1").asBool == nil)
    }

    @Test("does not merge NFC and NFD names")
    func normalisation() throws {
        let object = try #require(try parse("{\"\u{e9}\":1,\"e\u{301}\":2}").asObject)
        #expect(object.count == 2)
        #expect(object[JSONText("\u{e9}")] == 1)
        #expect(object[JSONText("e\u{301}")] == 2)
    }
}
