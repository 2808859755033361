package import Model

/// What goes from a pool and what stays: `GET /v1/pools/ID/plan`, and the answer of `POST /v1/pools/ID/prune`.
package struct PoolPlanResource: Codable, Hashable, Sendable {
    /// A package in the pool.
    package struct Item: Codable, Hashable, Sendable {
        /// The package's id; its hash where no catalog names it.
        package var package: String
        package var length: ByteCount
        /// Why it goes or stays.
        package var reason: String

        package init(package: String, length: ByteCount, reason: String) {
            self.package = package
            self.length = length
            self.reason = reason
        }
    }

    package var pool: PoolResource
    /// Releases kept of each line.
    package var retention: Int
    /// In the order in which they go.
    package var goes: [Item]
    package var stays: [Item]
    /// What comes back at the most; chunks that others share stay.
    package var freed: ByteCount

    package init(pool: PoolResource, retention: Int, goes: [Item], stays: [Item], freed: ByteCount) {
        self.pool = pool
        self.retention = retention
        self.goes = goes
        self.stays = stays
        self.freed = freed
    }
}

/// How many releases pools keep: `GET` and `PATCH /v1/retention`.
package struct RetentionResource: Codable, Hashable, Sendable {
    /// Of each line of each product, the newest.
    package var releases: Int

    package init(releases: Int) { self.releases = releases }

    private enum CodingKeys: String, CodingKey, CaseIterable { case releases }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        releases = try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .releases)
    }
}
