import Codec
import Foundation
import Testing

@Suite("JSON5 for what people write")
struct JSON5ParserTests {
    private func refusal(_ bytes: [UInt8], _ limits: JSONLimits = JSONLimits(bytes: 4096)) -> JSONError? {
        do throws(JSONError) {
            _ = try JSON5Parser.parse(bytes, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    /// What is taken, and the strict JSON that says the same.
    static let taken: [(String, String)] = [
        ("{a: 1, $b_2: 2, _: 3, 'c d': 4, \"e\": 5,}", #"{"a":1,"$b_2":2,"_":3,"c d":4,"e":5}"#),
        ("[1, 2, ]", "[1,2]"), ("[[],]", "[[]]"), ("{a: {b: [],},}", #"{"a":{"b":[]}}"#),
        ("// first\n[1, // one\r\n 2 /* two */, /* * / ** */ 3] // last", "[1,2,3]"),
        ("/**/[/***/]/*\n*/", "[]"), ("[1]// é\u{2028}", "[1]"), ("// only\r1", "1"),
        ("\u{FEFF}\u{A0}\u{2028}\u{2029}\u{3000}\t\u{B}\u{C}[\u{2003}1\u{1680}]", "[1]"),
        ("['it\\'s', \"say \\\"x\\\"\", 'a\"b', \"a'b\"]", #"["it's","say \"x\"","a\"b","a'b"]"#),
        ("['a\\\nb', 'a\\\r\nb', 'a\\\rb', 'a\\\u{2028}b']", #"["ab","ab","ab","ab"]"#),
        (
            "['\\b\\f\\n\\r\\t\\v\\0\\/\\\\', '\\x41\\xe9', '\\u00e9\\ud83d\\ude00', '\\z\\é\\$']",
            #"["\b\f\n\r\t\u000b\u0000/\\","Aé","é😀","zé$"]"#
        ),
        ("['a\u{2028}b', '\u{7F}', '/* no */ // no']", "[\"a\u{2028}b\",\"\u{7F}\",\"/* no */ // no\"]"),
        (
            "[+1, -1, 0x1F, -0xff, +0XAB, 0, -0, 18446744073709551615, -9223372036854775808, 0xffffffffffffffff]",
            "[1,-1,31,-255,171,0,0,18446744073709551615,-9223372036854775808,18446744073709551615]"
        ),
        ("[true,false,null]", "[true,false,null]"),
        ("{true: 1, null: 2, Infinity: 3}", #"{"true":1,"null":2,"Infinity":3}"#),
    ]

    @Test("comments, trailing commas, bare names, both quotes and the rest of it", arguments: taken)
    func takes(text: String, strict: String) throws {
        let expected = try JSONParser.parse(Array(strict.utf8), limits: JSONLimits(bytes: 4096), integers: .wide)
        #expect(try JSON5Parser.parse(Array(text.utf8), limits: JSONLimits(bytes: 4096)) == expected)
    }

    static let refused: [(String, JSONError.Code, Int)] = [
        ("", .truncated, 0), ("  // x", .truncated, 6), ("{", .truncated, 1), ("[1", .truncated, 2),
        ("{a:", .truncated, 3),
        ("{a", .truncated, 2), ("'a", .truncated, 2), ("'a\\", .truncated, 3), ("'\\u12", .truncated, 5),
        ("'\\x1", .truncated, 4),
        ("[ /* x", .truncated, 2), ("/*/", .truncated, 0), ("/", .truncated, 1), ("[1 / 2]", .unexpectedByte, 3),
        ("[,]", .unexpectedByte, 1), ("[1,,]", .unexpectedByte, 3), ("{,}", .unexpectedByte, 1),
        ("{a:1,,}", .unexpectedByte, 5),
        ("[1 2]", .unexpectedByte, 3), ("{a 1}", .unexpectedByte, 3), ("{a:1 b:2}", .unexpectedByte, 5),
        ("[1}", .unexpectedByte, 2),
        ("{1a: 1}", .unexpectedByte, 1), ("{é: 1}", .unexpectedByte, 1), ("{\\u0061: 1}", .unexpectedByte, 1),
        ("{a-b: 1}", .unexpectedByte, 2),
        ("yes", .unexpectedByte, 0), ("[truex]", .unexpectedByte, 1), ("[nul]", .unexpectedByte, 1),
        ("(1)", .unexpectedByte, 0),
        ("1 2", .trailingData, 2), ("{} {}", .trailingData, 3), ("1 /* x */ ,", .trailingData, 10),
        ("{a:1, 'a':2}", .duplicateKey, 6), ("[{a:1,\n b:0, a:2}]", .duplicateKey, 13),
        ("[1.5]", .floatingPoint, 1), ("[1.]", .floatingPoint, 1), ("[.5]", .floatingPoint, 1),
        ("[1e3]", .floatingPoint, 1),
        ("[Infinity]", .floatingPoint, 1), ("[-Infinity]", .floatingPoint, 1), ("[+NaN]", .floatingPoint, 1),
        ("[NaN]", .floatingPoint, 1), ("01", .malformedNumber, 0), ("+", .malformedNumber, 0),
        ("--1", .malformedNumber, 0),
        ("+ 1", .malformedNumber, 0), ("0x", .malformedNumber, 0), ("0xg", .malformedNumber, 0),
        ("10GB", .malformedNumber, 0),
        ("[0x1G]", .malformedNumber, 1), ("18446744073709551616", .integerOutOfRange, 0),
        ("-9223372036854775809", .integerOutOfRange, 0), ("0x10000000000000000", .integerOutOfRange, 0),
        ("'a\nb'", .controlCharacter, 2), ("'a\\\u{1}'", .controlCharacter, 3), ("'\u{0}'", .controlCharacter, 1),
        ("'\\1'", .malformedEscape, 1), ("'\\01'", .malformedEscape, 1), ("'\\xg0'", .malformedEscape, 1),
        ("'\\u00g0'", .malformedEscape, 1),
        ("'\\ud800'", .loneSurrogate, 1), ("'\\udc00'", .loneSurrogate, 1), ("'\\ud800\\u0041'", .loneSurrogate, 1),
    ]

    @Test("each refusal has its place", arguments: refused)
    func refuses(text: String, code: JSONError.Code, offset: Int) {
        #expect(refusal(Array(text.utf8)) == JSONError(code, at: offset))
    }

    @Test("bytes that are not UTF-8 are refused wherever they stand", arguments: JSONParserTests.malformedUTF8)
    func malformedUTF8(bytes: [UInt8]) {
        for before in ["", "[", "'", "//", "/*", "'\\", "{", "[1"] {
            #expect(refusal(Array(before.utf8) + bytes + Array("'*/\n".utf8))?.code == .malformedUTF8, "\(before)")
        }
    }

    @Test("limits hold: bytes, values, depth")
    func limits() {
        #expect(refusal(Array("[1,2]".utf8), JSONLimits(bytes: 4))?.code == .tooLarge)
        #expect(refusal(Array("[1,2]".utf8), JSONLimits(bytes: 9, items: 2))?.code == .tooManyItems)
        #expect(refusal(Array("[[]]".utf8), JSONLimits(bytes: 9, depth: 1))?.code == .tooDeep)
        #expect(refusal(Array("[[],[]]".utf8), JSONLimits(bytes: 9, depth: 2)) == nil)
        #expect(
            refusal(Array(repeating: UInt8(ascii: "["), count: 1 << 20), JSONLimits(bytes: 1 << 20))?.code == .tooDeep)
        #expect(refusal(Array(String(repeating: "{a:", count: 33).utf8))?.code == .tooDeep)
    }

    @Test("what is cut off anywhere, or changed in one byte, gives an error or a value and never a trap")
    func cuts() {
        for (text, _) in Self.taken {
            let bytes = Array(text.utf8)
            for count in bytes.indices { _ = refusal(Array(bytes[..<count])) }
            for place in bytes.indices {
                for byte in [0x00, 0x22, 0x27, 0x2A, 0x2F, 0x5C, 0x7B, 0x80, 0xE2, 0xFF] as [UInt8] {
                    var changed = bytes
                    changed[place] = byte
                    _ = refusal(changed)
                }
            }
        }
    }

    @Test("strict JSON means the same")
    func strict() throws {
        for text in [
            #"{"b":[1,-2,{"a":null}],"a":"\u0041\/\n"}"#, "[]", " {\"a\" : true}\n", "\"x\"", "9007199254740993",
        ] {
            let bytes = Array(text.utf8)
            let strict = try JSONParser.parse(bytes, limits: JSONLimits(bytes: 100), integers: .wide)
            #expect(try JSON5Parser.parse(bytes, limits: JSONLimits(bytes: 100)) == strict)
        }
    }
}
