import Model
import Rollout

/// Waves: the next one begins when the one before it proved the release and soaked; otherwise the rollout pauses.
///
/// `Rollout/WaveVerdict.swift` decides. A rollout that pauses orders nothing more; what was ordered before is carried
/// out. An operator goes on with `Rollouts.resume` or ends it with `Rollouts.stop`.
enum Waves {
    static func moveWaves(of rollout: inout RolloutRecord, _ turn: inout HubTurn) throws {
        for var wave in try turn.store.waves(of: rollout.id) {
            if wave.state == .scheduled {
                try move(&wave, by: .begin, &turn)
                try dispatch(wave, &turn)
            }
            if wave.state == .running || wave.state == .soaking {
                let verdict = try verdict(on: wave, rollout, turn)
                if let cause = verdict.cause {
                    return try hold(&rollout, &wave, cause, verdict.text(wave: wave.index) ?? "", &turn)
                }
                if wave.state == .running, verdict == .passed {
                    wave.soakEnds = turn.now + wave.soak
                    try move(&wave, by: .meetThreshold, &turn)
                }
                if wave.state == .soaking, wave.soakEnds.map({ $0 <= turn.now }) ?? true {
                    try move(&wave, by: .finishSoak, &turn)
                }
            }
            guard wave.state.isFinal else { return }
        }
        try end(&rollout, &turn)
    }

    /// Orders what a running wave has not ordered yet.
    static func dispatch(_ wave: WaveRecord, _ turn: inout HubTurn) throws {
        let actions = try turn.store.actions(of: wave.rollout)
        let spokes = Set(actions.filter { $0.wave == wave.index && $0.state == .pending }.map(\.spoke))
        for spoke in spokes.sorted() { try Actions.dispatch(to: spoke, nil, &turn) }
    }

    private static func verdict(on wave: WaveRecord, _ rollout: RolloutRecord, _ turn: HubTurn) throws -> WaveVerdict {
        WaveVerdict(
            try turn.store.actionCounts(of: rollout.id, wave: wave.index), accepted: wave.accepted,
            rules: rollout.specification.errors ?? ErrorRule.standard)
    }

    private static func result(of rollout: RolloutID, wave: Int? = nil, _ turn: HubTurn) throws -> RolloutResult {
        RolloutResult(try turn.store.actionCounts(of: rollout, wave: wave))
    }

    /// A wave must not go on: it fails when it is over, and the rollout pauses, or ends where nothing is left to do.
    private static func hold(
        _ rollout: inout RolloutRecord, _ wave: inout WaveRecord, _ cause: PauseCause, _ text: String,
        _ turn: inout HubTurn
    ) throws {
        if try result(of: rollout.id, wave: wave.index, turn).isSettled { try move(&wave, by: .exceedErrors, &turn) }
        guard try !result(of: rollout.id, turn).isSettled else { return try end(&rollout, &turn) }
        try Rollouts.move(&rollout, by: .pause, text, cause: cause, &turn)
    }

    /// What was ordered before the pause comes to its end meanwhile.
    static func settlePaused(_ rollout: inout RolloutRecord, _ turn: inout HubTurn) throws {
        for var wave in try turn.store.waves(of: rollout.id) where wave.state == .running {
            if try result(of: rollout.id, wave: wave.index, turn).isSettled {
                try move(&wave, by: .exceedErrors, &turn)
            }
        }
        if try result(of: rollout.id, turn).isSettled { try end(&rollout, &turn) }
    }

    /// Every action is over: the rollout completed, or failed if one of its waves did.
    private static func end(_ rollout: inout RolloutRecord, _ turn: inout HubTurn) throws {
        let hasFailed = try turn.store.waves(of: rollout.id).contains { $0.state == .failed }
        rollout.ended = turn.now
        try Rollouts.move(
            &rollout, by: hasFailed ? .exceedErrors : .settle, try result(of: rollout.id, turn).text, &turn)
    }

    static func settleStop(_ rollout: inout RolloutRecord, _ turn: inout HubTurn) throws {
        let result = try result(of: rollout.id, turn)
        guard result.isSettled else { return }
        rollout.ended = turn.now
        try Rollouts.move(&rollout, by: .settle, result.text, &turn)
    }

    /// A late report changed what a rollout came to after its end.
    static func revise(_ rollout: inout RolloutRecord, _ turn: inout HubTurn) throws {
        let waves = try turn.store.waves(of: rollout.id)
        // One whose preparation failed never ran.
        guard !waves.isEmpty, waves.allSatisfy({ $0.state == .succeeded || $0.state == .failed }) else { return }
        for var wave in waves {
            let isProved = try verdict(on: wave, rollout, turn).cause == nil
            switch wave.state {
            case .failed: if isProved { try move(&wave, by: .correct, &turn) }
            case .succeeded: if !isProved { try move(&wave, by: .exceedErrors, &turn) }
            case .scheduled, .running, .soaking, .skipped: break
            }
        }
        let hasFailed = try turn.store.waves(of: rollout.id).contains { $0.state == .failed }
        let text = try result(of: rollout.id, turn).text
        if hasFailed != (rollout.state == .failed) {
            try Rollouts.move(&rollout, by: hasFailed ? .exceedErrors : .correct, text, &turn)
        } else if rollout.text != text {
            rollout.text = text
            try turn.store.updateRollout(rollout)
        }
    }

    // MARK: - Transitions

    static func move(_ wave: inout WaveRecord, by event: WaveEvent, _ turn: inout HubTurn) throws {
        guard let next = WaveMachine.next(wave.state, event) else { return }
        wave.state = next
        if next != .soaking { wave.soakEnds = nil }
        if event == .begin { wave.began = turn.now }
        try turn.store.putWave(wave)
        let result = RolloutResult(try turn.store.actionCounts(of: wave.rollout, wave: wave.index))
        try turn.log(
            next == .failed ? .warning : .info, .waveChanged, "rollout/\(wave.rollout)",
            "wave \(wave.index) is \(next.name): \(result.text)")
    }

    /// Ends all waves of a rollout that can be ended so.
    static func end(of rollout: RolloutID, by event: WaveEvent, _ turn: HubTurn) throws {
        for var wave in try turn.store.waves(of: rollout) {
            guard let next = WaveMachine.next(wave.state, event) else { continue }
            wave.state = next
            wave.soakEnds = nil
            try turn.store.putWave(wave)
        }
    }
}
