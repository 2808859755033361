import Codec
import Settings
import TestSupport
import Testing

/// Every setting of every program with every kind of mistake, and the schemas and examples with the
/// same table.
@Suite("Each setting")
struct SettingsTableTests {
    static let each = ProgramSettings.all.flatMap(\.each)

    @Test("a wrong value is named with its line, column and path, and with what is allowed", arguments: each)
    func wrong(_ one: ProgramSettings.One) {
        for (value, code, isEntry) in one.wrong {
            let problems = one.settings.problems(one.file(value))
            #expect(problems.count == 1, "\(value): \(problems)")
            guard let problem = problems.first else { continue }
            #expect(problem.code == code, "\(value): \(problem)")
            #expect(problem.setting == one.path + (isEntry ? "[0]" : ""), "\(value): \(problem)")
            #expect(
                problem.line == one.line && problem.column == one.column + (isEntry ? 1 : 0), "\(value): \(problem)")
            if !isEntry { #expect(problem.message.hasPrefix("must be \(one.setting.form.allowed)"), "\(problem)") }
        }
    }

    @Test("a setting that is there twice is named, and one that is mistyped with the nearest", arguments: each)
    func names(_ one: ProgramSettings.One) {
        let twice = one.settings.problems(one.file("null", besides: ",\n \(one.setting.name): null"))
        #expect(twice.map(\.code) == [.duplicate])
        #expect(twice.map(\.setting) == [one.path] && twice.map(\.line) == [one.line + 1] && twice.map(\.column) == [2])
        let mistyped = one.settings.problems(one.file("null", besides: ",\n \(one.setting.name)x: 1"))
        #expect(mistyped.map(\.code) == [.unknownName])
        #expect(mistyped.first?.message == "there is no such setting; did you mean \(one.setting.name)?")
        #expect(mistyped.first?.setting == one.path + "x")
    }

    @Test("the example is read, and each setting comes to the value of its example", arguments: ProgramSettings.all)
    func example(_ program: ProgramSettings) {
        #expect(program.problems(program.example).isEmpty, "\(program.problems(program.example))")
        for (path, setting) in program.read(program.example).flat {
            if case .object = setting.form { continue }
            #expect(setting.value == (setting.isAlternative ? nil : setting.example), "\(path)")
            #expect(
                program.described.flat.contains { $0.path == path && $0.setting.value != setting.value }
                    || setting.isAlternative || path == "serviceCommand" || path == "rebootCommand",
                "\(path): the example is the default")
        }
    }

    @Test("the schema accepts the example, and refuses each wrong value", arguments: ProgramSettings.all)
    func schema(_ program: ProgramSettings) throws {
        var values: [(text: String, isGood: Bool)] = [(program.example, true), ("{}", true), ("{nothing: 1}", false)]
        for one in program.each {
            values.append((one.file("null"), program.problems(one.file("null")).isEmpty))
            values += one.wrong.map { (one.file($0.value), false) }
        }
        // What is no JSON has no schema to refuse it.
        let parsed = values.compactMap { text, isGood in
            (try? JSON5Parser.parse(Array(text.utf8), limits: JSONLimits(bytes: 65_536))).map { (text, isGood, $0) }
        }
        #expect(parsed.count > program.each.count * 4)
        let schema = try JSONParser.parse(Array(program.schema.utf8), limits: JSONLimits(bytes: 100_000))
        let input = SettingsSchema.object(["schema": schema, "values": .array(parsed.map(\.2))])
        let output = try Program.run(
            "\(Self.root)/.venv/bin/python3", ["\(Self.root)/Tests/Peers/settings_peer.py"], input: input.text())
        let verdicts = try JSONParser.parse(output, limits: JSONLimits(bytes: 100_000)).asArray ?? []
        #expect(verdicts.count == parsed.count)
        for ((text, isGood, _), verdict) in zip(parsed, verdicts) { #expect(verdict == .bool(isGood), "\(text)") }
    }

    static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
}
