import Foundation
import Model
import Testing

struct NameTests {
    static let hostile = [
        "", ".", "..", "a..b", "../a", "/a", "a/b", "a\\b", "a\u{0}", "a b", "-a", "~a", "_a", ".a", "ä", "a\n", "a:b",
        "%2e",
        String(repeating: "a", count: 65),
    ]

    @Test(arguments: hostile) func refusesHostileNames(_ text: String) {
        #expect(throws: ModelError.self) { try ProductName(text) }
        #expect(throws: ModelError.self) { try ReleaseName(text) }
        #expect(throws: ModelError.self) { try LineName(text) }
        #expect(throws: ModelError.self) { try PlatformName(text) }
        #expect(throws: ModelError.self) { try NodeName(text) }
    }

    @Test(arguments: ["a", "A.b_c+d~e-f", "0", "ruff-0.12.1-x86_64.tar.zst", String(repeating: "a", count: 64)])
    func takesNames(_ text: String) throws {
        #expect(try ProductName(text).description == text)
        #expect(try FileName(text).description == text)
    }

    @Test func filesMayBeLonger() throws {
        #expect(try FileName(String(repeating: "a", count: 128)).text.utf8.count == 128)
        #expect(throws: ModelError.self) { try FileName(String(repeating: "a", count: 129)) }
    }

    @Test(arguments: ["", "A", "a_b", "a.b", String(repeating: "a", count: 64)]) func refusesFleet(_ text: String) {
        #expect(throws: ModelError.self) { try FleetName(text) }
    }

    @Test func targetPathsComeBackFromPathAndId() throws {
        let path = try TargetPath("ruff/0.12.1/linux-x86_64-glibc/ruff.tar.zst")
        #expect(path.description == "ruff/0.12.1/linux-x86_64-glibc/ruff.tar.zst")
        #expect(path.id == "ruff:0.12.1:linux-x86_64-glibc:ruff.tar.zst")
        #expect(try TargetPath(id: path.id) == path)
        let refused = [
            "", "a/b/c", "ok/1.0/any-any-any/..", "ok/1.0/any-any-any/a\\b", "a/b/c/d/e", "a//c/d", "/a/b/c/d",
            "a/b/c/d/", "a/../c/d",
        ]
        for text in refused {
            #expect(throws: ModelError.self) { try TargetPath(text) }
        }
    }

    @Test func identitiesComeBack() throws {
        let text = "axle://north-1/spoke/00112233445566778899aabbccddeeff"
        let identity = try PeerIdentity(text)
        #expect(identity.role == .spoke)
        #expect(identity.description == text)
        for text in [
            "", "axle://", "axle://f/spoke", "axle://f/root/00112233445566778899aabbccddeeff",
            "axle://f/spoke/00112233445566778899AABBCCDDEEFF", "axle://f/spoke/00112233445566778899aabbccddeeff/",
            "AXLE://f/spoke/00112233445566778899aabbccddeeff", "axle://F/spoke/00112233445566778899aabbccddeeff",
            "axle:///spoke/00112233445566778899aabbccddeeff", "axle://f/Spoke/00112233445566778899aabbccddeeff",
        ] { #expect(throws: ModelError.self) { try PeerIdentity(text) } }
    }

    @Test func identifiersAndDigestsComeBack() throws {
        var generator = SystemRandomNumberGenerator()
        let id = NodeID.random(using: &generator)
        #expect(try NodeID(id.description) == id)
        #expect(try NodeID(bytes: id.bytes) == id)
        #expect(throws: ModelError.self) { try NodeID(bytes: [1, 2]) }
        for text in [
            "", "0", "g0112233445566778899aabbccddeeff", " 0112233445566778899aabbccddeeff",
            String(repeating: "0", count: 33),
        ] {
            #expect(throws: ModelError.self) { try NodeID(text) }
        }
        let digest = try SHA256Digest(bytes: Array(0..<32))
        #expect(digest.hex == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        #expect(try SHA256Digest(digest.hex) == digest)
        #expect(digest.bytes == Array(0..<32))
        #expect(throws: ModelError.self) { try SHA256Digest(bytes: []) }
        #expect(throws: ModelError.self) { try SHA256Digest(digest.hex.uppercased()) }
    }

    @Test(
        arguments: [
            ("linux-x86_64-glibc", 64), ("linux-i686-glibc", 32), ("linux-any-any", nil), ("any-any-any", nil),
            ("linux-aarch64-musl", 64),
        ] as [(String, Int?)]) func platformsComeBack(_ text: String, _ bits: Int?) throws
    {
        let platform = try Platform(text)
        #expect(platform.description == text)
        #expect(platform.bits == bits)
        #expect(try platform.name().text == text)
    }

    @Test(arguments: ["", "linux", "linux-x86_64", "a-b-c-d", "Linux-x86_64-glibc", "-a-b", "_a-b-c"])
    func refusesPlatform(_ text: String) {
        #expect(throws: ModelError.self) { try Platform(text) }
    }

    @Test func anErrorNeverCarriesControlCharacters() {
        let error = ModelError("x", "a\u{1B}[2J\r\nü" + String(repeating: "b", count: 500), "is bad")
        #expect(error.description.utf8.count < 120)
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 })
    }
}
