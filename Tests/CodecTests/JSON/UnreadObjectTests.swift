import Codec
import Testing

@Suite("JSON left unread")
struct UnreadObjectTests {
    private enum Outcome: Equatable {
        case value(JSONValue, isCanonical: Bool, canonicalForm: [UInt8], text: [UInt8])
        case refused(JSONError)
    }

    private func outcome(_ bytes: [UInt8], leaving name: JSONText?, depth: Int, items: Int) -> Outcome {
        do throws(JSONError) {
            let document = try JSONParser.document(
                bytes, limits: JSONLimits(bytes: 4096, depth: depth, items: items), leaving: name)
            return .value(
                document.value, isCanonical: document.isCanonical, canonicalForm: document.value.canonicalForm,
                text: document.value.text(indented: true))
        } catch {
            return .refused(error)
        }
    }

    static let objects: [String] =
        [
            "{}", "{\"a\":1,\"b\":[1,-2,true,false,null,\"x\",{}]}", "{\"a\":{\"a\":{\"a\":[[]]}}}",
            "{\"b\":1,\"a\":2}",
            "{\"a\":1,\"a\":2}", "{\"a\":\"é\"}", "{\"a\":\"\\n\"}", "{\"a\":\"\\\"\"}", "{ \"a\":1}", "{\"a\":1 }",
            "{\"\":0}",
            "{\"a\":1,\"aa\":2,\"b\":3}", "{\"aa\":1,\"a\":2}", "{\"a\":[1,]}", "{\"a\":{}", "{\"a\":\"x}",
            "{\"a\":01}",
        ]
        + JSONParserTests.refused.flatMap {
            ["{\"x\":\($0.0)}", "{\"x\":[\($0.0)]}", "{\"a\":1,\"x\":{\"y\":\($0.0)}}"]
        }

    @Test(
        "what is left unread is refused, or is the same value with the same canonical form, as what is read",
        arguments: objects)
    func same(object: String) {
        for text in ["{\"custom\":\(object)}", "{\"custom\":\(object),\"d\":[{\"custom\":\(object)}]}", "[\(object)]"] {
            for (depth, items) in [(32, 1000), (3, 1000), (32, 4)] {
                let bytes = Array(text.utf8)
                #expect(
                    outcome(bytes, leaving: "custom", depth: depth, items: items)
                        == outcome(bytes, leaving: nil, depth: depth, items: items), "\(text)")
            }
        }
    }

    @Test("its members are there when they are asked for, and it changes as a read one does")
    func members() throws {
        let bytes = Array("{\"custom\":{\"a\":1,\"b\":{\"c\":\"x\"}}}".utf8)
        let document = try JSONParser.document(bytes, limits: JSONLimits(bytes: 100), leaving: "custom")
        var object = try #require(document.value.asObject?["custom"]?.asObject)
        #expect(object["a"] == 1)
        #expect(object["b"]?.asObject?["c"] == "x")
        #expect(object["z"] == nil)
        #expect(object.count == 2 && !object.isEmpty && object.isSorted)
        #expect(object.sortedMember(1).name == "b")
        #expect(object == object.read)
        object.set("0", true)
        object.remove("b")
        #expect(JSONValue.object(object).canonicalForm == Array("{\"0\":true,\"a\":1}".utf8))
    }
}
