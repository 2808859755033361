package import Model

/// A rollout: `GET /v1/rollouts`, `GET /v1/rollouts/ID`, and the answer to `POST`, `start` and `stop`.
package struct RolloutResource: Codable, Hashable, Sendable {
    package var id: RolloutID
    /// As it was written.
    package var file: RolloutFile
    package var state: RolloutState
    package var created: UnixTime
    /// When it came to its state.
    package var since: UnixTime
    /// Why it is in its state, for a person; empty when nothing is to be said.
    package var detail: String
    /// The windows in UTC; empty means at any time.
    package var windows: [TimeSpan]
    package var waves: [WaveResource]
    /// Actions by state.
    package var actions: [String: Int]
    /// Whether an operator has signed it; nil from a hub of a release that knows no signatures.
    package var signed: Bool?
    /// What became of its clients; nil from a hub of an earlier release.
    package var results: RolloutResult?
    /// Why it is paused, as a stable code; nil where it is not.
    package var pauseCause: String?

    package init(
        id: RolloutID, file: RolloutFile, state: RolloutState, created: UnixTime, since: UnixTime, detail: String,
        windows: [TimeSpan], waves: [WaveResource], actions: [String: Int], signed: Bool? = nil,
        results: RolloutResult? = nil, pauseCause: String? = nil
    ) {
        self.id = id
        self.file = file
        self.state = state
        self.created = created
        self.since = since
        self.detail = detail
        self.windows = windows
        self.waves = waves
        self.actions = actions
        self.signed = signed
        self.results = results
        self.pauseCause = pauseCause
    }
}

/// A wave of a rollout.
package struct WaveResource: Codable, Hashable, Sendable {
    /// 0 is the canary.
    package var index: Int
    package var state: WaveState
    package var clients: Int
    /// What became of them; nil from a hub of an earlier release.
    package var results: RolloutResult?

    package init(index: Int, state: WaveState, clients: Int, results: RolloutResult? = nil) {
        self.results = results
        self.index = index
        self.state = state
        self.clients = clients
    }
}

/// `POST /v1/rollouts?dryRun=true`: what a rollout would do; nothing is kept.
package struct RolloutPlanResource: Codable, Hashable, Sendable {
    /// A wave and whom it takes.
    package struct Wave: Codable, Hashable, Sendable {
        package var index: Int
        package var candidates: [CandidateResource]

        package init(index: Int, candidates: [CandidateResource]) {
            self.index = index
            self.candidates = candidates
        }
    }

    package var file: RolloutFile
    package var windows: [TimeSpan]
    package var waves: [Wave]
    package var eligible: Int
    package var ineligible: Int

    package init(file: RolloutFile, windows: [TimeSpan], waves: [Wave]) {
        self.file = file
        self.windows = windows
        self.waves = waves
        let all = waves.flatMap(\.candidates)
        eligible = all.count { $0.eligible }
        ineligible = all.count - eligible
    }
}
