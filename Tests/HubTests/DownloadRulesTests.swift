import HTTP
import Hub
import System
import TestSupport
import Testing

/// What a download server's 401 and 403 say to whoever reads the log.
struct DownloadRulesTests {
    private static func rules(credentials: String?, _ file: String) throws -> DownloadRules {
        var options = DownloadOptions()
        if let credentials {
            try AtomicFile.write(credentials, to: file, mode: 0o600)
            options.credentialsFile = file
        }
        return try DownloadRules(options) { _ in nil }
    }

    private static let entry = "machine known.example login fleet password s3cret\n"

    @Test(
        arguments: [
            (
                401, "https://vendor.example/a", nil,
                [": it wants a user and", "downloads.credentialsFile", "hub.json5"]
            ),
            (403, "https://vendor.example/a", nil, ["; if it wants a user", "downloads.credentialsFile", "hub.json5"]),
            (
                401, "https://vendor.example/a", entry,
                [": it wants a user", "add them to FILE", "none for this address"]
            ),
            (
                403, "https://vendor.example/a", entry,
                ["; if it wants a user", "add them to FILE", "none for this address"]
            ),
            (401, "https://known.example/a", entry, ["refuses the user and password that FILE"]),
            (403, "https://known.example/a", entry, ["refuses the user and password that FILE"]),
            (401, "http://known.example/a", entry, [": it wants a user", "https address", "never sent over http"]),
            (403, "http://vendor.example/a", nil, ["if it wants a user", "https address", "never sent over http"]),
            (404, "https://known.example/a", entry, []), (500, "https://vendor.example/a", nil, []),
        ] as [(Int, String, String?, [String])])
    func aRefusalNamesTheFileToSet(_ status: Int, _ url: String, _ credentials: String?, _ words: [String]) throws {
        let folder = try TemporaryFolder()
        let file = folder.path("mirrors")
        let rules = try Self.rules(credentials: credentials, file)
        let advice = rules.advice(status, at: try URLReference(url))
        #expect(advice.isEmpty == words.isEmpty)
        for word in words {
            #expect(advice.contains(word.replacing("FILE", with: file)), "\(status) of \(url): \(advice)")
        }
        #expect(!advice.contains("s3cret"))
    }
}
