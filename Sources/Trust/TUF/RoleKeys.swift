package import Codec

/// Who may sign for a role: key ids, each once, and how many of them must.
package struct RoleKeys: Sendable, Equatable {
    /// In the order of the metadata.
    package let keyIDs: [JSONText]
    /// At least 1.
    package let threshold: Int

    /// Nil when the threshold is below 1 or a key is listed twice.
    package init?(keyIDs: [JSONText], threshold: Int) {
        guard threshold >= 1, Set(keyIDs).count == keyIDs.count else { return nil }
        self.keyIDs = keyIDs
        self.threshold = threshold
    }

    init(_ fields: MetadataFields) throws(MetadataError) {
        keyIDs = try fields.texts(MetadataName.keyIDs)
        guard let threshold = fields.object[MetadataName.threshold]?.asInteger else {
            throw fields.malformed(MetadataName.threshold, "an integer")
        }
        guard threshold >= 1 else {
            throw MetadataError(.invalidThreshold, role: fields.role, "threshold \(threshold) is below 1")
        }
        guard Set(keyIDs).count == keyIDs.count else {
            throw MetadataError(.duplicateKeyID, role: fields.role, "a role lists a key twice")
        }
        self.threshold = Int(threshold)
    }
}
