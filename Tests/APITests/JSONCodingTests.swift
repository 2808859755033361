import API
import Foundation
import Model
import Testing

struct JSONCodingTests {
    private func json(_ value: some Encodable) throws -> String {
        String(decoding: try JSONCoding.encode(value), as: UTF8.self)
    }

    private func problem<Value: Decodable>(_ type: Value.Type, _ text: String, json5: Bool = true) -> Problem? {
        do throws(Problem) {
            _ = try JSONCoding.decode(type, from: Array(text.utf8), json5: json5)
            return nil
        } catch {
            return error
        }
    }

    @Test func theSameValueGivesTheSameBytes() throws {
        let page = ListPage(
            items: [TokenRequest(role: .agent, spoke: try NodeName("north"), uses: 2, ttlSeconds: 60)], next: nil)
        #expect(try json(page) == #"{"items":[{"role":"agent","spoke":"north","ttlSeconds":60,"uses":2}],"next":null}"#)
        let labels = ClientChange(labels: Dictionary(uniqueKeysWithValues: (0..<20).map { ("k\($0)", "v") }))
        #expect(try json(labels) == json(labels))
    }

    @Test func slashesAndTimesAreReadable() throws {
        let path = try TargetPath("ruff/0.12.1/any-any-any/ruff.tar")
        #expect(try json([path]) == #"["ruff/0.12.1/any-any-any/ruff.tar"]"#)
        #expect(try json([UnixTime(seconds: 0)]) == #"["1970-01-01T00:00:00Z"]"#)
    }

    @Test func errorsSayWhereAndWhat() throws {
        let missing = try #require(problem(RolloutFile.self, #"{name: "a", product: "ruff", release: "1"}"#))
        #expect(missing.code == .malformedBody)
        #expect(missing.status == 400)
        #expect(missing.detail == "select is missing")
        let wrong = try #require(
            problem(RolloutFile.self, #"{name: "a", product: "ruff", release: "1", select: {names: ["ok", "../x"]}}"#))
        #expect(wrong.detail.hasPrefix("select.names"))
        #expect(wrong.detail.contains("../x"))
        let kind = try #require(problem(TokenRequest.self, #"{"role": "agent", "uses": "two"}"#))
        #expect(kind.detail == "uses: a number is expected, and there is text")
        let broken = try #require(problem(TokenRequest.self, "{\n  role: 'agent',\n  uses: 1.0,\n}"))
        #expect(broken.detail == "line 3, column 9: numbers must be whole, without a point or exponent")
        let twice = try #require(problem(TokenRequest.self, #"{"role": "agent", "uses": 1, "uses": 2}"#, json5: false))
        #expect(twice.detail.hasSuffix("this object has the same name twice"))
        #expect(problem(TokenRequest.self, #"{"role": "boss"}"#)?.detail.contains("hub, spoke, agent") == true)
        for text in ["", "{", "[]", "null", "{\"role\":\"agent\"} x", "\u{0}", String(repeating: "[", count: 10_000)] {
            #expect(problem(TokenRequest.self, text)?.code == .malformedBody, "\(text.prefix(20))")
        }
    }

    @Test func foundationWritesTheSameBytes() throws {
        let problem = Problem(.invalid, "a/b \"é\" \u{1F600}")
        for (pretty, formatting) in [(false, JSONEncoder.OutputFormatting()), (true, .prettyPrinted)] {
            let encoder = JSONEncoder()
            encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
            #expect(try JSONCoding.encode(problem, pretty: pretty) == [UInt8](encoder.encode(problem)))
        }
    }

    @Test func json5IsForFilesOnly() {
        #expect(problem(TokenRequest.self, "{role: 'agent', /* once */}") == nil)
        #expect(problem(TokenRequest.self, "{role: 'agent'}", json5: false)?.code == .malformedBody)
    }

    @Test func everyProblemSaysWhatToDoNext() throws {
        for code in ProblemCode.all {
            let problem = Problem(code, "x\ny")
            #expect((400..<600).contains(problem.status))
            #expect(problem.next.hasSuffix("."))
            #expect(!problem.title.contains("does not know"))
            #expect(problem.detail == "x y")
            #expect(try JSONCoding.decode(Problem.self, from: JSONCoding.encode(problem)) == problem)
        }
        #expect(
            try json(Problem(.notFound, "there is no client a"))
                == #"{"code":"notFound","detail":"there is no client a","next":"List what there is, and check the name or id.","status":404,"title":"There is no such thing","type":"urn:axle:problem:notFound"}"#
        )
    }
}
