import Foundation
import Settings
import System
import Testing

/// The documents of the settings, which are made from their declarations.
///
/// `AXLE_WRITE_DOCS=1 swift test --filter SettingsDocumentsTests` writes them anew.
@Suite("Documents of the settings")
struct SettingsDocumentsTests {
    private static let writes = ProgramStreams.process().environment("AXLE_WRITE_DOCS") == "1"

    @Test("the schema in docs/formats is the one of the declarations", arguments: ProgramSettings.all)
    func schema(_ program: ProgramSettings) throws {
        try compare("docs/formats/\(program.name)-settings.schema.json") { _ in program.schema }
    }

    @Test("docs/settings.md has every setting and the whole example, word for word") func page() throws {
        try compare("docs/settings.md") { page in
            var page = page
            for program in ProgramSettings.all {
                let begin = "<!-- begin \(program.program) -->\n"
                let end = "<!-- end \(program.program) -->\n"
                let first = try #require(page.range(of: begin))
                let last = try #require(page.range(of: end))
                page.replaceSubrange(first.upperBound..<last.lowerBound, with: Self.section(program))
            }
            return page
        }
    }

    private func compare(_ file: String, _ expected: (String) throws -> String) throws {
        let url = URL(filePath: "\(SettingsTableTests.root)/\(file)")
        let text = FileManager.default.fileExists(atPath: url.path) ? try String(contentsOf: url, encoding: .utf8) : ""
        let expected = try expected(text)
        if Self.writes { try expected.write(to: url, atomically: true, encoding: .utf8) }
        #expect(Self.writes || text == expected, "\(file) differs; write it anew with AXLE_WRITE_DOCS=1")
    }

    private static func section(_ program: ProgramSettings) -> String {
        var text = "| setting | must be | default | purpose |\n|---|---|---|---|\n"
        for (path, setting) in program.described.flat {
            let cells = ["`\(path)`", setting.form.allowed, setting.normal, setting.purpose]
            text += "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
        }
        return text + "\n```json5\n\(program.example)```\n"
    }
}
