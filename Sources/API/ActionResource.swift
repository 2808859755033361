package import Model

/// One client's work in a rollout: `GET /v1/rollouts/ID/actions`.
package struct ActionResource: Codable, Hashable, Sendable {
    package var id: ActionID
    package var rollout: RolloutID
    package var wave: Int
    package var client: Reference
    package var spoke: Reference
    package var product: ProductName
    package var release: ReleaseName
    /// The package's id.
    package var package: String
    package var state: ActionState
    /// When it came to its state.
    package var since: UnixTime
    package var reasons: [ReasonResource]
    package var notes: [ReasonResource]
    /// What happened, for a person; empty when nothing is to be said.
    package var detail: String

    package init(
        id: ActionID, rollout: RolloutID, wave: Int, client: Reference, spoke: Reference, product: ProductName,
        release: ReleaseName, package: String, state: ActionState, since: UnixTime, reasons: [Reason], notes: [Note],
        detail: String
    ) {
        self.id = id
        self.rollout = rollout
        self.wave = wave
        self.client = client
        self.spoke = spoke
        self.product = product
        self.release = release
        self.package = package
        self.state = state
        self.since = since
        self.reasons = reasons.map { ReasonResource($0) }
        self.notes = notes.map { ReasonResource($0) }
        self.detail = detail
    }
}
