import Foundation
import Model
import Testing

struct ByteCountTests {
    @Test(
        arguments: [
            ("0", 0), ("4096", 4096), ("10GB", 10_000_000_000), ("10GiB", 10_737_418_240), ("1.5MB", 1_500_000),
            ("1.5 KiB", 1536),
            ("2kB", 2000), ("9223372036854775807", 9_223_372_036_854_775_807), ("0.001kB", 1),
            ("7PiB", 7_881_299_347_898_368),
        ] as [(String, UInt64)]) func reads(_ text: String, _ bytes: UInt64) throws
    { #expect(try ByteCount(text).bytes == bytes) }

    @Test(arguments: [
        "", "GB", "-1", "+1", "1e3", "1.2.3", "1.", ".5", "1.1234GB", "1 gb", "1g", "10XB", "9223372036854775808",
        "99999999999PB", "1GB ", "０",
    ]) func refuses(_ text: String) { #expect(throws: ModelError.self) { try ByteCount(text) } }

    @Test func shows() {
        #expect(ByteCount(999).description == "999 B")
        #expect(ByteCount(10_000_000_000).description == "10 GB")
        #expect(ByteCount(1_550_000).description == "1.5 MB")
    }

    @Test func saturates() {
        #expect(ByteCount(.max) == .maximum)
        #expect(ByteCount.maximum + ByteCount(1) == .maximum)
        #expect(ByteCount(1) - ByteCount(2) == .zero)
        #expect(ByteCount(clamping: -5) == .zero)
        #expect(ByteCount.maximum.signed == .max)
    }

    @Test func jsonHasNumbersAndReadsText() throws {
        #expect(
            try JSONDecoder().decode([ByteCount].self, from: Data(#"[12,"10GB"]"#.utf8)) == [
                ByteCount(12), ByteCount(10_000_000_000),
            ])
        #expect(String(decoding: try JSONEncoder().encode([ByteCount(12)]), as: UTF8.self) == "[12]")
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([ByteCount].self, from: Data("[-1]".utf8)) }
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([ByteCount].self, from: Data("[1.5]".utf8)) }
    }
}
