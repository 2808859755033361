package import Model
package import Rollout
package import Trust

extension MemoryHubStore {
    // MARK: Rollouts and waves

    package func insertRollout(_ rollout: RolloutRecord) throws -> Int64 {
        guard state.rollouts[rollout.id] == nil else { throw HubStoreError.duplicate("rollout \(rollout.id)") }
        state.lastRollout += 1
        var rollout = rollout
        rollout.ordinal = state.lastRollout
        state.rollouts[rollout.id] = rollout
        return rollout.ordinal
    }

    package func updateRollout(_ rollout: RolloutRecord) throws {
        guard let before = state.rollouts[rollout.id] else { throw HubStoreError.missing("rollout \(rollout.id)") }
        var rollout = rollout
        rollout.ordinal = before.ordinal
        state.rollouts[rollout.id] = rollout
    }

    package func rollout(_ id: RolloutID) throws -> RolloutRecord? { state.rollouts[id] }

    package func rollouts(named name: String) throws -> [RolloutRecord] {
        sortedRollouts { $0.specification.name == name }
    }

    package func removeRollout(_ id: RolloutID) throws {
        let actions = Set(state.actions.values.filter { $0.rollout == id }.map(\.id))
        state.orders = state.orders.filter { !actions.contains($0.value.action) }
        for action in actions { state.actions[action] = nil }
        state.waves[id] = nil
        state.rollouts[id] = nil
    }

    package func rollouts(after ordinal: Int64, limit: Int) throws -> [RolloutRecord] {
        Array(sortedRollouts { $0.ordinal > ordinal }.prefix(limit))
    }

    package func rollouts(in states: [RolloutState]) throws -> [RolloutRecord] {
        sortedRollouts { states.contains($0.state) }
    }

    package func rollouts(of product: ProductName, in states: [RolloutState]) throws -> [RolloutRecord] {
        sortedRollouts { $0.specification.product == product && states.contains($0.state) }
    }

    private func sortedRollouts(_ isWanted: (RolloutRecord) -> Bool) -> [RolloutRecord] {
        state.rollouts.values.filter(isWanted).sorted { $0.ordinal < $1.ordinal }
    }

    package func putWave(_ wave: WaveRecord) throws {
        guard state.rollouts[wave.rollout] != nil else { throw HubStoreError.missing("rollout \(wave.rollout)") }
        state.waves[wave.rollout, default: [:]][wave.index] = wave
    }

    package func waves(of rollout: RolloutID) throws -> [WaveRecord] {
        state.waves[rollout, default: [:]].values.sorted { $0.index < $1.index }
    }

    package func timedWaves() throws -> [WaveRecord] {
        state.waves.values.flatMap { $0.values }.filter { $0.state.isTimed && $0.stateEnds != nil }
            .sorted { ($0.stateEnds ?? .zero, $0.rollout, $0.index) < ($1.stateEnds ?? .zero, $1.rollout, $1.index) }
    }

    // MARK: Actions

    package func insertAction(_ action: ActionRecord) throws -> Int64 {
        guard state.actions[action.id] == nil else { throw HubStoreError.duplicate("action \(action.id)") }
        guard state.rollouts[action.rollout] != nil else { throw HubStoreError.missing("rollout \(action.rollout)") }
        state.lastAction += 1
        var action = action
        action.ordinal = state.lastAction
        state.actions[action.id] = action
        return action.ordinal
    }

    package func updateAction(_ action: ActionRecord) throws {
        guard let before = state.actions[action.id] else { throw HubStoreError.missing("action \(action.id)") }
        var action = action
        action.ordinal = before.ordinal
        state.actions[action.id] = action
    }

    package func action(_ id: ActionID) throws -> ActionRecord? { state.actions[id] }

    package func actions(of rollout: RolloutID, after ordinal: Int64, limit: Int) throws -> [ActionRecord] {
        Array(sortedActions { $0.rollout == rollout && $0.ordinal > ordinal }.prefix(limit))
    }

    package func actions(of client: NodeID, limit: Int) throws -> [ActionRecord] {
        Array(sortedActions { $0.client == client }.reversed().prefix(limit))
    }

    package func pendingActions(spoke: NodeID, path: TargetPath?, limit: Int) throws -> [ActionRecord] {
        let found = sortedActions { action in
            action.state == .pending && action.sequence == nil && action.spoke == spoke
                && (path == nil || action.path == path)
                && state.rollouts[action.rollout]?.state == .running
                && state.waves[action.rollout]?[action.wave]?.state == .running
        }
        return Array(found.prefix(limit))
    }

    package func actionCounts(of rollout: RolloutID) throws -> ActionCounts {
        var counts: [Int: [ActionState: Int]] = [:]
        for action in state.actions.values where action.rollout == rollout {
            counts[action.wave, default: [:]][action.state, default: 0] += 1
        }
        return ActionCounts(counts)
    }

    package func dueActions(at time: UnixTime, limit: Int) throws -> [ActionRecord] {
        let due = sortedActions { $0.deadline.map { $0 <= time } ?? false }
            .sorted { ($0.deadline ?? .zero, $0.ordinal) < ($1.deadline ?? .zero, $1.ordinal) }
        return Array(due.prefix(limit))
    }

    package func nextActionDeadline() throws -> UnixTime? { state.actions.values.compactMap(\.deadline).min() }

    private func sortedActions(_ isWanted: (ActionRecord) -> Bool) -> [ActionRecord] {
        state.actions.values.filter(isWanted).sorted { $0.ordinal < $1.ordinal }
    }

    // MARK: Orders

    package func insertOrder(_ order: OrderRecord) throws {
        guard state.orders[order.number] == nil else { throw HubStoreError.duplicate("order \(order.number)") }
        state.orders[order.number] = order
    }

    package func order(_ number: Int64) throws -> OrderRecord? { state.orders[number] }

    package func orders(for spoke: NodeID, after number: Int64, limit: Int) throws -> [OrderRecord] {
        let found = state.orders.values.filter { $0.spoke == spoke && $0.number > number }
        return Array(found.sorted { $0.number < $1.number }.prefix(limit))
    }

    package func removeOrder(_ number: Int64) throws { state.orders.removeValue(forKey: number) }

    package func removeOrders(of action: ActionID) throws {
        state.orders = state.orders.filter { $0.value.action != action }
    }

    package func removeOrders(expiredBefore time: UnixTime) throws {
        state.orders = state.orders.filter { $0.value.expires >= time }
    }

    package func nextSequence() throws -> OrderSequence {
        state.sequence.number += 1
        return state.sequence
    }

    package func currentSequence() throws -> OrderSequence { state.sequence }

    package func setEpoch(_ epoch: UInt64) throws { state.sequence.epoch = epoch }
}
