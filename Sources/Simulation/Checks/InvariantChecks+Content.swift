internal import Hub
internal import Model
internal import Protocol
internal import Rollout
internal import Spoke
internal import Storage

/// Published files, contents and patches: what is live stays, and what is said to have been sent was (7).
extension InvariantChecks {
    /// A spoke's verified replica is in its pool, as its file or as its content.
    func replicas(of spoke: SpokeNode) {
        for replica in spoke.store.replicas() where replica.state == .verified {
            let forms = [replica.sha256, replica.packed?.sha256].compactMap { $0 }
            if forms.allSatisfy({ spoke.pool.length(of: $0) == nil }) {
                fleet.breach(
                    .wholePackages,
                    "\(spoke.name) says that it holds \(replica.path.release), and neither form is there")
            }
        }
    }

    /// Nothing goes that a rollout needs which has not ended.
    func hubEvicts(_ effects: [HubEffect]) {
        let gone = effects.flatMap { effect -> [SHA256Digest] in
            switch effect {
            case .evict(let objects): objects
            case .link(.request(_, _, .evict(let eviction), _)): [eviction.sha256]
            default: []
            }
        }
        guard !gone.isEmpty else { return }
        let rollouts = (try? fleet.hub.store.rollouts(after: 0, limit: .max)) ?? []  // a memory store does not fail
        for rollout in rollouts where !rollout.state.isFinal {
            for package in fleet.vendor.packages.values
            where package.path.release == rollout.specification.release && gone.contains(package.sha256) {
                fleet.breach(
                    .wholePackages,
                    "\(package.path.release) goes from a pool while rollout \(rollout.specification.name) needs it")
            }
        }
    }

    /// What the hub says of the bytes that a replica took is what went to its spoke.
    func bytesSent() {
        for spoke in fleet.spokes where spoke.hasJoined {
            let replicas = (try? fleet.hub.store.replicas(at: spoke.identity.id)) ?? []  // a memory store does not fail
            for replica in replicas where replica.state == .verified {
                guard let sent = replica.wireBytes else { continue }
                let bounds = wire.bounds(replica.path, at: spoke.identity.id)
                if !bounds.contains(sent) {
                    fleet.breach(
                        .wholePackages,
                        "\(sent) bytes are said to have gone to \(spoke.name) for \(replica.path.release), "
                            + "it was sent \(bounds.lowerBound) to \(bounds.upperBound)")
                }
            }
        }
    }
}
