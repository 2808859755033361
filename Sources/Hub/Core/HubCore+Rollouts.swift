import Model
import Rollout

/// Rollouts, moved by Rollout's table: draft → preparing → ready → running → completed or failed, or stopped. Waves are in `HubCore+Waves`.
extension HubCore {
    mutating func createRollout(_ specification: RolloutSpecification, at now: UnixTime) throws -> RolloutRecord {
        try checkRolloutName(specification.name)
        let queries = HubQueries(store: store, zones: configuration.zones)
        // Planned once to refuse what cannot be planned; who takes part is decided when it starts.
        _ = try queries.plan(specification, at: now)
        _ = try queries.windows(specification, at: now)
        var rollout = RolloutRecord(
            id: RolloutID.random(using: &random), specification: specification, state: RolloutMachine.initial,
            created: now)
        rollout.ordinal = try store.insertRollout(rollout)
        arePrunesDue = true
        try log(
            .notice, .rolloutCreated, "rollout/\(rollout.id)",
            "rollout \(specification.name) of \(specification.product) \(specification.release) was made", at: now)
        guard specification.start != nil else { return rollout }
        return try startRollout(rollout.id, at: now)
    }

    /// Starts a rollout: fixes who takes part, with which package, and the windows. One that was started before is left as it is.
    mutating func startRollout(_ id: RolloutID, at now: UnixTime) throws -> RolloutRecord {
        guard var rollout = try store.rollout(id) else { throw HubRefusal.notFound("there is no rollout \(id)") }
        guard rollout.state == .draft else {
            guard !rollout.state.isFinal, rollout.state != .stopping else {
                throw HubRefusal.conflict("the rollout is \(rollout.state.name) and cannot be started")
            }
            return rollout
        }
        let queries = HubQueries(store: store, zones: configuration.zones)
        let plan = try queries.plan(rollout.specification, at: now)
        rollout.windows = try queries.windows(rollout.specification, at: now)
        rollout.started = now
        // Without windows a spoke may be away for as long as the horizon; then the client counts as missed.
        let begin = max(now, rollout.specification.start ?? now)
        let deadline = rollout.windows.last?.end ?? begin + HubLimits.offlineHorizon
        for wave in plan.waves {
            try store.putWave(
                WaveRecord(rollout: id, index: wave.index, state: WaveMachine.initial, soak: wave.soak))
            for candidate in wave.candidates {
                // Nothing reaches a machine behind a revoked spoke, so that its answer is known.
                let lost = candidate.eligibility.reasons.filter { $0.code == .spokeRevoked }
                try store.insertAction(
                    ActionRecord(
                        id: ActionID.random(using: &random), rollout: id, wave: wave.index, client: candidate.client.id,
                        spoke: candidate.client.spoke, path: candidate.package.path, digest: candidate.package.sha256,
                        state: lost.isEmpty ? HubActionMachine.initial : .refused, reasons: lost,
                        deadline: lost.isEmpty ? deadline : nil, created: now))
            }
        }
        try move(&rollout, by: .start, nil, at: now)
        dirtyRollouts.insert(id)
        return try store.rollout(id) ?? rollout
    }

    /// Stops a rollout: what is not sent is cancelled, what is sent gets a cancel order, what installs is left to end and accounted for.
    mutating func stopRollout(_ id: RolloutID, at now: UnixTime) throws -> RolloutRecord {
        guard var rollout = try store.rollout(id) else { throw HubRefusal.notFound("there is no rollout \(id)") }
        guard rollout.state != .stopping, rollout.state != .stopped else { return rollout }
        guard try move(&rollout, by: .stop, "an operator stopped it", at: now) else {
            throw HubRefusal.conflict("the rollout is \(rollout.state.name) and cannot be stopped")
        }
        try endWaves(of: id, by: .skip)
        for var action in try store.actions(of: id) { try cancel(&action, "the rollout was stopped", at: now) }
        dirtyRollouts.insert(id)
        return try store.rollout(id) ?? rollout
    }

    // MARK: - Moving on

    /// Moves on the rollouts that something happened to, and those whose time has come, until nothing moves any more.
    mutating func moveRollouts(at now: UnixTime) throws {
        for wave in try store.soakingWaves() where wave.soakEnds.map({ $0 <= now }) ?? false {
            dirtyRollouts.insert(wave.rollout)
        }
        for rollout in try store.rollouts(in: [.ready]) where rollout.specification.start.map({ $0 <= now }) ?? true {
            dirtyRollouts.insert(rollout.id)
        }
        while let id = dirtyRollouts.min() {
            dirtyRollouts.remove(id)
            guard var rollout = try store.rollout(id) else { continue }
            let before = (rollout.state, rollout.text)
            switch rollout.state {
            case .preparing: try prepare(&rollout, at: now)
            case .ready: try begin(&rollout, at: now)
            case .running: try moveWaves(of: &rollout, at: now)
            case .paused: try settlePaused(&rollout, at: now)
            case .stopping: try settleStop(&rollout, at: now)
            case .completed, .failed: try revise(&rollout, at: now)
            case .draft, .stopped, .rollingBack, .rolledBack: break
            }
            // The text has the result, so that one that is the same proves the same; that of a stopped one is not kept
            // up to date.
            if rollout.state.isFinal, rollout.state == .stopped || (rollout.state, rollout.text) != before {
                rolloutsEnded(of: rollout.specification.product)
            }
        }
    }

