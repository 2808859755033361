package import Model
package import Storage

/// Which contents a spoke unpacks and keeps beside the published files, so that the next update can come as a patch; pure.
///
/// The content of the newest release that is here, for each product and platform, is kept as a base. An older release keeps its published file where it
/// has one, and its content only where it has nothing else. A patch stays as long as the release that it gives is the newest.
package struct ContentKeeping: Equatable, Sendable {
    /// Packages that are here, whose content the catalog has not been asked about.
    package var lookUp: [TargetPath] = []
    /// The published file that is to be unpacked next.
    package var unpack: WantedReplica?
    /// Objects that are no longer kept.
    package var drop: [SHA256Digest] = []

    /// Of the quota, at most this part is filled by unpacking.
    private static let fill: UInt64 = 80

    /// - Parameters:
    ///   - held: what the pool holds.
    ///   - inUse: contents that agents wait for.
    ///   - skipped: published files that could not be unpacked.
    package init(
        replicas: [WantedReplica], patches: [KeptPatch], held: Set<SHA256Digest>, inUse: Set<SHA256Digest>,
        skipped: Set<SHA256Digest>, pool: PoolAccount
    ) {
        let here = replicas.filter { $0.state == .verified }
        let newest = Dictionary(grouping: here.flatMap(\.paths), by: Self.line)
            .mapValues { ReleaseOrder($0.map(\.release)) }
        // Of bytes that are several packages one newest release is enough.
        func isNewest(_ replica: WantedReplica) -> Bool {
            replica.paths.contains { newest[Self.line($0)]?.isNewest($0.release) ?? true }
        }
        var needed = inUse
        var droppable: [SHA256Digest] = []
        for replica in replicas {
            needed.insert(replica.sha256)
            let isNewest = isNewest(replica)
            if replica.content == nil || replica.isCodingUnknown, replica.state == .verified, isNewest {
                lookUp += replica.paths
            }
            guard let content = replica.packed else { continue }
            if isNewest || replica.state != .verified || !held.contains(replica.sha256) {
                needed.insert(content.sha256)
            } else {
                droppable.append(content.sha256)
            }
            if isNewest, replica.state == .verified, unpack == nil, !replica.isCodingUnknown,
                held.contains(replica.sha256),
                !held.contains(content.sha256), !skipped.contains(replica.sha256),
                Self.hasRoom(for: content.length, pool)
            {
                unpack = replica
            }
        }
        for patch in patches {
            let gives = replicas.filter { $0.content?.sha256 == patch.content }
            let isNeeded = gives.contains { $0.state != .verified || isNewest($0) }
            if isNeeded { needed.insert(patch.sha256) } else { droppable.append(patch.sha256) }
        }
        drop = Set(droppable.filter { held.contains($0) && !needed.contains($0) }).sorted()
    }

    /// The contents that can go when room is needed: those whose published file is here too, the rule of the newest aside; not those that transfers under
    /// way are patched from, or agents wait for.
    package static func spare(
        _ replicas: [WantedReplica], held: Set<SHA256Digest>, inUse: Set<SHA256Digest>
    ) -> [SHA256Digest] {
        let spare = replicas.compactMap { replica -> SHA256Digest? in
            guard let content = replica.packed, replica.state == .verified, held.contains(replica.sha256) else {
                return nil
            }
            return held.contains(content.sha256) && !inUse.contains(content.sha256) ? content.sha256 : nil
        }
        // One package's content may be another one's only form, or its published file.
        let needed = Set(
            replicas.filter { $0.state == .verified && !held.contains($0.sha256) }.compactMap { $0.packed?.sha256 }
                + replicas.filter { $0.state != .evicted }.map(\.sha256))
        return Set(spare).subtracting(needed).sorted()
    }

    /// The contents that a patch for a package may be made against: of the same product and platform, held and verified, the newest first.
    package static func bases(
        for replica: WantedReplica, among replicas: [WantedReplica], held: Set<SHA256Digest>
    ) -> [PackageContent] {
        let lines = Set(replica.paths.map { line($0) })
        let candidates = replicas.filter { $0.sha256 != replica.sha256 && $0.state == .verified }
        let order = ReleaseOrder(candidates.flatMap(\.paths).filter { lines.contains(line($0)) }.map(\.release))
        let others = candidates.compactMap { other in
            // By the newest of its releases in a line of the package's own.
            other.paths.filter { lines.contains(line($0)) }.max {
                let compared = order.compare($0.release, $1.release)
                return compared == 0 ? $0 < $1 : compared < 0
            }
            .map { (path: $0, content: other.content) }
        }
        let inOrder = others.sorted {
            let compared = order.compare($0.path.release, $1.path.release)
            return compared == 0 ? $1.path < $0.path : compared > 0
        }
        var seen: Set<SHA256Digest> = []
        return inOrder.compactMap(\.content).filter {
            held.contains($0.sha256) && $0.sha256 != replica.content?.sha256 && seen.insert($0.sha256).inserted
        }
    }

    /// Releases of one product for one platform follow each other.
    private static func line(_ path: TargetPath) -> String { "\(path.product)/\(path.platform)" }

    private static func hasRoom(for length: ByteCount, _ pool: PoolAccount) -> Bool {
        let after = pool.used + pool.reserved + length
        return after <= ByteCount(pool.quota.bytes / 100 * fill) && pool.freeOnDisk - length >= length
    }
}
