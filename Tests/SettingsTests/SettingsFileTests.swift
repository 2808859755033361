import Settings
import System
import TestSupport
import Testing

/// What hub and agent share of reading their owners' settings; their own tests have each setting.
@Suite("Owners' settings")
struct SettingsFileTests {
    struct Sample: Decodable, Equatable {
        struct Inner: Decodable, Equatable {
            var on: Bool?

            init(from decoder: any Decoder) throws {
                on = try SettingsObject(decoder, known: ["on"]).value("on")
            }
        }

        struct Late: Error {}

        var number: Int64?
        var path: String?
        var paths: [String]?
        var inner: Inner?
        var deep: String?

        init(from decoder: any Decoder) throws {
            let settings = try SettingsObject(
                decoder, known: ["number", "path", "paths", "inner", "nested", "late"], gone: ["old": "write path"])
            number = try settings.number("number", -1...9)
            path = try settings.path("path")
            paths = try settings.paths("paths", most: 2)
            inner = try settings.value("inner")
            deep = try settings.object("nested", known: ["deep"])?.path("deep")
            if try settings.value("late", Bool.self) == true { throw Late() }
        }
    }

    private func parse(_ text: String) throws(SettingsError) -> Sample {
        try SettingsFile.parse(Sample.self, Array(text.utf8), name: "x.json5")
    }

    @Test("what is not there or null is nil, all else is read") func reads() throws {
        let none = try parse("{}")
        #expect(none.number == nil && none.path == nil && none.paths == nil && none.inner == nil && none.deep == nil)
        #expect(try parse("{number: null, path: null, paths: null, inner: null}") == none)
        let all = try parse("{number: -1, path: '/a', paths: ['/b', '/c'], inner: {on: true}, nested: {deep: '/d'}}")
        #expect(all.number == -1 && all.path == "/a" && all.paths == ["/b", "/c"])
        #expect(all.inner?.on == true && all.deep == "/d")
    }

    @Test(
        "the first mistake is named with file and place",
        arguments: [
            ("{\n  number: 1", "line 2, column 12: the text ends too soon; a bracket, quote or comment is not closed"),
            ("{number: 1, path: '/a',\n number: 2}", "line 2, column 2: this object has the same name twice"),
            ("{inner: {on: true, 'on': false}}", "line 1, column 20: this object has the same name twice"),
            ("7", "an object is expected, and there is a number"),
            ("{nummer: 1}", "nummer is not a setting; did you mean number?"), ("{xyzw: 1}", "xyzw is not a setting"),
            ("{inner: {of: true}}", "inner: of is not a setting; did you mean on?"),
            ("{nested: {deeper: true}}", "nested: deeper is not a setting; did you mean deep?"),
            ("{'\\u001b[2J': 1}", " [2J is not a setting"), ("{old: 1}", "old is gone: write path"),
            ("{inner: {on: 1}}", "inner.on: true or false is expected, and there is a number"),
            ("{nested: null}", "nested: an object is expected, and there is null"),
            ("{nested: {deep: 'd'}}", "nested.deep: an absolute path is expected"),
            ("{number: 10}", "number: 10 is not between -1 and 9"),
            ("{path: 'a'}", "path: an absolute path is expected"),
            ("{path: '/\\0'}", "path: an absolute path is expected"),
            ("{path: '/\(String(repeating: "a", count: 1024))'}", "path: an absolute path is expected"),
            ("{paths: ['/a', 'b']}", "paths: absolute paths are expected"),
            ("{paths: ['/a', '/b', '/c']}", "paths: at most 2 entries are expected"), ("{late: true}", "Late()"),
        ])
    func refuses(text: String, expected: String) {
        let error = #expect(throws: SettingsError.self) { try parse(text) }
        #expect(error?.description == "x.json5: \(expected)")
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
            #expect(error?.description.hasPrefix("\(path) cannot be read: ") == true, "\(error?.description ?? "")")
        }
    }
}
