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

    package init(
        id: NodeID, name: NodeName, connected: Bool, since: UnixTime?, joined: UnixTime, revoked: UnixTime?,
        version: String?, clients: Int, clientsConnected: Int, pools: [PoolResource],
        offlineUntil: UnixTime? = nil, certificateExpires: UnixTime? = nil, clockError: Int64? = nil,
        replicas: [HeldReplicaResource]? = nil
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
    }
}
