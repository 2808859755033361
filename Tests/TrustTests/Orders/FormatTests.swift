import Foundation
import TestSupport
import Testing

/// The golden records before judges that nobody here wrote: cbor2, pycddl and cryptography, from `make setup`'s environment.
struct FormatTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..")
        .standardizedFileURL.path
    static let python = "\(root)/.venv/bin/python3"

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: python), "make setup makes .venv"))
    func goldenRecordsKeepToTheirCDDL() throws {
        let output = try Program.run(Self.python, ["\(Self.root)/Tests/Formats/validate.py"])
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 15)
        for line in lines { #expect(line.hasSuffix(": valid"), "\(line)") }
    }
}
