package import Model

/// `GET /v1/status`: the fleet at a glance.
package struct StatusResource: Codable, Hashable, Sendable {
    /// How many there are and how many of them are connected.
    package struct Count: Codable, Hashable, Sendable {
        package var total: Int
        package var connected: Int

        package init(total: Int, connected: Int) {
            self.total = total
            self.connected = connected
        }
    }

    /// A site that the hub does not hear of.
    package struct OfflineSite: Codable, Hashable, Sendable {
        package var spoke: NodeName
        package var since: UnixTime
        /// Until when it can go on without the hub and come back by itself.
        package var until: UnixTime

        package init(spoke: NodeName, since: UnixTime, until: UnixTime) {
            self.spoke = spoke
            self.since = since
            self.until = until
        }
    }

    /// The hub's program version.
    package var version: String
    package var fleet: FleetName
    package var hub: Reference
    /// The hub's clock.
    package var time: UnixTime
    package var started: UnixTime
    package var spokes: Count
    package var clients: Count
    /// Packages by state.
    package var packages: [String: Int]
    /// Rollouts by state.
    package var rollouts: [String: Int]
    package var catalog: CatalogResource?
    package var pool: PoolResource?
    /// Sites that are not connected, the most urgent first, 20 at the most.
    package var offlineSites: [OfflineSite]?
    /// Members whose clock is wrong, as the log names them, 20 at the most.
    package var wrongClocks: [String]?
    /// Whether a change of the fleet's CA is under way.
    package var changesAuthority: Bool?
    /// What the hub's kernel lacks for the children that read bytes from outside, as a sentence;
    /// nil for nothing.
    package var confinementLack: String?
    /// What needs a person, the most pressing first; nil from a hub of an earlier release.
    package var warnings: [WarningResource]?

    package init(
        version: String, fleet: FleetName, hub: Reference, time: UnixTime, started: UnixTime, spokes: Count,
        clients: Count, packages: [String: Int], rollouts: [String: Int], catalog: CatalogResource?,
        pool: PoolResource?, offlineSites: [OfflineSite]? = nil, wrongClocks: [String]? = nil,
        changesAuthority: Bool? = nil, confinementLack: String? = nil,
        warnings: [WarningResource]? = nil
    ) {
        self.version = version
        self.fleet = fleet
        self.hub = hub
        self.time = time
        self.started = started
        self.spokes = spokes
        self.clients = clients
        self.packages = packages
        self.rollouts = rollouts
        self.catalog = catalog
        self.pool = pool
        self.offlineSites = offlineSites
        self.wrongClocks = wrongClocks
        self.changesAuthority = changesAuthority
        self.confinementLack = confinementLack
        self.warnings = warnings
    }
}

/// Something that needs a person.
package struct WarningResource: Codable, Hashable, Sendable {
    /// A stable code; docs/status.md has the table.
    package var code: String
    /// `warning`, or `notice` for what is no reason for exit status 1.
    package var severity: String
    /// One clause for a person, with names.
    package var text: String
    /// What to do next; one sentence.
    package var next: String
    /// How many there are.
    package var count: Int
    /// Some of them by name, 5 at the most.
    package var examples: [String]

    package init(code: WarningCode, text: String, count: Int, examples: [String]) {
        self.code = code.rawValue
        severity = code.isNotice ? "notice" : "warning"
        self.text = text
        next = code.next
        self.count = count
        self.examples = examples
    }

    /// Whether it is a reason for exit status 1; also a severity of a newer hub.
    package var isWarning: Bool { severity != "notice" }
}
