package import Model

/// A spoke: `GET /v1/spokes`, `GET /v1/spokes/N` by name or id.
package struct SpokeResource: Codable, Hashable, Sendable {
    package var id: NodeID
    package var name: NodeName
    package var connected: Bool
    /// Since when it is connected, or is not; nil when it never was.
    package var since: UnixTime?
    package var joined: UnixTime
    package var revoked: UnixTime?
    /// Its program's version, as its hello said.
    package var version: String?
    package var clients: Int
    package var clientsConnected: Int
    package var pools: [PoolResource]
    /// For a spoke that is not connected: until when its site can go on without the hub and come back by itself; nil while it is connected.
    package var offlineUntil: UnixTime?
    /// The end of the certificate that it uses; it is renewed long before.
    package var certificateExpires: UnixTime?
    /// How many seconds its clock is ahead of the hub's (negative: behind), if that is more than 5 minutes.
    package var clockError: Int64?
    /// What it holds, or is to hold; in the answer for one spoke only.
    package var replicas: [HeldReplicaResource]?
    /// How fast the hub sends packages to it; nil before one was set.
    package var limit: LimitResource?
    /// How fast it sends packages to its agents, all together.
    package var agentLimit: LimitResource?
    /// What passes over its link to the hub.
    package var traffic: TrafficResource?
    /// The folders of its machine that show a product's release; in the answer for one spoke only.
    package var shares: [ShareResource]?

    package init(
        id: NodeID, name: NodeName, connected: Bool, since: UnixTime?, joined: UnixTime, revoked: UnixTime?,
        version: String?, clients: Int, clientsConnected: Int, pools: [PoolResource],
        offlineUntil: UnixTime? = nil, certificateExpires: UnixTime? = nil, clockError: Int64? = nil,
        replicas: [HeldReplicaResource]? = nil, limit: LimitResource? = nil, agentLimit: LimitResource? = nil,
        traffic: TrafficResource? = nil
    ) {
        self.id = id
        self.name = name
        self.connected = connected
        self.since = since
        self.joined = joined
        self.revoked = revoked
        self.version = version
        self.clients = clients
        self.clientsConnected = clientsConnected
        self.pools = pools
        self.offlineUntil = offlineUntil
        self.certificateExpires = certificateExpires
        self.clockError = clockError
        self.replicas = replicas
        self.limit = limit
        self.agentLimit = agentLimit
        self.traffic = traffic
    }
}

/// A folder of a spoke's machine that shows a release of a product, as the spoke said last. It is
/// set there (`axle-spoke share`), never by the hub.
package struct ShareResource: Codable, Hashable, Sendable {
    package var name: NodeName
    package var product: ProductName
    /// Nil: whichever the product has.
    package var platform: PlatformName?
    package var folder: String
    package var state: ShareState
    /// The release that it shows; nil when there is none.
    package var release: String?
    /// What is wrong, or why it waits; nil when there is nothing to say.
    package var problem: String?
    /// Which release it shows: `newest`, `completed` or a release; a hub of an earlier release does
    /// not say it.
    package var shows: ShareRule?

    package init(
        name: NodeName, product: ProductName, platform: PlatformName?, folder: String, state: ShareState,
        release: String?, problem: String?, shows: ShareRule? = nil
    ) {
        self.name = name
        self.product = product
        self.platform = platform
        self.folder = folder
        self.state = state
        self.release = release
        self.problem = problem
        self.shows = shows
    }
}

/// What passes over the link between the hub and a spoke, seen from the hub.
package struct TrafficResource: Codable, Hashable, Sendable {
    /// Bytes over all connections, as far as they have been counted.
    package var sent: ByteCount
    package var received: ByteCount
    /// Bytes a second over the last seconds; nil while it is not connected.
    package var sendRate: ByteCount?
    package var receiveRate: ByteCount?
    /// Contents on their way to the spoke, their bytes that have not gone yet, and how many seconds they take at this speed.
    package var transfers: Int?
    package var bytesLeft: ByteCount?
    package var secondsLeft: UInt64?
    /// By each means what the packages that it holds verified have cost and saved; in the answer for one spoke only.
    package var means: [MeansResource]?

    package init(sent: ByteCount, received: ByteCount) {
        self.sent = sent
        self.received = received
    }
}

/// What one means of transfer has brought to a spoke.
package struct MeansResource: Codable, Hashable, Sendable {
    package var means: TransferMeans
    package var packages: Int
    /// Bytes that went over the link for them, and how many fewer that is than their published files.
    package var sent: ByteCount
    package var saved: ByteCount

    /// The sums over the verified replicas, in the order of the means' numbers.
    package static func sums(of replicas: [HeldReplicaResource]) -> [MeansResource] {
        var sums: [TransferMeans: MeansResource] = [:]
        for replica in replicas where replica.state == .verified {
            guard let means = replica.means, let sent = replica.sent else { continue }
            var sum = sums[means] ?? MeansResource(means: means, packages: 0, sent: .zero, saved: .zero)
            sum.packages += 1
            sum.sent += ByteCount(sent)
            sum.saved += ByteCount(replica.length) - ByteCount(sent)
            sums[means] = sum
        }
        return sums.values.sorted { $0.means.rawValue < $1.means.rawValue }
    }
}

/// A bandwidth limit: the rule as it was set, and what it comes to now.
package struct LimitResource: Codable, Hashable, Sendable {
    /// For example `20 Mbit/s mon-fri 08:00-18:00 Europe/Berlin, else none`.
    package var rule: String
    /// What holds now; nil is no limit.
    package var bitsPerSecond: UInt64?
    /// When that changes; nil when it does not.
    package var until: UnixTime?
    /// Why the rule's hours do not count now and its lowest rate holds; nil when all is well.
    package var problem: String?

    package init(rule: String, bitsPerSecond: UInt64?, until: UnixTime?, problem: String? = nil) {
        self.rule = rule
        self.bitsPerSecond = bitsPerSecond
        self.until = until
        self.problem = problem
    }
}

/// `PATCH /v1/spokes/N`: sets limits; what is not named stays, `none` lifts one.
package struct SpokeChange: Codable, Hashable, Sendable {
    package var limit: String?
    package var agentLimit: String?
    /// Another name, and then no limits.
    package var name: NodeName?

    package init(limit: String? = nil, agentLimit: String? = nil, name: NodeName? = nil) {
        self.name = name
        self.limit = limit
        self.agentLimit = agentLimit
    }

    private enum CodingKeys: String, CodingKey, CaseIterable { case limit, agentLimit, name }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        limit = try container.decodeIfPresent(String.self, forKey: .limit)
        agentLimit = try container.decodeIfPresent(String.self, forKey: .agentLimit)
        name = try container.decodeIfPresent(NodeName.self, forKey: .name)
    }

    /// Refuses a change of nothing, and a name together with limits.
    package func validate() throws(Problem) {
        guard (limit != nil || agentLimit != nil) != (name != nil) else {
            throw Problem(.invalid, "a change of a spoke has limits or a name")
        }
    }
}
