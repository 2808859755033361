package import Model
package import Protocol
import Rollout

/// How a package comes from this spoke to an agent: the fewest bytes that the agent can use; pure.
package enum ServingPlan {
    /// Nil where nothing that is held is of use to the agent.
    package static func choose(
        _ asked: FetchPlan, for replica: WantedReplica, held: Set<SHA256Digest>, patches: [KeptPatch], at now: UnixTime
    ) -> Plan? {
        let published = TransferOffer.Object(sha256: replica.sha256, length: replica.length)
        let content = replica.content.map { TransferOffer.Object(sha256: $0.sha256, length: $0.length.bytes) }
        let offer = TransferOffer(
            published: published, content: content ?? published, holdsPublished: held.contains(replica.sha256),
            holdsContent: replica.packed.map { held.contains($0.sha256) } ?? held.contains(replica.sha256),
            patches: patches.filter { $0.content == content?.sha256 && held.contains($0.sha256) }.map {
                TransferOffer.Patch(
                    means: $0.means, base: $0.base, object: TransferOffer.Object(sha256: $0.sha256, length: $0.length))
            })
        guard
            case .fetch(let means, let object, let base, _) = TransferChoice(
                offer, bases: asked.bases, accepts: asked.accepts, takesPublished: !asked.isUnpackedOnly, at: now)
        else { return nil }
        return Plan(means: means, sha256: object.sha256, length: object.length, base: base)
    }

    /// The length of the object that an agent asks for by its hash under a path: a package's published
    /// file, its content, or a patch that gives the content; nil where the spoke knows none.
    ///
    /// `replicas` are those of the path, `patch` is the one of the hash.
    package static func length(
        of sha256: SHA256Digest, replicas: [WantedReplica], patch: KeptPatch?, under path: TargetPath
    ) -> UInt64? {
        for replica in replicas {
            if replica.sha256 == sha256 { return replica.length }
            if let content = replica.packed, content.sha256 == sha256 { return content.length.bytes }
        }
        // A patch gives a content, which several packages may have.
        guard let patch, patch.path == path || replicas.contains(where: { $0.content?.sha256 == patch.content }) else {
            return nil
        }
        return patch.length
    }
}
