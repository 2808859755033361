import Hub
import System
import Testing

@Suite struct APINamesTests {
    @Test func namesAndAddressesHaveOneSpelling() throws {
        var names = try APINames(["Hub.Example", "192.0.2.7", "2001:DB8:0::7", "localhost", "node_1"])
        #expect(names.dnsNames == ["localhost", "hub.example", "node_1"])
        #expect(names.addresses == ["127.0.0.1", "::1", "192.0.2.7", "2001:db8::7"])
        let again = [try names.add("HUB.example"), try names.add("2001:db8::7")]
        #expect(again == [false, false])
        let removed = [try names.remove("Hub.Example"), try names.remove("hub.example")]
        #expect(removed == [true, false])
    }

    @Test(arguments: [
        "", "*.example", "a b", "hub.example.", ".example", "-a", "a-", "a..b", "hub:8443", "fe80::1%eth0", "1.2.3.4.5",
        "ä.example", "a/b", "a\nb", "https://hub.example", String(repeating: "a", count: 64),
        String(repeating: "abc.", count: 64) + "abc",
    ])
    func whatNoCertificateCanHoldIsRefused(text: String) {
        #expect(throws: UsageError.self) { try APINames([text]) }
    }

    @Test func thereIsALimit() throws {
        var names = try APINames((0..<APINames.limit).map { "host\($0)" })
        #expect(throws: UsageError.self) { try names.add("one-more") }
    }
}
