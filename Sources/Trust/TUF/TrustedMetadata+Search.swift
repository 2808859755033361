package import Codec
package import Model

extension TrustedMetadata {
    /// A target and the role that speaks for it.
    package struct FoundTarget: Sendable, Equatable {
        package let file: TargetFile
        package let role: RoleName
    }

    /// A role that must be verified for a delegator before a search can go on.
    package struct WantedRole: Sendable, Hashable {
        package let role: RoleName
        package let delegator: RoleName
    }

    /// How far a search got.
    package enum Search: Sendable, Equatable {
        case found(FoundTarget)
        /// No role that may speak for the path names it.
        case absent
        case needs(WantedRole)
    }

    /// 5.6.7: searches a path in pre-order, depth first, over the roles that may speak for it.
    ///
    /// Each role is visited once (so a cycle ends), a terminating delegation ends the search among its siblings and
    /// those before, and at most `limits.rolesPerSearch` delegated roles are visited. Because each step goes only to roles
    /// whose scope has the path, the path is allowed along the whole chain.
    package func search(_ path: JSONText) throws(MetadataError) -> Search {
        var toVisit = [WantedRole(role: .targets, delegator: .root)]
        var visited: Set<RoleName> = []
        while let next = toVisit.popLast() {
            if visited.contains(next.role) { continue }
            guard visited.count <= limits.rolesPerSearch else {
                throw MetadataError(
                    .tooManyRoles, role: next.role, "more than \(limits.rolesPerSearch) delegated roles for one path")
            }
            guard let metadata = metadata(next) else { return .needs(next) }
            if let file = metadata.targets[path] { return .found(FoundTarget(file: file, role: next.role)) }
            visited.insert(next.role)
            guard let (names, terminated) = metadata.delegations?.roles(for: path, digester: digester) else { continue }
            if terminated { toVisit.removeAll() }
            toVisit += names.reversed().map { WantedRole(role: $0, delegator: next.role) }
        }
        return .absent
    }

    /// The next role to verify before the whole catalog is there, leaving out those given; nil when none is left.
    ///
    /// Bins are read as far as the snapshot names them.
    package func nextRoleOfCatalog(without refused: Set<WantedRole> = []) throws(MetadataError) -> WantedRole? {
        var toVisit = [WantedRole(role: .targets, delegator: .root)]
        var visited: Set<WantedRole> = []
        var roles: Set<RoleName> = []
        while let next = toVisit.popLast() {
            if visited.contains(next) || refused.contains(next) { continue }
            roles.insert(next.role)
            guard roles.count <= limits.rolesPerCatalog + 1 else {
                throw MetadataError(
                    .tooManyRoles, role: next.role, "more than \(limits.rolesPerCatalog) delegated roles in the catalog"
                )
            }
            guard let metadata = metadata(next) else { return next }
            visited.insert(next)
            for name in listedRoles(metadata.delegations).reversed() {
                toVisit.append(WantedRole(role: name, delegator: next.role))
            }
        }
        return nil
    }

    /// Every target for which a search over the verified roles finds an answer, by ascending path.
    ///
    /// What a role names outside its scope, or what an earlier role speaks for, is left out, and so is a path whose search
    /// would have to pass through a role that is not verified.
    package func allTargets() -> [FoundTarget] {
        var paths: Set<JSONText> = []
        for verified in targetsRoles.values { paths.formUnion(verified.metadata.targets.keys) }
        return paths.sorted().compactMap { path in
            // A search that fails or needs another role gives no target here; the refresh has reported why.
            guard case .found(let target)? = try? search(path) else { return nil }
            return target
        }
    }

    /// The verified metadata of a targets role, whoever delegated to it.
    package func targetsRole(_ role: RoleName) -> TargetsMetadata? { targetsRoles[role]?.metadata }

    /// The targets roles that are verified, by ascending name.
    package var verifiedRoles: [RoleName] { targetsRoles.keys.sorted() }

    /// The earliest expiry of what is believed: when a site without news freezes.
    package var freshUntil: UnixTime {
        var earliest = min(root.expires, timestamp?.expires ?? root.expires)
        if let snapshot { earliest = min(earliest, snapshot.expires) }
        for verified in targetsRoles.values { earliest = min(earliest, verified.metadata.expires) }
        return earliest
    }

    /// The file in this client's folder that answers for a file name of the repository, or nil when it holds none such.
    ///
    /// So a spoke serves the names that the vendor's repository would.
    package func storedFile(forRemoteName name: String) -> MetadataFile? {
        if name == remoteName(.timestamp, version: 0) { return timestamp == nil ? nil : .timestamp }
        if let snapshot, name == remoteName(.snapshot, version: snapshot.version) { return .snapshot }
        for (role, verified) in targetsRoles
        where name == remoteName(role, version: verified.metadata.version) { return .targets(role) }
        guard name.utf8.elementsEqual("\(name.prefix(while: \.isNumber)).root.json".utf8),
            let version = Int64(name.prefix(while: \.isNumber)), (1...root.version).contains(version),
            name == MetadataFile.rootVersion(version).fileName
        else { return nil }
        return .rootVersion(version)
    }

    /// The repository's name of a role's file.
    package func remoteName(_ role: RoleName, version: Int64) -> String {
        MetadataFile.remoteName(role, version: version, consistent: root.consistentSnapshot)
    }

    private func metadata(_ wanted: WantedRole) -> TargetsMetadata? {
        guard let verified = targetsRoles[wanted.role], verified.delegators.contains(wanted.delegator) else {
            return nil
        }
        return verified.metadata
    }

    private func listedRoles(_ delegations: Delegations?) -> [RoleName] {
        switch delegations?.roles {
        case nil: []
        case .listed(let roles): roles.map(\.name)
        case .bins(let bins): (snapshot?.roles.keys.filter { bins.contains($0) } ?? []).sorted()
        }
    }
}
