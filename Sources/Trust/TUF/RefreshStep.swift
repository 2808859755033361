/// What a `RefreshWorkflow` wants done next. Its driver does it and answers.
package enum RefreshStep: Sendable {
    /// Read a file of the client's folder; answer `bytes` or `notFound`.
    case load(MetadataFile)
    /// Fetch a file of the repository by its exact name, percent signs included; stop and answer `tooLarge` after more
    /// than the given number of bytes. Answer `bytes`, `notFound`, `failed` or `tooSlow`.
    case fetch(name: String, maximumLength: Int)
    /// Replace a file of the client's folder, durably and at once (write, fsync, rename, fsync the folder) before
    /// answering `stored`. For `targets` files the folder may be synchronised once at the end: each is verified again when
    /// it is loaded, and their order does not matter.
    case persist(MetadataFile, [UInt8])
    /// Remove a file of the client's folder, durably, before answering `stored`; a file that is not there is no error.
    case delete(MetadataFile)
    /// The end: what is trusted now.
    case done(RefreshOutcome)
}

/// A driver's answer to a `RefreshStep`.
package enum RefreshAnswer: Sendable {
    case bytes([UInt8])
    /// The file is not there.
    case notFound
    /// The file is longer than the step allowed.
    case tooLarge
    /// The file came slower than the driver's least rate or after its deadline.
    case tooSlow
    /// The repository could not be reached or broke off; the text says why.
    case failed(String)
    /// A file was persisted or deleted.
    case stored
}

/// What a refresh ended with.
package struct RefreshOutcome: Sendable {
    package let trusted: TrustedMetadata
    /// The target that was looked for; nil when nobody may name it or does, and when none was looked for.
    package let target: TrustedMetadata.FoundTarget?
    /// With the goal `catalog`: delegated roles that were refused, and why; the rest of the catalog is not held up by them.
    package let refused: [MetadataError]
}
