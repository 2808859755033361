package import Model
internal import Protocol

extension MemoryHubStore {
    // MARK: Packages

    package func putPackage(_ package: PackageRecord) throws { state.packages[package.package.path] = package }
    package func package(_ path: TargetPath) throws -> PackageRecord? { state.packages[path] }

    package func packages(after path: TargetPath?, limit: Int) throws -> [PackageRecord] {
        let sorted = sortedPackages { _ in true }
        return Array(sorted.drop { record in path.map { record.package.path <= $0 } ?? false }.prefix(limit))
    }

    package func packages(product: ProductName, release: ReleaseName) throws -> [PackageRecord] {
        sortedPackages { $0.package.path.product == product && $0.package.path.release == release }
    }

    package func packages(in state: PackageState) throws -> [PackageRecord] { sortedPackages { $0.state == state } }

    package func nextImport() throws -> UnixTime? { state.packages.values.compactMap(\.nextTry).min() }

    private func sortedPackages(_ isWanted: (PackageRecord) -> Bool) -> [PackageRecord] {
        state.packages.values.filter(isWanted).sorted { $0.package.path < $1.package.path }
    }

    // MARK: Replicas

    package func putReplica(_ replica: ReplicaRecord) throws {
        state.replicas[ReplicaKey(spoke: replica.spoke, path: replica.path)] = replica
    }

    package func replica(spoke: NodeID, path: TargetPath) throws -> ReplicaRecord? {
        state.replicas[ReplicaKey(spoke: spoke, path: path)]
    }

    package func removeReplica(spoke: NodeID, path: TargetPath) throws {
        state.replicas.removeValue(forKey: ReplicaKey(spoke: spoke, path: path))
    }

    package func replicas(of path: TargetPath) throws -> [ReplicaRecord] {
        state.replicas.values.filter { $0.path == path }.sorted { $0.spoke < $1.spoke }
    }

    package func replicas(at spoke: NodeID) throws -> [ReplicaRecord] {
        state.replicas.values.filter { $0.spoke == spoke }.sorted { $0.path < $1.path }
    }

    package func unacknowledgedReplicas(
        at spoke: NodeID, after path: TargetPath?, limit: Int
    ) throws -> [ReplicaRecord] {
        let wanted = try replicas(at: spoke).filter { !$0.isAcknowledged }
        return Array(wanted.drop { record in path.map { record.path <= $0 } ?? false }.prefix(limit))
    }

    // MARK: Pools

    package func putLink(_ link: LinkRecord) throws { state.links[link.spoke] = link }
    package func link(of spoke: NodeID) throws -> LinkRecord? { state.links[spoke] }

    package func addTraffic(of spoke: NodeID, sent: ByteCount, received: ByteCount) throws {
        state.links[spoke, default: LinkRecord(spoke: spoke)].sent += sent
        state.links[spoke, default: LinkRecord(spoke: spoke)].received += received
    }

    package func putPool(_ pool: PoolRecord) throws { state.pools[PoolKey(node: pool.node, name: pool.name)] = pool }
    package func pool(node: NodeID, name: NodeName) throws -> PoolRecord? {
        state.pools[PoolKey(node: node, name: name)]
    }
    package func removePool(node: NodeID, name: NodeName) throws {
        state.pools.removeValue(forKey: PoolKey(node: node, name: name))
    }
    package func pools() throws -> [PoolRecord] {
        state.pools.values.sorted { ($0.node, $0.name) < ($1.node, $1.name) }
    }
    package func pools(of node: NodeID) throws -> [PoolRecord] {
        state.pools.values.filter { $0.node == node }.sorted { $0.name < $1.name }
    }

    // MARK: Checks

    package func putCheck(_ check: CheckRecord) throws {
        state.checks[PoolKey(node: check.node, name: check.said.pool)] = check
    }
    package func check(node: NodeID, pool: NodeName) throws -> CheckRecord? {
        state.checks[PoolKey(node: node, name: pool)]
    }
    package func checks(at node: NodeID) throws -> [CheckRecord] {
        state.checks.values.filter { $0.node == node }.sorted { $0.said.pool < $1.said.pool }
    }
    package func removeCheck(node: NodeID, pool: NodeName) throws {
        state.checks.removeValue(forKey: PoolKey(node: node, name: pool))
    }

    // MARK: Prunes

    package func putPrune(_ prune: PruneRecord) throws {
        state.prunes[ReplicaKey(spoke: prune.node, path: prune.path)] = prune
    }
    package func removePrune(node: NodeID, path: TargetPath) throws {
        state.prunes.removeValue(forKey: ReplicaKey(spoke: node, path: path))
    }
    package func prune(node: NodeID, path: TargetPath) throws -> PruneRecord? {
        state.prunes[ReplicaKey(spoke: node, path: path)]
    }
    package func prunes(at node: NodeID) throws -> [PruneRecord] {
        state.prunes.values.filter { $0.node == node }.sorted { $0.path < $1.path }
    }
    package func prunedNodes() throws -> [NodeID] { Set(state.prunes.values.map(\.node)).sorted() }

    // MARK: Places

    package func putPlace(_ place: PlaceRecord) throws {
        state.places[ReplicaKey(spoke: place.node, path: place.path)] = place
    }
    package func removePlace(node: NodeID, path: TargetPath) throws {
        state.places.removeValue(forKey: ReplicaKey(spoke: node, path: path))
    }
    package func place(node: NodeID, path: TargetPath) throws -> PlaceRecord? {
        state.places[ReplicaKey(spoke: node, path: path)]
    }
    package func places(at node: NodeID) throws -> [PlaceRecord] {
        state.places.values.filter { $0.node == node }.sorted { $0.path < $1.path }
    }
}
