import Model
import Rollout

/// Rollouts, moved by Rollout's table: draft → preparing → ready → running → completed or failed,
/// or stopped.
///
/// It keeps which rollouts may have to be moved on; it takes `rolloutMoved`, and notes
/// `rolloutsEnded` and `prunesDue`.
struct Rollouts: HubPart {
    /// Rollouts that may have to be moved on.
    private var moved: Set<RolloutID> = []

    /// Does what an operator asks for.
    static func run(_ command: RolloutCommand, _ turn: inout HubTurn) throws -> HubAnswer {
        switch command {
        case .create(let specification): .rollout(try create(specification, &turn))
        case .start(let id): .rollout(try start(id, &turn))
        case .stop(let id): .rollout(try stop(id, &turn))
        case .remove(let id): .rollout(try remove(id, &turn))
        case .resume(let id): .rollout(try resume(id, &turn))
        case .approve(let id, let signed): .rollout(try Approvals.approveRollout(id, signed, &turn))
        case .settleAction(let id): .action(try Actions.settle(id, &turn))
        }
    }

    // MARK: - Rollouts

    /// Refuses a name that a rollout has.
    static func checkName(_ name: String, _ turn: HubTurn) throws {
        guard let known = try turn.store.rollouts(named: name).first else { return }
        throw HubRefusal.conflict(
            "there is a rollout \(name) already, and it is \(known.state.name); choose another name"
                + (known.state.isRemovable
                    ? " or delete it with 'axle rollout delete \(name)'" : ""))
    }

    static func remove(_ id: RolloutID, _ turn: inout HubTurn) throws -> RolloutRecord {
        guard let rollout = try turn.store.rollout(id) else { throw HubRefusal.notFound("there is no rollout \(id)") }
        let name = rollout.specification.name
        guard rollout.state.isRemovable else {
            throw HubRefusal.conflict("rollout \(name) is \(rollout.state.name); stop it first")
        }
        let open = try turn.store.actionCounts(of: id).all.filter { !$0.key.isFinal }.values.reduce(0, +)
        guard open == 0 else {
            throw HubRefusal.conflict(
                "\(open) machines of rollout \(name) have not said how their installs ended; see 'axle rollout show \(name)'"
            )
        }
        try turn.store.removeRollout(id)
        turn.note(.rolloutsEnded(rollout.specification.product))
        try turn.log(
            .notice, .rolloutRemoved, "rollout/\(id)",
            "rollout \(name) of \(rollout.specification.product) \(rollout.specification.release) was deleted")
        return rollout
    }
    static func create(_ specification: RolloutSpecification, _ turn: inout HubTurn) throws -> RolloutRecord {
        try checkName(specification.name, turn)
        // Planned once to refuse what cannot be planned; who takes part is decided when it starts.
        _ = try turn.queries.plan(specification, at: turn.now)
        _ = try turn.queries.windows(specification, at: turn.now)
        var rollout = RolloutRecord(
            id: RolloutID.random(using: &turn.random), specification: specification, state: RolloutMachine.initial,
            created: turn.now)
        rollout.ordinal = try turn.store.insertRollout(rollout)
        turn.note(.prunesDue)
        try turn.log(
            .notice, .rolloutCreated, "rollout/\(rollout.id)",
            "rollout \(specification.name) of \(specification.product) \(specification.release) was made")
        guard specification.start != nil else { return rollout }
        return try start(rollout.id, &turn)
    }