    /// Ready once every package that it needs is in the hub's pool.
    private mutating func prepare(_ rollout: inout RolloutRecord, at now: UnixTime) throws {
        var seen: Set<TargetPath> = []
        var waiting: [TargetPath] = []
        for action in try store.actions(of: rollout.id) where !action.state.isFinal && seen.insert(action.path).inserted
        {
            let record = try store.package(action.path)
            guard let record, record.state != .retired, record.package.sha256 == action.digest else {
                return try fail(&rollout, by: .failPreparation, "the catalog no longer names \(action.path)", at: now)
            }
            if record.state != .imported { waiting.append(action.path) }
        }
        let text: String
        if let first = waiting.first {
            text = "waits for \(first) to be imported"
        } else if rollout.specification.operatorSignature == true, rollout.approval == nil {
            text = "waits for an operator's signature: axle rollout sign \(rollout.id)"
        } else {
            try move(&rollout, by: .prepared, nil, at: now)
            dirtyRollouts.insert(rollout.id)
            return
        }
        guard rollout.text != text else { return }
        rollout.text = text
        try store.updateRollout(rollout)
    }

    private mutating func begin(_ rollout: inout RolloutRecord, at now: UnixTime) throws {
        guard rollout.specification.start.map({ $0 <= now }) ?? true else { return }
        try move(&rollout, by: .begin, nil, at: now)
        dirtyRollouts.insert(rollout.id)
    }

    // MARK: - Transitions

    /// Moves a rollout on; false when the table refuses.
    @discardableResult
    mutating func move(
        _ rollout: inout RolloutRecord, by event: RolloutEvent, _ text: String?, cause: PauseCause? = nil,
        at now: UnixTime
    ) throws -> Bool {
        guard let next = RolloutMachine.next(rollout.state, event) else { return false }
        rollout.state = next
        rollout.text = text
        rollout.cause = cause
        if next.isFinal, rollout.ended == nil { rollout.ended = now }
        try store.updateRollout(rollout)
        let result = RolloutResult(try store.actionCounts(of: rollout.id, wave: nil))
        let isMixed = next == .completed && !result.allSucceeded
        let severity: EventSeverity =
            next == .failed ? .error : next == .paused || isMixed ? .warning : .notice
        let code: EventCode =
            switch event {
            case .pause: .rolloutPaused
            case .resume: .rolloutResumed
            case .start, .prepared, .failPreparation, .begin, .stop, .settle, .exceedErrors, .correct, .rollBack,
                .finishRollback, .failRollback:
                .rolloutChanged
            }
        try log(
            severity, code, "rollout/\(rollout.id)",
            "rollout \(rollout.specification.name) is \(next.name)\(text.map { ": \($0)" } ?? "")", at: now)
        return true
    }

    private mutating func fail(
        _ rollout: inout RolloutRecord, by event: RolloutEvent, _ text: String, at now: UnixTime
    ) throws {
        try move(&rollout, by: event, text, at: now)
        guard event == .failPreparation else { return }
        try endWaves(of: rollout.id, by: .skip)
        for var action in try store.actions(of: rollout.id) { try cancel(&action, text, at: now) }
    }

    mutating func move(_ wave: inout WaveRecord, by event: WaveEvent, at now: UnixTime) throws {
        guard let next = WaveMachine.next(wave.state, event) else { return }
        wave.state = next
        if next != .soaking { wave.soakEnds = nil }
        if event == .begin { wave.began = now }
        try store.putWave(wave)
        let result = RolloutResult(try store.actionCounts(of: wave.rollout, wave: wave.index))
        try log(
            next == .failed ? .warning : .info, .waveChanged, "rollout/\(wave.rollout)",
            "wave \(wave.index) is \(next.name): \(result.text)", at: now)
    }

    private func endWaves(of rollout: RolloutID, by event: WaveEvent) throws {
        for var wave in try store.waves(of: rollout) {
            guard let next = WaveMachine.next(wave.state, event) else { continue }
            wave.state = next
            wave.soakEnds = nil
            try store.putWave(wave)
        }
    }
}
