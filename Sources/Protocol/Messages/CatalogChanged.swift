package import Codec

/// Message 24, `catalogChanged`. Metadata is newer than the receiver may have: refresh when convenient. A hint; nothing is believed of it.
package struct CatalogChanged: MessageBody {
    package static let number: UInt64 = 24
    package static let name = "catalogChanged"

    package var timestampVersion: UInt64

    package init(timestampVersion: UInt64) {
        self.timestampVersion = timestampVersion
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        timestampVersion = try fields.unsigned(1)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .unsigned(timestampVersion)
        ])
    }
}
