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

    package init(
        version: String, fleet: FleetName, hub: Reference, time: UnixTime, started: UnixTime, spokes: Count,
        clients: Count, packages: [String: Int], rollouts: [String: Int], catalog: CatalogResource?,
        pool: PoolResource?
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
    }
}
