import Model
import Rollout
import Testing

/// What the kernel decides, over every state of a rollout, of its waves and of what their clients
/// answered.
struct RolloutStepTests {
    private let now = UnixTime(seconds: 1_000)
    private let soak = Duration.seconds(60)

    /// What a wave's clients answered.
    private enum Answers: CaseIterable {
        /// Actions are under way.
        case open
        /// All is over and good.
        case passed
        /// All is over and nobody succeeded.
        case nothing
        /// A rule for errors is crossed, and actions are under way.
        case crossed
        /// A rule for errors is crossed, and all is over.
        case failed

        var counts: [ActionState: Int] {
            switch self {
            case .open: [.pending: 1, .succeeded: 1]
            case .passed: [.succeeded: 2]
            case .nothing: [.refused: 2]
            case .crossed: [.failed: 1, .pending: 1]
            case .failed: [.failed: 1, .succeeded: 1]
            }
        }
    }

    private func rollout(_ state: RolloutState, alter: (inout RolloutRecord) -> Void = { _ in }) throws -> RolloutRecord
    {
        var rollout = RolloutRecord(
            id: RolloutID(high: 0, low: 1),
            specification: RolloutSpecification(
                name: "first", product: try ProductName("ruff"), release: try ReleaseName("1.0"),
                target: Selection(all: true)),
            state: state, created: .zero)
        alter(&rollout)
        return rollout
    }

    private func waves(_ states: WaveState...) -> [WaveRecord] {
        states.enumerated().map { index, state in
            WaveRecord(
                rollout: RolloutID(high: 0, low: 1), index: index, state: state, soak: soak,
                stateEnds: state == .soaking ? now + soak : nil)
        }
    }

    private func counts(_ answers: Answers...) -> ActionCounts {
        ActionCounts(Dictionary(uniqueKeysWithValues: answers.enumerated().map { ($0.offset, $0.element.counts) }))
    }

    private func next(
        _ rollout: RolloutRecord, _ waves: [WaveRecord] = [], _ counts: ActionCounts = ActionCounts([:]),
        packages: PackageReadiness = .ready, at time: UnixTime? = nil
    ) -> [RolloutDecision] {
        RolloutStep.next(rollout, waves, counts: counts, packages: packages, now: time ?? now)
    }

    /// A decision in a few words: `pause(threshold)`, `wave 0 begin`, `order 0`, `cancel`, `text`.
    private func words(_ decisions: [RolloutDecision]) -> String {
        decisions.map { decision in
            switch decision {
            case .moveRollout(let event, _, let cause): event.rawValue + (cause.map { "(\($0.rawValue))" } ?? "")
            case .moveWave(let index, let event, _): "wave \(index) \(event.rawValue)"
            case .orderWave(let index): "order \(index)"
            case .cancelActions: "cancel"
            case .setText: "text"
            }
        }.joined(separator: ", ")
    }

    // MARK: - Every state

