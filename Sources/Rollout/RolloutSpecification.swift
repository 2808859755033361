package import Model

/// What an operator asks for with a rollout: the rollout file, as the hub keeps it.
///
/// The names of its members and of their cases are those of the hub's database.
package struct RolloutSpecification: Codable, Hashable, Sendable {
    package var name: String
    package var product: ProductName
    package var release: ReleaseName
    package var target: Selection
    /// When it begins by itself; nil waits for `start`.
    package var start: UnixTime?
    package var window: WindowRule
    /// How long before a window downloads may begin.
    package var leadMinutes: Int
    /// Whether a restart of the machine is allowed.
    package var restartAllowed: Bool
    /// At least one; the last is usually `rest`.
    package var waves: [WaveShape]
    /// How many clients of a wave may end badly before the rollout pauses; nil means
    /// `ErrorRule.standard`, none means any number.
    package var errors: [ErrorRule]?
    /// Whether nothing is ordered before an operator has signed; nil is no.
    package var operatorSignature: Bool?

    package init(
        name: String, product: ProductName, release: ReleaseName, target: Selection, start: UnixTime? = nil,
        window: WindowRule = .anyTime, leadMinutes: Int = 0, restartAllowed: Bool = true,
        waves: [WaveShape] = [WaveShape()], errors: [ErrorRule]? = nil, operatorSignature: Bool? = nil
    ) {
        self.name = name
        self.product = product
        self.release = release
        self.target = target
        self.start = start
        self.window = window
        self.leadMinutes = leadMinutes
        self.restartAllowed = restartAllowed
        self.waves = waves
        self.errors = errors
        self.operatorSignature = operatorSignature
    }

    /// The rules for errors that hold.
    package var errorRules: [ErrorRule] { errors ?? ErrorRule.standard }

    /// Refuses values out of range (`RolloutLimits`) and a selection that names nobody.
    package func validate() throws(RolloutError) {
        do { _ = try NodeName(name) } catch { throw .specification("the rollout's \(error)") }
        if let problem = RolloutLimits.problem(ofLead: leadMinutes) ?? RolloutLimits.problem(of: errors ?? []) {
            throw .specification(problem)
        }
        guard RolloutLimits.waves.contains(waves.count),
            waves.allSatisfy({ RolloutLimits.soakSeconds.contains($0.soakSeconds) })
        else {
            throw .specification(
                "a rollout has 1 to \(RolloutLimits.waves.upperBound) waves with soak times of at most a year")
        }
        guard target.isMeant else { throw .emptySelection }
    }
}
