import HTTP
import System
import Testing

@Suite("Which addresses a download may be made from")
struct AddressPolicyTests {
    private func permits(_ host: String, _ policy: AddressPolicy = AddressPolicy()) throws -> Bool {
        let address = try #require(try SocketAddress.resolve(host, port: 80, numericOnly: true).first)
        return policy.permits(address)
    }

    @Test(arguments: [
        "127.0.0.1", "127.255.255.254", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "0.1.2.3", "10.0.0.1",
        "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "169.254.0.1", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
        "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::10.0.0.1", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254", "64:ff9b::a00:1",
        "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:20::1", "2001:db8::1", "2002:a00:1::1",
        "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "febf::1", "fec0::1",
        "ff02::1", "ff0e::1",
    ])
    func metadataLoopbackAndPrivateRangesAreRefused(host: String) throws {
        #expect(try !permits(host))
    }

    @Test(arguments: [
        "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
        "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255", "192.169.0.0",
        "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1",
        "2001:4860:4860::8888", "2600::1", "2a00::1", "fbff::1",
    ])
    func publicAddressesArePermitted(host: String) throws {
        #expect(try permits(host))
    }

    @Test func whatIsAllowedIsPermittedHoweverItIsWritten() throws {
        let policy = AddressPolicy(allowed: [try AddressRange("10.1.0.0/16"), try AddressRange("fd00:1::/32")])
        for host in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00:1::7", "1.1.1.1"] {
            #expect(try permits(host, policy), "\(host)")
        }
        for host in ["10.2.0.1", "::ffff:10.2.0.1", "fd00:2::7", "127.0.0.1", "169.254.169.254"] {
            #expect(try !permits(host, policy), "\(host)")
        }
        let one = AddressPolicy(allowed: [try AddressRange("192.168.1.7")])
        #expect(try permits("192.168.1.7", one))
        #expect(try !permits("192.168.1.8", one))
        #expect(try permits("192.168.1.8", .anywhere))
        #expect(try permits("::1", AddressPolicy(allowed: [try AddressRange("::/0")])))
    }

    @Test(arguments: [
        "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.1/8", "fd00::1/8", "fd00::/129",
        "example.org", "example.org/8", "10.0.0.0/8 ", "fe80::1%eth0", "[::1]", "10.0.0.0/0x8", "::ffff:10.0.0.0/104",
    ])
    func aRangeThatIsNoneIsRefused(text: String) {
        #expect(throws: HTTPError.self) { try AddressRange(text) }
    }
}
