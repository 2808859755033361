package import Model

/// Whether a client may get a release, and why not: `GET /v1/candidates`, `GET /v1/clients/N/explain`, plans.
package struct CandidateResource: Codable, Hashable, Sendable {
    package var client: Reference
    package var spoke: Reference
    package var product: ProductName
    package var release: ReleaseName
    /// The id of the package that suits it best.
    package var package: String?
    package var eligible: Bool
    package var reasons: [ReasonResource]
    package var notes: [ReasonResource]

    package init(
        client: Reference, spoke: Reference, product: ProductName, release: ReleaseName, package: String?,
        reasons: [Reason], notes: [Note]
    ) {
        self.client = client
        self.spoke = spoke
        self.product = product
        self.release = release
        self.package = package
        eligible = reasons.isEmpty
        self.reasons = reasons.map { ReasonResource($0) }
        self.notes = notes.map { ReasonResource($0) }
    }
}
