package import Model

/// A rollout as a person writes it (JSON5): the body of `POST /v1/rollouts` and the FILE of `axle rollout create`.
///
/// Members that nothing reads are refused, so that a misspelt one never means its absence.
package struct RolloutFile: Codable, Hashable, Sendable {
    package var name: NodeName
    package var product: ProductName
    package var release: ReleaseName
    package var select: SelectFile
    /// Nothing is ordered before; at once when nil.
    package var start: UnixTime?
    /// When installs may run; at any time when nil.
    package var window: WindowFile?
    /// How long before a window downloads begin, in the bounds of `RolloutLimits`; 60 when nil.
    package var leadMinutes: Int?
    /// Whether machines may be restarted; allowed when nil.
    package var restart: RestartRule?
    /// Whether nothing is ordered before an operator has signed with `axle rollout sign`; no when nil.
    package var operatorSignature: Bool?
    /// How many clients of a wave may end badly before the rollout pauses; one failure when nil, any number when empty.
    package var errors: [ErrorRuleFile]?

    package init(
        name: NodeName, product: ProductName, release: ReleaseName, select: SelectFile, start: UnixTime? = nil,
        window: WindowFile? = nil, leadMinutes: Int? = nil, restart: RestartRule? = nil,
        operatorSignature: Bool? = nil, errors: [ErrorRuleFile]? = nil
    ) {
        self.name = name
        self.product = product
        self.release = release
        self.select = select
        self.start = start
        self.window = window
        self.leadMinutes = leadMinutes
        self.restart = restart
        self.operatorSignature = operatorSignature
        self.errors = errors
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, product, release, select, start, window, leadMinutes, restart, operatorSignature, errors
    }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(NodeName.self, forKey: .name)
        product = try container.decode(ProductName.self, forKey: .product)
        let version = try container.decode(String.self, forKey: .release)
        do {
            release = try VersionText.release(version)
        } catch {
            throw DecodingError.dataCorruptedError(
                forKey: .release, in: container, debugDescription: error.description)
        }
        select = try container.decode(SelectFile.self, forKey: .select)
        start = try container.decodeIfPresent(UnixTime.self, forKey: .start)
        window = try container.decodeIfPresent(WindowFile.self, forKey: .window)
        leadMinutes = try container.decodeIfPresent(Int.self, forKey: .leadMinutes)
        restart = try container.decodeIfPresent(RestartRule.self, forKey: .restart)
        operatorSignature = try container.decodeIfPresent(Bool.self, forKey: .operatorSignature)
        errors = try container.decodeIfPresent([ErrorRuleFile].self, forKey: .errors)
    }

    /// Refuses numbers out of range, and a selection that names nobody or everyone and someone.
    package func validate() throws(Problem) {
        let lead = RolloutLimits.problem(ofLead: leadMinutes ?? RolloutLimits.standardLead)
        if let problem = lead ?? RolloutLimits.problem(of: (errors ?? []).map(\.rule)) {
            throw Problem(.invalid, problem)
        }
        let isEmpty = select.names.isEmpty && select.labels.isEmpty && select.spokes.isEmpty
        guard select.all == isEmpty else {
            throw Problem(
                .invalid, "select must have all: true, or names, labels or spokes",
                next: "Write select: {all: true} for everyone.")
        }
    }
}

/// A rule of `errors`: `{of: ["failed", "rolledBack"], count: 3}`, or `{of: […], percent: 10, minimum: 5}`.
package struct ErrorRuleFile: Codable, Hashable, Sendable {
    package var of: [ErrorClass]
    package var count: Int?
    package var percent: Int?
    package var minimum: Int?

    package init(_ rule: ErrorRule) {
        (of, count, percent, minimum) = (rule.of, rule.count, rule.percent, rule.minimum)
    }

    package var rule: ErrorRule { ErrorRule(of: of, count: count, percent: percent, minimum: minimum) }

    private enum CodingKeys: String, CodingKey, CaseIterable { case of, count, percent, minimum }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        of = try container.decode([ErrorClass].self, forKey: .of)
        count = try container.decodeIfPresent(Int.self, forKey: .count)
        percent = try container.decodeIfPresent(Int.self, forKey: .percent)
        minimum = try container.decodeIfPresent(Int.self, forKey: .minimum)
    }
}

/// Whether a rollout may restart machines.
package enum RestartRule: String, Codable, Sendable, CaseIterable {
    case allowed, never
}

/// Whom a rollout is for: everyone, or those who meet each criterion that is given.
package struct SelectFile: Codable, Hashable, Sendable {
    package var all: Bool
    package var names: [NodeName]
    package var labels: [String: String]
    package var spokes: [NodeName]

    package init(all: Bool = false, names: [NodeName] = [], labels: [String: String] = [:], spokes: [NodeName] = []) {
        self.all = all
        self.names = names
        self.labels = labels
        self.spokes = spokes
    }

    private enum CodingKeys: String, CodingKey, CaseIterable { case all, names, labels, spokes }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        all = try container.decodeIfPresent(Bool.self, forKey: .all) ?? false
        names = try container.decodeIfPresent([NodeName].self, forKey: .names) ?? []
        labels = try container.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
        spokes = try container.decodeIfPresent([NodeName].self, forKey: .spokes) ?? []
    }
}