    /// One wave in each state × what its clients answered, for each state of the rollout; all that
    /// is not listed decides nothing.
    @Test func everyStateOfRolloutAndWaveWithEveryAnswer() throws {
        var expected = [
            // Running: the wave begins, passes, or holds the rollout.
            "running scheduled open": "wave 0 begin, order 0", "running scheduled passed": "wave 0 begin, order 0",
            "running scheduled nothing": "wave 0 begin, order 0", "running scheduled crossed": "wave 0 begin, order 0",
            "running scheduled failed": "wave 0 begin, order 0",
            "running running passed": "wave 0 meetThreshold",
            "running running nothing": "wave 0 exceedErrors, exceedErrors",
            "running running crossed": "pause(threshold)",
            "running running failed": "wave 0 exceedErrors, exceedErrors",
            "running soaking nothing": "wave 0 exceedErrors, exceedErrors",
            "running soaking crossed": "pause(threshold)",
            "running soaking failed": "wave 0 exceedErrors, exceedErrors",
            // Nothing is left to do.
            "paused running passed": "wave 0 exceedErrors, exceedErrors",
            "paused running nothing": "wave 0 exceedErrors, exceedErrors",
            "paused running failed": "wave 0 exceedErrors, exceedErrors",
            // A late report turned it.
            "completed succeeded nothing": "wave 0 exceedErrors, exceedErrors",
            "completed succeeded crossed": "wave 0 exceedErrors, exceedErrors",
            "completed succeeded failed": "wave 0 exceedErrors, exceedErrors",
            "completed succeeded open": "text", "completed succeeded passed": "text",
            "completed failed open": "wave 0 correct, text", "completed failed passed": "wave 0 correct, text",
            "completed failed nothing": "exceedErrors", "completed failed crossed": "exceedErrors",
            "completed failed failed": "exceedErrors",
            "failed failed open": "wave 0 correct, correct", "failed failed passed": "wave 0 correct, correct",
            "failed failed nothing": "text", "failed failed crossed": "text", "failed failed failed": "text",
            "failed succeeded open": "correct", "failed succeeded passed": "correct",
            "failed succeeded nothing": "wave 0 exceedErrors, text",
            "failed succeeded crossed": "wave 0 exceedErrors, text",
            "failed succeeded failed": "wave 0 exceedErrors, text",
        ]
        for wave in WaveState.allCases {
            for answers in Answers.allCases {
                // Before the orders, and after the wave is over, the answers are not looked at.
                expected["preparing \(wave) \(answers)"] = "prepared"
                expected["ready \(wave) \(answers)"] = "begin"
                let isSettled = RolloutResult(answers.counts).isSettled
                if isSettled { expected["stopping \(wave) \(answers)"] = "settle" }
                switch wave {
                case .succeeded, .skipped: expected["running \(wave) \(answers)"] = "settle"
                case .failed:
                    expected["running \(wave) \(answers)"] = "exceedErrors"
                    if isSettled { expected["paused \(wave) \(answers)"] = "exceedErrors" }
                case .scheduled, .running, .soaking: break
                }
            }
        }
        for state in RolloutState.allCases {
            for wave in WaveState.allCases {
                for answers in Answers.allCases {
                    let key = "\(state) \(wave) \(answers)"
                    let found = words(next(try rollout(state), waves(wave), counts(answers)))
                    #expect(found == expected.removeValue(forKey: key) ?? "", "\(key)")
                }
            }
        }
        #expect(expected.isEmpty, "no state has \(expected)")
    }

    /// Two waves in all states with all answers: no decision is one that a table refuses, each
    /// changes something, and it comes to an end.
    @Test func decisionsAreAllowedAndComeToAnEnd() throws {
        for state in RolloutState.allCases {
            for (first, second) in WaveState.allCases.flatMap({ one in WaveState.allCases.map { (one, $0) } }) {
                for (one, two) in Answers.allCases.flatMap({ one in Answers.allCases.map { (one, $0) } }) {
                    var rollout = try rollout(state)
                    var waves = waves(first, second)
                    let counts = counts(one, two)
                    var isOver = false
                    var rounds = 0
                    while !isOver {
                        rounds += 1
                        try #require(rounds < 10, "\(state) \(first) \(second) \(one) \(two)")
                        let decisions = next(rollout, waves, counts)
                        for decision in decisions { try carryOut(decision, &rollout, &waves) }
                        isOver = decisions.isEmpty || rollout.state.isFinal
                    }
                }
            }
        }
    }

    private func carryOut(
        _ decision: RolloutDecision, _ rollout: inout RolloutRecord, _ waves: inout [WaveRecord]
    ) throws {
        switch decision {
        case .moveRollout(let event, let text, _):
            rollout.state = try #require(RolloutMachine.next(rollout.state, event))
            rollout.text = text
        case .moveWave(let index, let event, let until):
            waves[index].state = try #require(WaveMachine.next(waves[index].state, event))
            waves[index].stateEnds = until
            #expect((until != nil) == waves[index].state.isTimed)
        case .orderWave(let index): #expect(waves[index].state == .running)
        case .cancelActions: break
        case .setText(let text):
            #expect(rollout.text != text)
            rollout.text = text
        }
    }

    // MARK: - Preparation and start

