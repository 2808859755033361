import Codec
package import Model

/// The timestamp role (§4.6): which snapshot is the newest.
package struct TimestampMetadata: Sendable {
    package let version: Int64
    package let expires: UnixTime
    package let snapshot: ListedMetadata

    init(_ file: SignedMetadata) throws(MetadataError) {
        version = file.version
        expires = file.expires
        let meta = try MetadataFields(file.signed, role: .timestamp).object(MetadataName.meta)
        guard let listed = meta[MetadataName.snapshotFile], meta.count == 1 else {
            throw MetadataError(.malformedMetadata, role: .timestamp, "meta must name snapshot.json and nothing else")
        }
        snapshot = try ListedMetadata(listed, MetadataName.snapshotFile, role: .timestamp)
    }
}
