import Model
import Rollout

/// Waves of rollouts, as the hub keeps and orders them; `Rollout/RolloutStep.swift` decides.
enum Waves {
    /// Orders what a wave has not ordered yet.
    static func order(_ wave: Int, of rollout: RolloutID, _ turn: inout HubTurn) throws {
        let actions = try turn.store.actions(of: rollout)
        let spokes = Set(actions.filter { $0.wave == wave && $0.state == .pending }.map(\.spoke))
        for spoke in spokes.sorted() { try Actions.dispatch(to: spoke, nil, &turn) }
    }

    /// Moves a wave on; does nothing when the table refuses.
    static func move(
        _ index: Int, of rollout: RolloutID, by event: WaveEvent, until: UnixTime?, _ turn: inout HubTurn
    ) throws {
        guard var wave = try turn.store.waves(of: rollout).first(where: { $0.index == index }),
            let next = WaveMachine.next(wave.state, event)
        else { return }
        wave.state = next
        wave.stateEnds = until
        if event == .begin { wave.began = turn.now }
        try turn.store.putWave(wave)
        // The line of the rollout says why its waves are left out.
        guard next != .skipped else { return }
        let result = RolloutResult(try turn.store.actionCounts(of: rollout)[index])
        try turn.log(
            next == .failed ? .warning : .info, .waveChanged, "rollout/\(rollout)",
            "wave \(index) is \(next.name): \(result.text)")
    }
}