    @Test func aRolloutWaitsForItsPackagesAndSaysSo() throws {
        let path = try TargetPath("ruff/1.0/any-any/ruff.tar")
        let text = "waits for \(path) to be imported"
        #expect(next(try rollout(.preparing), packages: .waiting(path)) == [.setText(text)])
        #expect(next(try rollout(.preparing) { $0.text = text }, packages: .waiting(path)).isEmpty)
        #expect(next(try rollout(.preparing) { $0.text = text }) == [.moveRollout(.prepared, text: nil)])
    }

    @Test func aPackageThatIsGoneEndsThePreparation() throws {
        let path = try TargetPath("ruff/1.0/any-any/ruff.tar")
        let text = "the catalog no longer names \(path)"
        #expect(
            next(try rollout(.preparing), waves(.scheduled, .scheduled), packages: .gone(path)) == [
                .moveRollout(.failPreparation, text: text), .moveWave(0, .skip), .moveWave(1, .skip),
                .cancelActions(text),
            ])
    }

    @Test func nothingBeginsWithoutTheSignatureThatItNeeds() throws {
        let waiting = try rollout(.preparing) { $0.specification.operatorSignature = true }
        #expect(
            next(waiting) == [.setText("waits for an operator's signature: axle rollout sign \(waiting.id)")])
        var signed = waiting
        signed.approval = [1]
        #expect(words(next(signed)) == "prepared")
    }

    @Test func nothingBeginsBeforeItsStart() throws {
        let rollout = try rollout(.ready) { $0.specification.start = now }
        #expect(next(rollout, at: now - .seconds(1)).isEmpty)
        #expect(words(next(rollout)) == "begin")
    }

    // MARK: - Waves

    @Test func theNextWaveBeginsWhenTheOneBeforeHasSoaked() throws {
        let running = try rollout(.running)
        let answers = counts(.passed, .open)
        #expect(
            next(running, waves(.running, .scheduled), answers) == [
                .moveWave(0, .meetThreshold, until: now + soak)
            ])
        #expect(next(running, waves(.soaking, .scheduled), answers, at: now + .seconds(59)).isEmpty)
        #expect(
            words(next(running, waves(.soaking, .scheduled), answers, at: now + soak))
                == "wave 0 finishSoak, wave 1 begin, order 1")
    }

    @Test func aWaveWithoutSoakPassesAtOnce() throws {
        var waves = waves(.running)
        waves[0].soak = .zero
        #expect(
            words(next(try rollout(.running), waves, counts(.passed)))
                == "wave 0 meetThreshold, wave 0 finishSoak, settle")
    }

    @Test func aWaveThatIsOverPausesWhileOthersWait() throws {
        let decisions = next(try rollout(.running), waves(.running, .scheduled), counts(.nothing, .open))
        #expect(
            decisions == [
                .moveWave(0, .exceedErrors),
                .moveRollout(.pause, text: "no client of wave 0 succeeded", cause: .nothingProved),
            ])
    }

    @Test func whatAPersonAcceptedNoLongerPauses() throws {
        var waves = waves(.running, .scheduled)
        waves[0].accepted = [.failed: 1]
        #expect(next(try rollout(.running), waves, counts(.crossed, .open)).isEmpty)
    }

    @Test func theResultIsTheTextOfTheEnd() throws {
        #expect(
            next(try rollout(.stopping), waves(.skipped), counts(.failed))
                == [.moveRollout(.settle, text: "succeeded 1, failed 1")])
    }

    // MARK: - Time

    @Test func timeAloneBringsStartsAndTheEndsOfSoaks() throws {
        let later = try rollout(.ready) { $0.specification.start = now + .seconds(90) }
        let past = try rollout(.ready) { $0.specification.start = now }
        #expect(RolloutStep.due([], [], now: now) == nil)
        #expect(RolloutStep.due([past], waves(.running, .scheduled, .succeeded), now: now) == nil)
        #expect(RolloutStep.due([past, later], [], now: now) == now + .seconds(90))
        #expect(RolloutStep.due([later], waves(.soaking), now: now) == now + soak)
        // A paused rollout may keep a wave whose soak has ended; the hub would wake for it again
        // and again.
        #expect(RolloutStep.due([], waves(.soaking), now: now + soak) == nil)
        #expect(RolloutStep.due([try rollout(.paused) { $0.specification.start = now + soak }], [], now: now) == nil)
    }
}
