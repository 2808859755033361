package import Codec

/// Message 10, `fetchMetadata`. Asks for a file of the vendor's repository, byte for byte as the vendor published it; answered by `content`.
package struct FetchMetadata: MessageBody {
    package static let number: UInt64 = 10
    package static let name = "fetchMetadata"

    /// For example `2.root.json` or `timestamp.json`; no slash, does not begin with a dot.
    package var name: String

    package init(name: String) {
        self.name = name
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        name = try fields.metadataName(1)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .text(name)
        ])
    }

    /// Whether a text may be asked for: 1 … 255 of `A–Z a–z 0–9 . _ % ~ + -`, not beginning with a dot.
    package static func isName(_ text: String) -> Bool {
        guard (1...ProtocolLimits.nameLength).contains(text.utf8.count), !text.hasPrefix(".") else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
            case 0x2e, 0x5f, 0x25, 0x7e, 0x2b, 0x2d: true
            default: false
            }
        }
    }
}
