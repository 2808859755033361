package import Model

/// Where a package lies that somebody wants to remove, and why it must stay, if it must.
package struct PackageRemoval: Sendable {
    package let record: PackageRecord
    /// The spokes' copies that are asked to go.
    package let replicas: [ReplicaRecord]
    /// The reasons against it, for people; all of them.
    package let refusals: [String]

    /// Whether neither the hub nor a spoke has anything of it.
    package var isNothing: Bool { !record.isHere && replicas.isEmpty }

    var placesText: String {
        let spokes = replicas.isEmpty ? [] : ["\(replicas.count) spoke\(replicas.count == 1 ? "" : "s")"]
        return ((record.isHere ? ["the hub"] : []) + spokes).joined(separator: " and ")
    }
}

extension HubQueries {
    /// What removing a package takes, and what is against it: nothing goes that the catalog names, a live rollout needs, a machine's owner has pinned, or a spoke
    /// is fetching.
    package func removal(of path: TargetPath) throws -> PackageRemoval {
        guard let record = try store.package(path) else { throw HubRefusal.notFound("there is no package \(path)") }
        let package = record.package
        let replicas = try store.replicas(of: path).filter { $0.digest == package.sha256 && $0.state != .evicted }
        var refusals: [String] = []
        if record.state != .retired {
            refusals.append("the catalog names \(path); retention decides what is kept of it ('axle pool plan')")
        }
        let all = try store.packages()
        for other in all
        where other.state != .retired && other.package.path != path && other.package.sha256 == package.sha256 {
            refusals.append("the catalog names the same file as \(other.package.path)")
        }
        if let rollout = try rolloutNeeds()[package.sha256] { refusals.append("rollout \(rollout) needs it") }
        if try pinned(all).contains(package.sha256) {
            refusals.append("a machine's owner has pinned release \(path.release) of \(path.product)")
        }
        for replica in replicas where replica.state == .transferring {
            let name = try store.spoke(replica.spoke)?.name.text ?? replica.spoke.description
            refusals.append("spoke \(name) is fetching it")
        }
        return PackageRemoval(record: record, replicas: replicas, refusals: refusals)
    }
}
