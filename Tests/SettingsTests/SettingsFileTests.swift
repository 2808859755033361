import Settings
import System
import TestSupport
import Testing

/// What is common to all files of settings; `SettingsTableTests` has each setting.
@Suite("Owners' settings")
struct SettingsFileTests {
    struct Sample: SettingsOptions, Equatable {
        struct Inner: Equatable, Sendable {
            var on = false
            var word: String?
        }

        var number: Int64 = 5
        var path: String?
        var paths: [String] = []
        var inner = Inner()

        static let program = "axle-sample"
        static let fileName = "sample.json5"
        static let settings = SettingsGroup<Sample>(
            [
                .number("number", \.number, -1...9000, "pieces", "A number", example: 7),
                .text("path", \.path, .path, "A path", absent: "none", example: "/a"),
                .list("paths", \.paths, .path, 0...2, "Paths", example: ["/b"]),
                .object(
                    "inner", \.inner,
                    SettingsGroup<Inner>([
                        .flag("on", \.on, "A flag", example: true),
                        .text("word", \.word, .argument, "A word", absent: "none", example: "x"),
                    ]), "More"),
            ], gone: ["old": "write path"])
    }

    private func content(_ text: String) -> SettingsFile.Content<Sample> {
        SettingsFile.content(Sample.self, of: Array(text.utf8))
    }

    private func parse(_ text: String) throws(SettingsError) -> Sample {
        try SettingsFile.parse(Sample.self, Array(text.utf8), name: "x.json5")
    }

    @Test("what is absent or null is at its default, all else is read") func reads() throws {
        #expect(try parse("{}") == Sample())
        #expect(try parse("{number: null, path: null, paths: null, inner: null}") == Sample())
        let all = try parse("{number: -1, path: '/a', paths: ['/b', '/c'], inner: {on: true, word: null}}")
        #expect(all.number == -1 && all.path == "/a" && all.paths == ["/b", "/c"] && all.inner.on)
    }

    @Test(
        "a mistake is named with file and place",
        arguments: [
            ("{\n  number: 1", "line 2, column 12: the text ends too soon; a bracket, quote or comment is not closed"),
            (
                "{number: 1, path: '/a',\n number: 2}",
                "line 2, column 2: number: this object has the same name twice; remove one"
            ),
            ("7", "line 1, column 1: must be an object in braces, not 7"),
            ("{nummer: 1}", "line 1, column 2: nummer: there is no such setting; did you mean number?"),
            ("{xyzw: 1}", "line 1, column 2: xyzw: there is no such setting; there are number, path, paths, inner"),
            ("{inner: {of: true}}", "line 1, column 10: inner.of: there is no such setting; did you mean on?"),
            (
                "{'\\u001b[2J': 1}",
                "line 1, column 2:  [2J: there is no such setting; there are number, path, paths, inner"
            ),
            ("{old: 1}", "line 1, column 2: old: is gone: write path"),
            ("{inner: {on: 1}}", "line 1, column 14: inner.on: must be true or false, not 1"),
            (
                "{inner: {on: 'true'}}",
                "line 1, column 14: inner.on: must be true or false, not \"true\"; write it without quotes"
            ),
            ("{number: 9001}", "line 1, column 10: number: must be -1 to 9,000 pieces, not 9001"),
            (
                "{number: 10s}",
                "line 1, column 10: number: must be -1 to 9,000 pieces, not 10s; write a number alone, without quotes or a unit"
            ),
            (
                "{number: 1.5}",
                "line 1, column 10: number: must be -1 to 9,000 pieces, not 1.5; numbers are whole, without a point or exponent"
            ),
            ("{path: 'a'}", "line 1, column 8: path: must be an absolute path, not \"a\""),
            ("{paths: ['/a', 'b']}", "line 1, column 16: paths[1]: must be an absolute path, not \"b\""),
            (
                "{paths: ['/a', '/b', '/c']}",
                "line 1, column 9: paths: must be a list of at most 2 absolute paths, not of 3"
            ),
        ])
    func refuses(text: String, expected: String) {
        let error = #expect(throws: SettingsError.self) { try parse(text) }
        #expect(error?.description == "x.json5: \(expected)")
    }

    @Test("all problems of a file are found at once, each with its place") func all() {
        let problems = content("{\n number: 10s,\n path: 1,\n old: 1,\n inner: { on: no, on: true },\n}").problems
        #expect(problems.map(\.setting) == ["number", "path", "old", "inner.on", "inner.on"])
        #expect(problems.map(\.line) == [2, 3, 4, 5, 5])
        #expect(problems.map(\.code) == [.wrongType, .wrongType, .unknownName, .wrongType, .duplicate])
        let error = #expect(throws: SettingsError.self) { try parse("{number: 'a', path: 1, old: 2}") }
        #expect(error?.description.hasSuffix("; 2 more problems are shown by check-config") == true)
    }

    @Test("a file of nothing but mistakes has a bounded number of problems") func bounded() {
        let text = "{" + (0..<2000).map { "x\($0): 1," }.joined() + "}"
        #expect(content(text).problems.count == SettingsReading.problemLimit)
    }

    @Test("no file is nil; one that is too large, or cannot be read, is refused") func files() throws {
        let folder = try TemporaryFolder()
        #expect(try SettingsFile.read(Sample.self, Directory.join(folder.path, "none")) == nil)
        let file = try folder.write("x.json5", Array("{number: 3}".utf8))
        #expect(try SettingsFile.read(Sample.self, file)?.number == 3)
        let large = try folder.write(
            "large", Array("{}".utf8) + [UInt8](repeating: 0x20, count: SettingsFile.sizeLimit))
        for path in [large, folder.path] {
            let error = #expect(throws: SettingsError.self) { try SettingsFile.read(Sample.self, path) }
            #expect(
                error?.description.hasPrefix("\(path): the file cannot be read: ") == true,
                "\(error?.description ?? "")")
        }
    }
}
