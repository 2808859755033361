import Codec

/// The keys of a role and how many of them must sign.
package struct RoleSigners: Sendable, Equatable {
    package let keys: [MetadataKey]
    package let threshold: Int

    package init(keys: [MetadataKey], threshold: Int = 1) {
        self.keys = keys
        self.threshold = threshold
    }

    /// Refuses a threshold below 1 or above the number of different public keys, a key twice, and unknown kinds.
    func validate(_ role: RoleName) throws(PublishingError) {
        let different = Set(keys.map(\.publicKey)).count
        guard threshold >= 1, threshold <= different, different == keys.count, keys.allSatisfy({ $0.scheme != nil })
        else { throw .invalidKeys(role: role.string) }
    }

    /// As metadata writes them.
    var members: [JSONObject.Member] {
        [
            JSONObject.Member(MetadataName.keyIDs, .array(keys.map { .string($0.id) })),
            JSONObject.Member(MetadataName.threshold, .integer(Int64(threshold))),
        ]
    }
}

extension RoleSigners {
    /// The signers of a role of verified metadata; keys that are not listed are left out.
    init(_ role: RoleKeys, keys: [JSONText: MetadataKey]) {
        self.init(keys: role.keyIDs.compactMap { keys[$0] }, threshold: role.threshold)
    }
}
