import Model
import Rollout

/// Waves: the next one begins when the one before it proved the release and soaked; otherwise the rollout pauses.
///
/// `Rollout/WaveVerdict.swift` decides. A rollout that pauses orders nothing more; what was ordered before is carried
/// out. A person goes on with `resumeRollout` or ends it with `stopRollout`.
extension HubCore {
    mutating func moveWaves(of rollout: inout RolloutRecord, at now: UnixTime) throws {
        for var wave in try store.waves(of: rollout.id) {
            if wave.state == .scheduled {
                try move(&wave, by: .begin, at: now)
                try dispatch(wave, at: now)
            }
            if wave.state == .running || wave.state == .soaking {
                let verdict = try verdict(on: wave, rollout)
                if let cause = verdict.cause {
                    return try hold(&rollout, &wave, cause, verdict.text(wave: wave.index) ?? "", at: now)
                }
                if wave.state == .running, verdict == .passed {
                    wave.soakEnds = now + wave.soak
                    try move(&wave, by: .meetThreshold, at: now)
                }
                if wave.state == .soaking, wave.soakEnds.map({ $0 <= now }) ?? true {
                    try move(&wave, by: .finishSoak, at: now)
                }
            }
            guard wave.state.isFinal else { return }
        }
        try end(&rollout, at: now)
    }

    /// Orders what a running wave has not ordered yet.
    private mutating func dispatch(_ wave: WaveRecord, at now: UnixTime) throws {
        let actions = try store.actions(of: wave.rollout)
        let spokes = Set(actions.filter { $0.wave == wave.index && $0.state == .pending }.map(\.spoke))
        for spoke in spokes.sorted() { try dispatch(to: spoke, nil, at: now) }
    }

    private func verdict(on wave: WaveRecord, _ rollout: RolloutRecord) throws -> WaveVerdict {
        WaveVerdict(
            try store.actionCounts(of: rollout.id, wave: wave.index), accepted: wave.accepted,
            rules: rollout.specification.errors ?? ErrorRule.standard)
    }

    private func result(of rollout: RolloutID, wave: Int? = nil) throws -> RolloutResult {
        RolloutResult(try store.actionCounts(of: rollout, wave: wave))
    }

    /// A wave must not go on: it fails when it is over, and the rollout pauses, or ends where nothing is left to do.
    private mutating func hold(
        _ rollout: inout RolloutRecord, _ wave: inout WaveRecord, _ cause: PauseCause, _ text: String, at now: UnixTime
    ) throws {
        if try result(of: rollout.id, wave: wave.index).isSettled { try move(&wave, by: .exceedErrors, at: now) }
        guard try !result(of: rollout.id).isSettled else { return try end(&rollout, at: now) }
        try move(&rollout, by: .pause, text, cause: cause, at: now)
    }

    /// What was ordered before the pause comes to its end meanwhile.
    mutating func settlePaused(_ rollout: inout RolloutRecord, at now: UnixTime) throws {
        for var wave in try store.waves(of: rollout.id) where wave.state == .running {
            if try result(of: rollout.id, wave: wave.index).isSettled { try move(&wave, by: .exceedErrors, at: now) }
        }
        if try result(of: rollout.id).isSettled { try end(&rollout, at: now) }
    }

    /// Every action is over: the rollout completed, or failed if one of its waves did.
    private mutating func end(_ rollout: inout RolloutRecord, at now: UnixTime) throws {
        let hasFailed = try store.waves(of: rollout.id).contains { $0.state == .failed }
        rollout.ended = now
        try move(
            &rollout, by: hasFailed ? .exceedErrors : .settle, try result(of: rollout.id).text, at: now)
    }

    mutating func settleStop(_ rollout: inout RolloutRecord, at now: UnixTime) throws {
        let result = try result(of: rollout.id)
        guard result.isSettled else { return }
        rollout.ended = now
        try move(&rollout, by: .settle, result.text, at: now)
    }

    /// A late report changed what a rollout came to after its end.
    mutating func revise(_ rollout: inout RolloutRecord, at now: UnixTime) throws {
        let waves = try store.waves(of: rollout.id)
        // One whose preparation failed never ran.
        guard !waves.isEmpty, waves.allSatisfy({ $0.state == .succeeded || $0.state == .failed }) else { return }
        for var wave in waves {
            let isProved = try verdict(on: wave, rollout).cause == nil
            switch wave.state {
            case .failed: if isProved { try move(&wave, by: .correct, at: now) }
            case .succeeded: if !isProved { try move(&wave, by: .exceedErrors, at: now) }
            case .scheduled, .running, .soaking, .skipped: break
            }
        }
        let hasFailed = try store.waves(of: rollout.id).contains { $0.state == .failed }
        let text = try result(of: rollout.id).text
        if hasFailed != (rollout.state == .failed) {
            try move(&rollout, by: hasFailed ? .exceedErrors : .correct, text, at: now)
        } else if rollout.text != text {
            rollout.text = text
            try store.updateRollout(rollout)
        }
    }

    /// Goes on with a paused rollout: what ended badly until now is accepted. One that runs is left as it is.
    mutating func resumeRollout(_ id: RolloutID, at now: UnixTime) throws -> RolloutRecord {
        guard var rollout = try store.rollout(id) else { throw HubRefusal.notFound("there is no rollout \(id)") }
        guard rollout.state != .running else { return rollout }
        guard rollout.state == .paused else {
            throw HubRefusal.conflict("the rollout is \(rollout.state.name), and only a paused one can be resumed")
        }
        let waves = try store.waves(of: id)
        for var wave in waves where wave.state == .running {
            wave.accepted = try store.actionCounts(of: id, wave: wave.index)
                .filter { $0.key.isFinal || $0.key == .uncertain }
            try store.putWave(wave)
        }
        try move(&rollout, by: .resume, "an operator resumed it", at: now)
        for wave in waves where wave.state == .running { try dispatch(wave, at: now) }
        dirtyRollouts.insert(id)
        return try store.rollout(id) ?? rollout
    }
}
