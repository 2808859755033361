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

    package init(
        id: NodeID, name: NodeName, connected: Bool, since: UnixTime?, joined: UnixTime, revoked: UnixTime?,
        version: String?, clients: Int, clientsConnected: Int, pools: [PoolResource]
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
    }
}
