package import Model
package import Rollout

/// What a hub's core is told once.
package struct HubConfiguration: Sendable {
    package var fleet: FleetName
    /// The hub's own node id.
    package var hub: NodeID
    /// The name of the hub's own pool.
    package var poolName: NodeName
    /// The name of the hub's pool of patches.
    package var patchPoolName: NodeName
    /// How long spokes are asked to wait for patches.
    package var patience: TransferPatience
    /// The rules of a time zone by its name (`Europe/Berlin`), as they are now.
    package var zones: ZoneLookup
    /// Revocations that the list names itself, before they are moved into segments.
    package var looseRevocations = HubLimits.looseRevocations

    package init(
        fleet: FleetName, hub: NodeID, poolName: NodeName, patchPoolName: NodeName,
        patience: TransferPatience = TransferPatience(),
        zones: @escaping ZoneLookup
    ) {
        self.fleet = fleet
        self.hub = hub
        self.poolName = poolName
        self.patchPoolName = patchPoolName
        self.patience = patience
        self.zones = zones
    }
}
