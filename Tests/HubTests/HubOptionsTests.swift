import HTTP
import Hub
import Network
import Settings
import Testing
import Transport

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
                noProxy: [".lan", "*.example.org", "10.1.2.3/8"], credentialsFile: "/etc/axle/mirrors",
                proxyCredentialsFile: "/etc/axle/proxy", minimumRate: 0, deadlineHours: 48,
              },
            }
            """
        ).downloads
        #expect(downloads.allow == ["10.20.0.0/16", "fd00::/8"])
        #expect(downloads.authorities == "/etc/axle/ca.pem")
        #expect(downloads.proxy == "http://proxy:3128")
        #expect(downloads.noProxy == [".lan", "*.example.org", "10.1.2.3/8"])
        #expect(downloads.credentialsFile == "/etc/axle/mirrors")
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
        ("", "hub.json5: line 1, column 1: the text ends too soon"),
        (
            "{\n  downloads: {\n    minimumRate: 1.5 } }",
            "hub.json5: line 3, column 18: downloads.minimumRate: must be 0 to 1,000,000,000 bytes a second, not 1.5"
        ),
        (
            "{ downloads: { allow: [] },\n  downloads: {} }",
            "hub.json5: line 2, column 3: downloads: this object has the same name"
        ),
        ("[]", "hub.json5: line 1, column 1: must be an object in braces, not a list"),
        (
            "{ downlods: {} }",
            "hub.json5: line 1, column 3: downlods: there is no such setting; did you mean downloads?"
        ),
        ("{ downloads: { alow: [] } }", "column 16: downloads.alow: there is no such setting; did you mean allow?"),
        ("{ downloads: [] }", "downloads: must be an object in braces, not a list"),
        ("{ downloads: { allow: '10.0.0.0/8' } }", "downloads.allow: must be a list of at most 256 addresses"),
        (
            "{ downloads: { allow: ['10.0.0.0/8', 7] } }",
            "downloads.allow[1]: must be an address or a range of addresses such as 10.20.0.0/16, not 7"
        ),
        (
            "{ downloads: { allow: ['10.0.0.1/8'] } }",
            "downloads.allow[0]: must be an address or a range of addresses such as 10.20.0.0/16, not \"10.0.0.1/8\""
        ),
        ("{ downloads: { allow: ['mirror.lan'] } }", "mirror.lan"),
        ("{ downloads: { authorities: 'ca.pem' } }", "downloads.authorities: must be an absolute path, not \"ca.pem\""),
        ("{ downloads: { proxy: 'socks5://p:1' } }", "not spoken"),
        ("{ downloads: { proxy: 'http://user:s3cr3t@p:1' } }", "proxyCredentialsFile"),
        ("{ downloads: { noProxy: ['a'] } }", "downloads.noProxy: goes with proxy"),
        (
            "{ downloads: { proxy: 'http://p:1', noProxy: ['a b'] } }",
            "downloads.noProxy[0]: must be a name, address or range, with :PORT where only that is meant, not \"a b\": it is neither a name"
        ),
        ("{ downloads: { proxy: 'http://p:1', noProxy: ['*.example.org', '10.0.0.0/33'] } }", "10.0.0.0/33"),
        ("{ downloads: { proxy: 'http://p:1', noProxy: ['http://x/'] } }", "http://x/"),
        ("{ downloads: { proxy: 'http://p:1', noProxy: ['x:99999'] } }", "x:99999"),
        ("{ downloads: { proxy: 'http://p:1', noProxy: [''] } }", "downloads.noProxy[0]: must be"),
        (
            "{ downloads: { proxy: 'http://p:1', noProxy: ['10.1'] } }",
            "\"10.1\": it is not an address such as 10.1.2.3"
        ),
        ("{ downloads: { proxy: 'http://p:1', noProxy: ['10.0.0.256'] } }", "\"10.0.0.256\": it is not an address"),
        ("{ downloads: { proxy: 'http://p:1', noProxy: ['1.2.3.4.5'] } }", "\"1.2.3.4.5\": it is not an address"),
        ("{ downloads: { proxy: 'http://p:1', noProxy: ['0x7f.1'] } }", "\"0x7f.1\": it is not an address"),
        ("{ downloads: { proxy: 'http://p:1', noProxy: ['010.0.0.1'] } }", "\"010.0.0.1\": it is not an address"),
        ("{ downloads: { proxy: 'http://p:1', noProxy: ['10.0.0.0/08'] } }", "\"10.0.0.0/08\": it is not an address"),
        ("{ downloads: { proxy: 'http://p:1', noProxy: ['7'] } }", "\"7\": it is not an address"),
        ("{ downloads: { proxy: 'http://p:1', noProxy: ['[10.0.0.1]:80'] } }", "[10.0.0.1]:80"),
        (
            "{ downloads: { proxy: 'http://p:1', noProxy: ['x:080'] } }",
            "has a port that is not a number from 1 to 65535"
        ),
        ("{ downloads: { proxy: 'http://p:1', noProxy: ['x:'] } }", "\"x:\": it has a port"),
        (
            "{ downloads: { proxy: 'http://p:1/x' } }",
            "downloads.proxy: must be http://HOST:PORT, or none: a proxy is named http://HOST:PORT, without a path"
        ),
        ("{ downloads: { credentialsFile: 'mirror' } }", "downloads.credentialsFile: must be an absolute path"),
        (
            "{ downloads: { minimumRate: -1 } }",
            "downloads.minimumRate: must be 0 to 1,000,000,000 bytes a second, not -1"
        ),
        ("{ downloads: { deadlineHours: 0 } }", "downloads.deadlineHours: must be 1 to 720 hours, not 0"),
    ])
    func aMistakeIsNamed(text: String, word: String) {
        let failure = #expect(throws: SettingsError.self) { try parse(text) }
        #expect(failure?.description.contains(word) == true, "\(failure?.description ?? "")")
        #expect(failure?.description.contains("s3cr3t") == false)
    }

    @Test func limitsOfConnectionsAreReadAndWhatIsNoneIsRefused() throws {
        let options = try HubOptions.parse(
            Array(
                "{ connections: { handshakes: 99, joinsPerAddress: 3 }, api: { strangers: 9, strangerSeconds: 4 } }"
                    .utf8))
        let rules = options.connections.limit.rules
        #expect(rules.handshakes == 99 && rules.visitorsPerAddress == 3 && rules.peers == 4096)
        #expect(options.api.server.maximumStrangers == 9 && options.api.server.strangerTimeout == .seconds(4))
        #expect(options.api.server.maximumConnections == 256)
        for text in [
            "{ connections: { handshake: 1 } }", "{ connections: { handshakes: 0 } }", "{ api: { strangers: '9' } }",
            "{ api: { peers: 9 } }", "{ connections: 5 }",
        ] {
            #expect(throws: (any Error).self, "\(text)") { try HubOptions.parse(Array(text.utf8)) }
        }
    }
}
