package import Model

/// Something that needs a person: a code, what it is about, and how often.
package struct HubWarning: Equatable, Sendable {
    package var code: WarningCode
    /// One clause for a person, with the names.
    package var text: String
    /// How many there are.
    package var count: Int
    /// Some of them by name, at most `HubLimits.warningExamples`.
    package var examples: [String]

    package init(_ code: WarningCode, _ text: String, count: Int = 1, examples: [String] = []) {
        self.code = code
        self.text = Event.singleLine(text, limit: 512)
        self.count = count
        self.examples = examples
    }
}

/// How a hub and its fleet are, at a glance.
package struct HubSummary: Equatable, Sendable {
    package var spokes = 0
    package var spokesConnected = 0
    package var clients = 0
    package var clientsConnected = 0
    package var packages: [PackageState: Int] = [:]
    package var rollouts: [RolloutState: Int] = [:]
    /// What needs a person, the most pressing first; empty means all is well.
    package var warnings: [HubWarning] = []
}
