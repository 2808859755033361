package import Model

/// What an operator asks for with a rollout: the rollout file, checked.
package struct RolloutSpecification: Codable, Hashable, Sendable {
    /// Whom it is for; the rules are those of `Rollout.Selection`.
    package struct Target: Codable, Hashable, Sendable {
        package var all: Bool
        package var names: [NodeName]
        package var labels: [String: String]
        package var spokes: [NodeName]

        package init(
            all: Bool = false, names: [NodeName] = [], labels: [String: String] = [:], spokes: [NodeName] = []
        ) {
            self.all = all
            self.names = names
            self.labels = labels
            self.spokes = spokes
        }
    }

    /// When installs may run.
    package enum Window: Codable, Hashable, Sendable {
        case anyTime
        /// One span of UTC.
        case span(TimeSpan)
        /// Wall-clock times `HH:MM` of a time zone on days `mon` … `sun` (none means every day).
        case daily(from: String, to: String, days: [String], timeZone: String)
    }

    /// One wave.
    package struct Wave: Codable, Hashable, Sendable {
        package enum Size: Codable, Hashable, Sendable {
            case count(Int)
            case percent(Int)
            case rest
        }
        package var size: Size
        package var soakSeconds: Int

        package init(size: Size = .rest, soakSeconds: Int = 0) {
            self.size = size
            self.soakSeconds = soakSeconds
        }
    }

    package var name: String
    package var product: ProductName
    package var release: ReleaseName
    package var target: Target
    /// When it begins by itself; nil waits for `start`.
    package var start: UnixTime?
    package var window: Window
    /// How long before a window downloads may begin.
    package var leadMinutes: Int
    /// Whether a restart of the machine is allowed.
    package var restartAllowed: Bool
    /// At least one; the last one usually `rest`.
    package var waves: [Wave]
    /// How many clients of a wave may end badly before the rollout pauses; nil means `ErrorRule.standard`, none means any number.
    package var errors: [ErrorRule]?
    /// Whether nothing is ordered before an operator has signed; nil is no.
    package var operatorSignature: Bool?

    package init(
        name: String, product: ProductName, release: ReleaseName, target: Target, start: UnixTime? = nil,
        window: Window = .anyTime, leadMinutes: Int = 0, restartAllowed: Bool = true, waves: [Wave] = [Wave()],
        errors: [ErrorRule]? = nil, operatorSignature: Bool? = nil
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
}