    /// Starts a rollout: fixes who takes part, with which package, and the windows. One that was
    /// started before is left as it is.
    static func start(_ id: RolloutID, _ turn: inout HubTurn) throws -> RolloutRecord {
        guard var rollout = try turn.store.rollout(id) else { throw HubRefusal.notFound("there is no rollout \(id)") }
        guard rollout.state == .draft else {
            guard rollout.state.isUnderWay, rollout.state != .stopping else {
                throw HubRefusal.conflict("the rollout is \(rollout.state.name) and cannot be started")
            }
            return rollout
        }
        let plan = try turn.queries.plan(rollout.specification, at: turn.now)
        rollout.windows = try turn.queries.windows(rollout.specification, at: turn.now)
        rollout.started = turn.now
        // Without windows a spoke may be away for as long as the horizon; then the client counts as
        // missed.
        let begin = max(turn.now, rollout.specification.start ?? turn.now)
        let deadline = rollout.windows.last?.end ?? begin + HubLimits.offlineHorizon
        for wave in plan.waves {
            try turn.store.putWave(
                WaveRecord(rollout: id, index: wave.index, state: WaveMachine.initial, soak: wave.soak))
            for candidate in wave.candidates {
                // Nothing reaches a machine behind a revoked spoke, so that its answer is known.
                let lost = candidate.eligibility.reasons.filter { $0.code == .spokeRevoked }
                try turn.store.insertAction(
                    ActionRecord(
                        id: ActionID.random(using: &turn.random), rollout: id, wave: wave.index,
                        client: candidate.client.id,
                        spoke: candidate.client.spoke, path: candidate.package.path, digest: candidate.package.sha256,
                        state: lost.isEmpty ? HubActionMachine.initial : .refused, reasons: lost,
                        deadline: lost.isEmpty ? deadline : nil, created: turn.now))
            }
        }
        try move(&rollout, by: .start, nil, &turn)
        turn.note(.rolloutMoved(id))
        return try turn.store.rollout(id) ?? rollout
    }

    /// Stops a rollout: what is not sent is cancelled, what is sent gets a cancel order, what
    /// installs is left to end and accounted for.
    static func stop(_ id: RolloutID, _ turn: inout HubTurn) throws -> RolloutRecord {
        guard var rollout = try turn.store.rollout(id) else { throw HubRefusal.notFound("there is no rollout \(id)") }
        guard rollout.state != .stopping, rollout.state != .stopped else { return rollout }
        guard try move(&rollout, by: .stop, "an operator stopped it", &turn) else {
            throw HubRefusal.conflict("the rollout is \(rollout.state.name) and cannot be stopped")
        }
        for decision in RolloutStep.skip(try turn.store.waves(of: id)) + [.cancelActions("the rollout was stopped")] {
            try carryOut(decision, &rollout, &turn)
        }
        turn.note(.rolloutMoved(id))
        return try turn.store.rollout(id) ?? rollout
    }

    /// Goes on with a paused rollout: what ended badly until now is accepted. One that runs is left
    /// as it is.
    static func resume(_ id: RolloutID, _ turn: inout HubTurn) throws -> RolloutRecord {
        guard var rollout = try turn.store.rollout(id) else { throw HubRefusal.notFound("there is no rollout \(id)") }
        guard rollout.state != .running else { return rollout }
        guard rollout.state == .paused else {
            throw HubRefusal.conflict("the rollout is \(rollout.state.name), and only a paused one can be resumed")
        }
        let waves = try turn.store.waves(of: id)
        let counts = try turn.store.actionCounts(of: id)
        for var wave in waves where wave.state == .running {
            wave.accepted = counts[wave.index]
                .filter { $0.key.isFinal || $0.key == .uncertain }
            try turn.store.putWave(wave)
        }
        try move(&rollout, by: .resume, "an operator resumed it", &turn)
        for wave in waves where wave.state == .running { try Waves.order(wave.index, of: id, &turn) }
        turn.note(.rolloutMoved(id))
        return try turn.store.rollout(id) ?? rollout
    }

    /// The hub starts: every rollout that is under way is looked at.
    static func started(_ turn: inout HubTurn) throws {
        for rollout in try turn.store.rollouts(in: RolloutState.all(where: \.isUnderWay)) {
            turn.note(.rolloutMoved(rollout.id))
        }
    }

    // MARK: - Moving on

    /// Moves on the rollouts that something happened to, and those whose time has come, until
    /// nothing moves any more.
    mutating func settle(_ turn: inout HubTurn) throws {
        for wave in try turn.store.timedWaves() where wave.stateEnds.map({ $0 <= turn.now }) ?? false {
            turn.note(.rolloutMoved(wave.rollout))
        }
        for rollout in try turn.store.rollouts(in: RolloutState.all(where: \.isTimed))
        where rollout.specification.start.map({ $0 <= turn.now }) ?? true {
            turn.note(.rolloutMoved(rollout.id))
        }
        while let id = takeNext(&turn) {
            guard var rollout = try turn.store.rollout(id) else { continue }
            let before = (rollout.state, rollout.text)
            try Self.moveOn(&rollout, &turn)
            // The text has the result, so that one that is the same proves the same; that of a
            // stopped one is not kept up to date.
            if rollout.state.isFinal, rollout.state == .stopped || (rollout.state, rollout.text) != before {
                turn.note(.rolloutsEnded(rollout.specification.product))
            }
        }
    }

