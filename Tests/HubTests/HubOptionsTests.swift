import Hub
import Testing

@Suite("hub.json5")
struct HubOptionsTests {
    private func parse(_ text: String) throws -> HubOptions { try HubOptions.parse(Array(text.utf8)) }

    @Test func everySettingIsRead() throws {
        let downloads = try parse(
            """
            {
              // JSON5
              downloads: {
                allow: ["10.20.0.0/16", 'fd00::/8'], authorities: "/etc/axle/ca.pem", proxy: "http://proxy:3128",
                noProxy: [".lan"], proxyCredentialsFile: "/etc/axle/proxy", minimumRate: 0, deadlineHours: 48,
              },
            }
            """
        ).downloads
        #expect(downloads.allow == ["10.20.0.0/16", "fd00::/8"])
        #expect(downloads.authorities == "/etc/axle/ca.pem")
        #expect(downloads.proxy == "http://proxy:3128")
        #expect(downloads.noProxy == [".lan"])
        #expect(downloads.proxyCredentialsFile == "/etc/axle/proxy")
        #expect(downloads.minimumRate == 0)
        #expect(downloads.deadlineHours == 48)
        let defaults = try parse("{}").downloads
        #expect(defaults.allow == [])
        #expect(defaults.minimumRate == 1024)
        #expect(defaults.deadlineHours == 24)
        #expect(try parse("{ downloads: { proxy: 'none' } }").downloads.proxy == "none")
        #expect(try HubOptions.read("/nowhere/hub.json5").downloads.allow == [])
    }

    @Test(arguments: [
        ("", "JSON5"), ("[]", "kind"), ("{ downlods: {} }", "did you mean downloads?"),
        ("{ downloads: { alow: [] } }", "did you mean allow?"), ("{ downloads: { allow: '10.0.0.0/8' } }", "allow"),
        ("{ downloads: { allow: ['10.0.0.1/8'] } }", "beyond the prefix"),
        ("{ downloads: { allow: ['mirror.lan'] } }", "mirror.lan"),
        ("{ downloads: { authorities: 'ca.pem' } }", "absolute path"),
        ("{ downloads: { proxy: 'socks5://p:1' } }", "not spoken"),
        ("{ downloads: { proxy: 'http://user:s3cr3t@p:1' } }", "proxyCredentialsFile"),
        ("{ downloads: { noProxy: ['a'] } }", "go with proxy"), ("{ downloads: { minimumRate: -1 } }", "minimumRate"),
        ("{ downloads: { deadlineHours: 0 } }", "deadlineHours"),
    ])
    func aMistakeIsNamed(text: String, word: String) {
        let failure = #expect(throws: HubOptions.Failure.self) { try parse(text) }
        #expect(failure?.description.contains(word) == true, "\(failure?.description ?? "")")
        #expect(failure?.description.contains("s3cr3t") == false)
    }
}
