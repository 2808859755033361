internal import Agent
internal import Hub
internal import Model
internal import Rollout
internal import Spoke
internal import Storage
internal import Trust

/// What must be true once faults have stopped (16), and of the whole run (5, 6, 7).
extension Fleet {
    /// Nothing is under way any more.
    var isSettled: Bool { unsettled() == nil }

    /// Something that is still under way.
    private func unsettled() -> String? {
        do {
            let rollouts = try hub.store.rollouts(after: 0, limit: .max)
            guard rollouts.count == 2 else { return "there are \(rollouts.count) rollouts" }
            for rollout in rollouts {
                guard rollout.state.isFinal else { return "rollout \(rollout.specification.name) is \(rollout.state)" }
            }
            for agent in agents where agent.hasJoined && !isRevoked(agent.identity.id) {
                guard agent.isUp, agent.upstreamEnd != nil else { return "\(agent.name) is not connected" }
                guard agent.store.queuedReports(limit: 1).isEmpty else { return "\(agent.name) has reports" }
                guard agent.store.openActions().isEmpty else { return "\(agent.name) has open actions" }
            }
            for spoke in spokes {
                guard spoke.hasJoined, spoke.isUp, spoke.upstreamEnd != nil else {
                    return "\(spoke.name) is not connected"
                }
                guard spoke.revocations.members.missing.isEmpty, revoked.allSatisfy(spoke.isRevoked) else {
                    return "\(spoke.name) does not know all who are revoked"
                }
                guard spoke.store.reports(limit: 1).isEmpty else { return "\(spoke.name) has reports" }
                guard spoke.store.replicas().allSatisfy({ $0.state == .verified || $0.state == .evicted }) else {
                    return "\(spoke.name) lacks packages"
                }
                guard try checks.knowsCompleted(spoke) else {
                    return "\(spoke.name) does not know which rollouts completed"
                }
                guard spoke.shown == spoke.wantedShown else {
                    return "\(spoke.name) shows \(spoke.shown?.path.release.text ?? "nothing")"
                }
            }
            return nil
        } catch {
            return "the hub's store threw \(error)"
        }
    }

    func finalChecks() {
        if let text = unsettled() { return breach(.liveness, "long after the faults stopped, \(text)") }
        do {
            for rollout in try hub.store.rollouts(after: 0, limit: .max) {
                for action in try hub.store.actions(of: rollout.id) { try checkEnd(of: action, rollout) }
            }
            try hub.store.verifyEventChain()
        } catch let error as HubStoreError {
            breach(.activityLog, "\(error)")
        } catch {
            breach(.cleanStoreFailure, "\(error)")
        }
        checks.bytesSent()
        for (name, pool, _) in pools {
            if pool.account().reserved > .zero { breach(.poolQuota, "\(name) still has room reserved") }
            for entry in pool.list() where (try? pool.verify(entry.digest)) == nil {  // the breach says it
                breach(.wholePackages, "\(name) holds \(entry.digest) damaged")
            }
        }
    }

    private func hasNewer(_ agent: AgentNode, than path: TargetPath) -> Bool {
        guard let current = agent.machine.current.flatMap({ agent.machine.placed[$0] }),
            let package = vendor.packages[path]
        else { return false }
        return current.metadata.counter > package.metadata.counter
    }

    private func checkEnd(of action: Hub.ActionRecord, _ rollout: RolloutRecord) throws {
        guard let agent = agents.first(where: { $0.hasJoined && $0.identity.id == action.client }) else { return }
        let what = "\(agent.name), \(action.path.release)"
        guard action.state.isFinal || action.state == .uncertain else {
            return breach(.liveness, "\(what): ends as \(action.state)")
        }
        guard !isRevoked(action.client) else { return }
        let hasItAlready = action.state == .succeeded && action.reasons.map(\.code) == [.alreadyInstalled]
        if let own = agent.store.action(action.id), own.state != (hasItAlready ? .refused : action.state) {
            breach(.liveness, "\(what): is \(own.state) and the hub says \(action.state)")
        }
        if let facts = try hub.store.facts(of: action.client)?.facts,
            facts.installed.first?.release != agent.machine.current
        {
            breach(.oldOrNew, "\(what): the hub believes that it runs another release")
        }
        let isSick = agent.machine.failing.contains(action.path.release)
        switch action.state {
        case .succeeded: break
        case .refused where !agent.machine.mayInstall: break
        // The site had no room for it until the next rollout had come.
        case .refused where hasNewer(agent, than: action.path): break
        case .cancelled where rollout.state == .stopped: break
        case .rolledBack where isSick, .failed where isSick: break
        case .failed where checks.unpackFailures.contains(action.id): break
        // The faults were long enough to use up every attempt.
        case .failed where calmSince.map({ action.changed <= $0 }) ?? false: break
        // A sick machine that went back does not try the release again.
        default: breach(.liveness, "\(what): ends as \(action.state): \(action.detail)")
        }
    }
}
