package import Codec

/// A check of catalog metadata that failed: which check, for which role, and what was seen.
///
/// `code` is stable: it is logged, reported and matched on. Text is for people and may change.
package struct MetadataError: Error, Sendable, Equatable {
    /// Every check by its own name. Steps are those of TUF 1.0.34 §5.
    package enum Code: String, Sendable, CaseIterable {
        // What the bytes are.
        /// No strict JSON, or a field that is missing or of the wrong kind.
        case malformedMetadata
        /// More bytes than the role or its listed length allows: endless data.
        case metadataTooLarge
        /// `_type` is another role's.
        case wrongType
        /// The specification's major version is not 1.
        case unsupportedSpecification
        /// A threshold below 1.
        case invalidThreshold
        /// A role lists a key twice.
        case duplicateKeyID
        /// Two signatures by one key.
        case duplicateSignature
        /// A key's id is not the hash of the key.
        case keyIDMismatch
        /// A delegation that takes the name of a top-level role, has none, or occurs twice.
        case invalidRoleName

        // Who signed it.
        /// Fewer valid signatures than the threshold: unsigned, altered, or signed by others.
        case thresholdNotMet

        // Root (5.3).
        /// No trusted root to begin with.
        case noTrustedRoot
        /// A root below or equal to the trusted one.
        case rootRolledBack
        /// A root beyond the next one.
        case rootSkipped

        // Timestamp (5.4).
        /// A timestamp below the trusted one.
        case timestampRolledBack
        /// A timestamp that names an older snapshot than the trusted one.
        case snapshotRolledBack

        // Snapshot (5.5).
        /// A role of the trusted snapshot is gone.
        case snapshotRoleVanished
        /// A role's version is below the one in the trusted snapshot.
        case targetsRolledBack

        // What was fetched is not what was named (5.5, 5.6, 5.7).
        /// Another version than the one listed: mix and match.
        case versionMismatch
        /// Another length than the one listed.
        case lengthMismatch
        /// Another hash than the one listed.
        case hashMismatch
        /// Only hashes of unknown kinds are listed.
        case unknownHash

        // Freshness.
        /// The role has expired: freeze.
        case metadataExpired

        // Delegations (5.6.7).
        /// The snapshot does not name the role.
        case roleNotInSnapshot
        /// More roles than the limit for one search.
        case tooManyRoles
        /// A role that its delegator does not delegate to.
        case notDelegated

        // Getting the bytes.
        /// The repository does not have a file that it must have.
        case missingMetadata
        /// The file could not be fetched now.
        case unreachable
        /// The file came slower than the least rate.
        case tooSlow

        // Programmer's errors of drivers.
        /// A role was given before the one that it depends on.
        case wrongOrder
    }

    package let code: Code
    /// The role that was checked, made printable.
    package let role: String
    /// What was expected and what was there.
    package let detail: String

    package init(_ code: Code, role: JSONText, _ detail: String) {
        self.init(code, role: role.string, detail)
    }

    package init(_ code: Code, role: String, _ detail: String) {
        self.code = code
        self.role = Self.printable(role, limit: 80)
        self.detail = Self.printable(detail, limit: 200)
    }

    /// The attack that the failed check stands against, for reports; nil where nothing but an absence was seen.
    package var attack: AttackCode? { code.attack }

    /// Whether trying again later may help without anyone signing something new.
    package var isTransient: Bool {
        switch code {
        case .missingMetadata, .unreachable, .tooSlow, .versionMismatch: true
        default: false
        }
    }

    /// Printable ASCII only, so that a hostile name can neither forge nor flood a log line.
    private static func printable(_ text: String, limit: Int) -> String {
        var shown = ""
        for byte in text.utf8.prefix(limit) {
            shown.unicodeScalars.append((0x20...0x7E).contains(byte) ? Unicode.Scalar(byte) : "?")
        }
        return text.utf8.count > limit ? shown + "…" : shown
    }
}

extension MetadataError: CustomStringConvertible {
    package var description: String { "\(role): \(code.rawValue): \(detail)" }
}

extension MetadataError.Code {
    /// What kind of attack the failed check looks like. A broken repository looks the same as an attacked one; people
    /// decide.
    package var attack: AttackCode? {
        switch self {
        case .rootRolledBack, .timestampRolledBack, .snapshotRolledBack, .targetsRolledBack, .snapshotRoleVanished:
            .rollback
        case .metadataExpired: .freeze
        case .thresholdNotMet, .rootSkipped: .badSignature
        case .hashMismatch, .lengthMismatch: .hashMismatch
        case .versionMismatch, .roleNotInSnapshot: .mixAndMatch
        case .metadataTooLarge, .tooManyRoles: .endlessData
        case .tooSlow: .slowRetrieval
        case .malformedMetadata, .wrongType, .unsupportedSpecification, .invalidRoleName, .unknownHash: .badMetadata
        case .invalidThreshold, .duplicateKeyID, .duplicateSignature, .keyIDMismatch: .keyForgery
        case .noTrustedRoot, .notDelegated, .missingMetadata, .unreachable, .wrongOrder: nil
        }
    }
}