    /// The next rollout that something happened to.
    private mutating func takeNext(_ turn: inout HubTurn) -> RolloutID? {
        let changed = turn.take { change in
            if case .rolloutMoved(let rollout) = change { rollout } else { nil }
        }
        moved.formUnion(changed)
        guard let next = moved.min() else { return nil }
        moved.remove(next)
        return next
    }

    func nextDue(_ turn: HubTurn) throws -> UnixTime? {
        RolloutStep.due(
            try turn.store.rollouts(in: RolloutState.all(where: \.isTimed)), try turn.store.timedWaves(), now: turn.now)
    }

    func invariantViolation(_ store: any HubStore, _ configuration: HubConfiguration) throws -> String? {
        moved.isEmpty ? nil : "\(moved.count) rollouts were not moved on"
    }

    /// Carries out what `RolloutStep` decides until it decides nothing; what is over is judged
    /// once.
    private static func moveOn(_ rollout: inout RolloutRecord, _ turn: inout HubTurn) throws {
        var isOver = false
        while !isOver {
            let decisions = try RolloutStep.next(
                rollout, try turn.store.waves(of: rollout.id), counts: try turn.store.actionCounts(of: rollout.id),
                packages: try packages(of: rollout, turn), now: turn.now)
            for decision in decisions { try carryOut(decision, &rollout, &turn) }
            isOver = decisions.isEmpty || rollout.state.isFinal
        }
    }

    private static func carryOut(
        _ decision: RolloutDecision, _ rollout: inout RolloutRecord, _ turn: inout HubTurn
    ) throws {
        switch decision {
        case .moveRollout(let event, let text, let cause):
            try move(&rollout, by: event, text, cause: cause, &turn)
        case .moveWave(let index, let event, let until):
            try Waves.move(index, of: rollout.id, by: event, until: until, &turn)
        case .orderWave(let index): try Waves.order(index, of: rollout.id, &turn)
        case .cancelActions(let text):
            for var action in try turn.store.actions(of: rollout.id) { try Actions.cancel(&action, text, &turn) }
        case .setText(let text):
            rollout.text = text
            try turn.store.updateRollout(rollout)
        }
    }

    /// Whether the pool has the packages of the actions that are not over.
    private static func packages(of rollout: RolloutRecord, _ turn: HubTurn) throws -> PackageReadiness {
        var seen: Set<TargetPath> = []
        var readiness = PackageReadiness.ready
        for action in try turn.store.actions(of: rollout.id)
        where !action.state.isFinal && seen.insert(action.path).inserted {
            let record = try turn.store.package(action.path)
            guard let record, record.state != .retired, record.package.sha256 == action.digest else {
                return .gone(action.path)
            }
            if record.state != .imported, readiness == .ready { readiness = .waiting(action.path) }
        }
        return readiness
    }

    // MARK: - Transitions

    /// Moves a rollout on; false when the table refuses.
    @discardableResult
    static func move(
        _ rollout: inout RolloutRecord, by event: RolloutEvent, _ text: String?, cause: PauseCause? = nil,
        _ turn: inout HubTurn
    ) throws -> Bool {
        guard let next = RolloutMachine.next(rollout.state, event) else { return false }
        let before = rollout.state
        rollout.state = next
        rollout.text = text
        rollout.cause = cause
        // A late report may change what it came to, but not when it ended.
        if next.isFinal, !before.isFinal || rollout.ended == nil { rollout.ended = turn.now }
        try turn.store.updateRollout(rollout)
        let result = RolloutResult(try turn.store.actionCounts(of: rollout.id).all)
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
        try turn.log(
            severity, code, "rollout/\(rollout.id)",
            "rollout \(rollout.specification.name) is \(next.name)\(text.map { ": \($0)" } ?? "")")
        return true
    }
}
