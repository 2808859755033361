import Codec
import Testing

@Suite("Canonical JSON")
struct JSONCanonicalFormTests {
    static let vectors: [(String, String)] = [
        (" { } ", "{}"), ("[ 1 , 2 ]", "[1,2]"), ("{\"b\":1,\"a\":-2}", "{\"a\":-2,\"b\":1}"),
        ("{\"a\":{\"d\":[true,false,null],\"c\":\"\"}}", "{\"a\":{\"c\":\"\",\"d\":[true,false,null]}}"),
        // Only the quotation mark and the backslash are escaped.
        (#""\"\\\/\b\n\u0000\u007f""#, "\"\\\"\\\\/\u{8}\n\u{0}\u{7f}\""),
        // Nothing is normalised.
        ("\"e\\u0301\"", "\"e\u{301}\""), ("\"\u{e9}\"", "\"\u{e9}\""),
        // By code point: U+FF61 sorts before U+1F600, which UTF-16 order would turn round; "" and a prefix come first.
        (
            "{\"\u{1F600}\":1,\"\u{FF61}\":2,\"aa\":3,\"a\":4,\"\":5,\"Z\":6}",
            "{\"\":5,\"Z\":6,\"a\":4,\"aa\":3,\"\u{FF61}\":2,\"\u{1F600}\":1}"
        ),
    ]

    @Test("is what OLPC wrote down", arguments: vectors)
    func canonicalForm(text: String, canonical: String) throws {
        let value = try JSONParser.parse(Array(text.utf8), limits: JSONLimits(bytes: 1000))
        #expect(value.canonicalForm == Array(canonical.utf8))
    }

    static let documents: [(String, Bool)] = [
        (#"{"a":[1,-2,{"x":null}],"b":"\"\\é"}"#, true), (#"{"b":1,"a":2}"#, false), (#"{"a":{"d":1,"c":2}}"#, false),
        (#"{"a": 1}"#, false), (#"{"a":1}"# + "\n", false), (#" {"a":1}"#, false), (#"{"a":"\/"}"#, false),
        (#"{"a":"\u0041"}"#, false), (#"{"\u0061":1}"#, false), (#"{"a":[1 ]}"#, false), (#"{"a":"\n"}"#, false),
        (#"{"a":[{},[]],"b":true}"#, true),
    ]

    @Test("a text that is canonical already is known as such, and its members are pieces of it", arguments: documents)
    func knowsCanonicalText(text: String, canonical: Bool) throws {
        let document = try JSONParser.document(Array(text.utf8), limits: JSONLimits(bytes: 1000))
        #expect(document.isCanonical == canonical)
        #expect((document.value.canonicalForm == Array(text.utf8)) == canonical)
        for member in try #require(document.value.asObject).members {
            #expect(document.canonicalForm(ofMember: member.name) == member.value.canonicalForm)
        }
        #expect(document.canonicalForm(ofMember: "absent") == nil)
    }

    @Test("text that is written reads back as the same value", arguments: [true, false])
    func roundTrip(indented: Bool) throws {
        let source = Array(#"{"b":[],"a":{"x":[1,{"y":null}],"":{}},"s":"\u0000\u001f\n\"\\é😀"}"#.utf8)
        let value = try JSONParser.parse(source, limits: JSONLimits(bytes: 1000))
        let written = value.text(indented: indented)
        #expect(try JSONParser.parse(written, limits: JSONLimits(bytes: 1000)) == value)
        #expect(written.contains(0x0A) == indented)
    }

    @Test("members are found, set, and removed by name")
    func objects() throws {
        var object = JSONObject()
        for name in ["m", "c", "x", "a"] { object.set(JSONText(name), .string(JSONText(name))) }
        object.set("c", 7)
        #expect(object.members.map(\.name.string) == ["m", "c", "x", "a"])
        #expect(object["c"] == 7)
        object.remove("m")
        #expect(object["m"] == nil)
        #expect(object["a"] == "a")
        #expect(JSONObject([.init("a", 1), .init("a", 1)]) == nil)
        #expect(JSONObject([.init("b", 1), .init("a", 1), .init("b", 2)]) == nil)
    }
}
