package import Model

/// What a rollout does next, as a pure function of what is known of it.
///
/// The next wave begins when the one before it proved the release and soaked; otherwise the rollout
/// pauses, orders nothing more, and what was ordered before is carried out. An operator goes on or
/// ends it.
///
/// The hub carries out the decisions in order and asks again until there are none or the rollout is
/// over: orders end a step, since what is ordered may be called off at once. Every decision changes
/// something, and none is refused by the tables of `RolloutMachine` and `WaveMachine`, so that this
/// comes to an end.
package enum RolloutStep {
    /// What is decided now; nothing where the rollout waits.
    ///
    /// - Parameters:
    ///   - waves: all of the rollout, in order.
    ///   - counts: its actions; asked for once they can have orders.
    ///   - packages: asked for while it prepares.
    package static func next(
        _ rollout: RolloutRecord, _ waves: [WaveRecord], counts: @autoclosure () throws -> ActionCounts,
        packages: @autoclosure () throws -> PackageReadiness, now: UnixTime
    ) rethrows -> [RolloutDecision] {
        switch rollout.state {
        case .preparing: return prepare(rollout, waves, try packages())
        case .ready: return begin(rollout, now)
        case .running: return Draft.decisions(rollout, waves, try counts()) { $0.runWaves(now) }
        case .paused: return Draft.decisions(rollout, waves, try counts()) { $0.settlePaused() }
        case .stopping: return Draft.decisions(rollout, waves, try counts()) { $0.settleStop() }
        case .completed, .failed: return Draft.decisions(rollout, waves, try counts()) { $0.revise() }
        case .draft, .stopped, .rollingBack, .rolledBack: return []
        }
    }

    /// Ready once every package that it needs is in the hub's pool.
    private static func prepare(
        _ rollout: RolloutRecord, _ waves: [WaveRecord], _ packages: PackageReadiness
    ) -> [RolloutDecision] {
        let text: String
        switch packages {
        case .gone(let path):
            let why = "the catalog no longer names \(path)"
            return [.moveRollout(.failPreparation, text: why)] + skip(waves) + [.cancelActions(why)]
        case .waiting(let path): text = "waits for \(path) to be imported"
        case .ready:
            guard rollout.specification.operatorSignature == true, rollout.approval == nil else {
                return [.moveRollout(.prepared, text: nil)]
            }
            text = "waits for an operator's signature: axle rollout sign \(rollout.id)"
        }
        return rollout.text == text ? [] : [.setText(text)]
    }

    private static func begin(_ rollout: RolloutRecord, _ now: UnixTime) -> [RolloutDecision] {
        guard rollout.specification.start.map({ $0 <= now }) ?? true else { return [] }
        return [.moveRollout(.begin, text: nil)]
    }

    /// Leaves out every wave that is not over.
    package static func skip(_ waves: [WaveRecord]) -> [RolloutDecision] {
        waves.filter { WaveMachine.next($0.state, .skip) != nil }.map { .moveWave($0.index, .skip) }
    }

    /// When time alone brings the next decision, by the states of some rollouts and timed waves;
    /// nil when it brings none. A time that has passed brings none: what it could decide was
    /// decided, and the wave of a paused rollout waits for an operator.
    package static func due(_ rollouts: [RolloutRecord], _ waves: [WaveRecord], now: UnixTime) -> UnixTime? {
        let starts = rollouts.filter(\.state.isTimed).compactMap(\.specification.start).filter { $0 > now }
        let ends = waves.filter(\.state.isTimed).compactMap(\.stateEnds).filter { $0 > now }
        return (starts + ends).min()
    }
}

/// The decisions of one step as they are made, with the states that they lead to.
private struct Draft {
    private let rollout: RolloutRecord
    private var waves: [WaveRecord]
    private let counts: ActionCounts
    private var decisions: [RolloutDecision] = []

