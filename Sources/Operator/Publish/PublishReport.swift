import Codec
import Model
import Trust

/// What a command of `axle publish` did, for `--json`; the same for every command, absent where there is nothing to say.
struct PublishReport: Codable {
    /// A key as people know it.
    struct Key: Codable, Equatable {
        let id: String
        let name: String?

        init(_ key: MetadataKey) {
            id = key.id.string
            name = key.name
        }

        /// `alice (1a2b3c4d)`.
        var text: String {
            let short = String(id.prefix(8))
            return name.map { "\(TextTable.printable($0)) (\(short))" } ?? short
        }
    }

    /// A document that waits, and by whom it must be signed.
    struct Waiting: Codable {
        let role: String
        let version: Int64
        let threshold: Int
        let signed: [Key]
        let missing: [Key]
        let isComplete: Bool

        init(_ status: Repository.SigningStatus) {
            role = status.role
            version = status.version
            threshold = status.threshold
            signed = status.signed.map { Key($0) }
            missing = status.missing.map { Key($0) }
            isComplete = status.isComplete
        }
    }

    var dryRun: Bool?
    /// What was changed, in words.
    var changes: [String]?
    /// Metadata files that were published, in their order.
    var published: [String]?
    var waiting: [Waiting]?
    /// When each published role expires, by its name.
    var expires: [String: UnixTime]?
    var packages: Int?
    var products: Int?
    var problems: [String]?
    var warnings: [String]?
}