    static func decisions(
        _ rollout: RolloutRecord, _ waves: [WaveRecord], _ counts: ActionCounts, _ decide: (inout Draft) -> Void
    ) -> [RolloutDecision] {
        var draft = Draft(rollout: rollout, waves: waves, counts: counts)
        decide(&draft)
        return draft.decisions
    }

    private init(rollout: RolloutRecord, waves: [WaveRecord], counts: ActionCounts) {
        self.rollout = rollout
        self.waves = waves
        self.counts = counts
    }

    // MARK: - By state of the rollout

    mutating func runWaves(_ now: UnixTime) {
        for position in waves.indices {
            switch waves[position].state {
            case .scheduled:
                move(position, by: .begin)
                decisions.append(.orderWave(waves[position].index))
                return
            case .running, .soaking:
                let verdict = verdict(on: position)
                if let cause = verdict.cause { return hold(position, verdict, cause) }
                if verdict == .passed { move(position, by: .meetThreshold, until: now + waves[position].soak) }
                guard waves[position].state == .soaking, waves[position].stateEnds.map({ $0 <= now }) ?? true else {
                    return
                }
                move(position, by: .finishSoak)
            case .succeeded, .failed, .skipped: continue
            }
        }
        end()
    }

    /// What was ordered before the pause comes to its end meanwhile.
    mutating func settlePaused() {
        for position in waves.indices where waves[position].state == .running && result(of: position).isSettled {
            move(position, by: .exceedErrors)
        }
        if result.isSettled { end() }
    }

    mutating func settleStop() {
        if result.isSettled { move(by: .settle, text: result.text) }
    }

    /// A late report changed what a rollout came to after its end.
    mutating func revise() {
        // A rollout whose preparation failed never ran.
        guard !waves.isEmpty, waves.allSatisfy(\.state.isJudged) else { return }
        for position in waves.indices {
            let isProved = verdict(on: position).cause == nil
            if isProved == (waves[position].state == .failed) {
                move(position, by: isProved ? .correct : .exceedErrors)
            }
        }
        if hasFailed != (rollout.state == .failed) {
            move(by: hasFailed ? .exceedErrors : .correct, text: result.text)
        } else if rollout.text != result.text {
            decisions.append(.setText(result.text))
        }
    }

    // MARK: - What follows

    /// A wave must not go on: it fails when it is over, and the rollout pauses, or ends where
    /// nothing is left to do.
    private mutating func hold(_ position: Int, _ verdict: WaveVerdict, _ cause: PauseCause) {
        if result(of: position).isSettled { move(position, by: .exceedErrors) }
        guard !result.isSettled else { return end() }
        move(by: .pause, text: verdict.text(wave: waves[position].index) ?? "", cause: cause)
    }

    /// Every action is over: the rollout completed, or failed if one of its waves did.
    private mutating func end() { move(by: hasFailed ? .exceedErrors : .settle, text: result.text) }

    private var hasFailed: Bool { waves.contains { $0.state == .failed } }
    private var result: RolloutResult { RolloutResult(counts.all) }
    private func result(of position: Int) -> RolloutResult { RolloutResult(counts[waves[position].index]) }

    private func verdict(on position: Int) -> WaveVerdict {
        WaveVerdict(
            counts[waves[position].index], accepted: waves[position].accepted, rules: rollout.specification.errorRules)
    }

    /// Decides that the rollout moves on, unless its table refuses.
    private mutating func move(by event: RolloutEvent, text: String?, cause: PauseCause? = nil) {
        guard RolloutMachine.next(rollout.state, event) != nil else { return }
        decisions.append(.moveRollout(event, text: text, cause: cause))
    }

    /// Decides that a wave moves on, unless its table refuses.
    private mutating func move(_ position: Int, by event: WaveEvent, until: UnixTime? = nil) {
        guard let next = WaveMachine.next(waves[position].state, event) else { return }
        waves[position].state = next
        waves[position].stateEnds = until
        decisions.append(.moveWave(waves[position].index, event, until: until))
    }
}
