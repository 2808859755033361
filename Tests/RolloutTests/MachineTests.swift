import Model
import Rollout
import Testing

/// Every state × event pair of every machine: the listed ones lead where the list says, all others are refused.
struct MachineTests {
    /// A list such as `offered: refuse refused, cancel cancelling` per line, as a dictionary `state event` → state.
    private func pairs(_ list: String) -> [String: String] {
        var pairs: [String: String] = [:]
        for line in list.split(separator: "\n") {
            let parts = line.split(separator: ":")
            for move in parts[1].split(separator: ",") {
                let words = move.split(separator: " ")
                pairs["\(parts[0]) \(words[0])"] = String(words[1])
            }
        }
        return pairs
    }

    private func check<State: NamedCode, Event>(
        _ list: String, _ events: [Event], _ name: (Event) -> String, _ next: (State, Event) -> State?
    ) {
        var expected = pairs(list)
        for state in State.allCases {
            for event in events {
                let key = "\(state.name) \(name(event))"
                #expect(next(state, event)?.name == expected.removeValue(forKey: key), "\(key)")
            }
        }
        #expect(expected.isEmpty, "pairs of no state and event: \(expected)")
    }

    @Test func agentActionPairs() {
        check(
            """
            offered: refuse refused, startDownload downloading, fail failed, cancel cancelling
            downloading: refuse refused, finishDownload downloaded, fail failed, cancel cancelling
            downloaded: refuse refused, waitForWindow waitingForWindow, drain draining, startInstall installing, fail failed, cancel cancelling
            waitingForWindow: refuse refused, drain draining, startInstall installing, fail failed, cancel cancelling
            draining: refuse refused, waitForWindow waitingForWindow, startInstall installing, fail failed, cancel cancelling
            installing: restart restarting, verify verifying, fail failed, rollBack rollingBack
            restarting: verify verifying, rollBack rollingBack
            verifying: succeed succeeded, rollBack rollingBack
            rollingBack: finishRollback rolledBack, failRollback rollbackFailed
            cancelling: finishCancel cancelled
            """, AgentActionEvent.allCases, \.rawValue, AgentActionMachine.next)
    }

    @Test func anAgentNeverHasAStateOfTheHub() {
        for state in ActionState.allCases {
            for event in AgentActionEvent.allCases {
                guard let next = AgentActionMachine.next(state, event) else { continue }
                #expect(!state.isHubOnly && !next.isHubOnly)
                #expect(!state.isFinal)
            }
        }
    }

    @Test func hubActionPairs() {
        func name(_ event: HubActionEvent) -> String {
            if case .reported(let state) = event { return "r.\(state.name)" }
            return "\(event)"
        }
        let every =
            "r.offered offered, r.refused refused, r.downloading downloading, r.downloaded downloaded, r.waitingForWindow waitingForWindow, r.draining draining, r.installing installing, r.restarting restarting, r.verifying verifying, r.succeeded succeeded, r.failed failed, r.cancelling cancelling, r.cancelled cancelled, r.rollingBack rollingBack, r.rolledBack rolledBack, r.rollbackFailed rollbackFailed"
        let fromDownloaded =
            "r.refused refused, r.waitingForWindow waitingForWindow, r.draining draining, r.installing installing, r.restarting restarting, r.verifying verifying, r.succeeded succeeded, r.failed failed, r.cancelling cancelling, r.cancelled cancelled, r.rollingBack rollingBack, r.rolledBack rolledBack, r.rollbackFailed rollbackFailed"
        check(
            """
            pending: offerAcknowledged offered, waitForSlot waitingForSlot, cancel cancelled, windowsPassed missed, clientRevoked cancelled, identityShared uncertain, \(every)
            waitingForSlot: offerAcknowledged offered, slotGranted pending, cancel cancelled, windowsPassed missed, clientRevoked cancelled, identityShared uncertain, \(every)
            missed: identityShared uncertain, \(every)
            uncertain: settle failed, \(every)
            offered: cancel cancelling, windowsPassed missed, clientRevoked uncertain, identityShared uncertain, \(every)
            downloading: cancel cancelling, windowsPassed missed, clientRevoked uncertain, identityShared uncertain, r.downloading downloading, r.downloaded downloaded, \(fromDownloaded)
            downloaded: cancel cancelling, windowsPassed missed, clientRevoked uncertain, identityShared uncertain, r.downloaded downloaded, \(fromDownloaded)
            waitingForWindow: cancel cancelling, windowsPassed missed, clientRevoked uncertain, identityShared uncertain, \(fromDownloaded)
            draining: cancel cancelling, runTimeExceeded uncertain, clientRevoked uncertain, identityShared uncertain, \(fromDownloaded)
            installing: runTimeExceeded uncertain, clientRevoked uncertain, identityShared uncertain, r.installing installing, r.restarting restarting, r.verifying verifying, r.succeeded succeeded, r.failed failed, r.rollingBack rollingBack, r.rolledBack rolledBack, r.rollbackFailed rollbackFailed
            restarting: runTimeExceeded uncertain, clientRevoked uncertain, identityShared uncertain, r.restarting restarting, r.verifying verifying, r.succeeded succeeded, r.rollingBack rollingBack, r.rolledBack rolledBack, r.rollbackFailed rollbackFailed
            verifying: runTimeExceeded uncertain, clientRevoked uncertain, identityShared uncertain, r.verifying verifying, r.succeeded succeeded, r.rollingBack rollingBack, r.rolledBack rolledBack, r.rollbackFailed rollbackFailed
            rollingBack: runTimeExceeded uncertain, clientRevoked uncertain, identityShared uncertain, r.rollingBack rollingBack, r.rolledBack rolledBack, r.rollbackFailed rollbackFailed
            cancelling: windowsPassed cancelled, clientRevoked uncertain, identityShared uncertain, r.offered cancelling, r.downloading cancelling, r.downloaded cancelling, r.waitingForWindow cancelling, r.draining cancelling, r.refused refused, r.installing installing, r.restarting restarting, r.verifying verifying, r.succeeded succeeded, r.failed failed, r.cancelling cancelling, r.cancelled cancelled, r.rollingBack rollingBack, r.rolledBack rolledBack, r.rollbackFailed rollbackFailed
            refused: r.refused refused
            succeeded: identityShared uncertain, r.succeeded succeeded
            failed: r.failed failed
            cancelled: r.cancelled cancelled
            rolledBack: r.rolledBack rolledBack
            rollbackFailed: r.rollbackFailed rollbackFailed
            """, HubActionEvent.all, name, HubActionMachine.next)
    }

    @Test func noFinalStateButMissedIsEverLeftAndASuccessOnlyBecauseItsMachineIsTwo() {
        for state in ActionState.allCases where state.isFinal && state != .missed {
            for event in HubActionEvent.all {
                guard !(state == .succeeded && event == .identityShared) else { continue }
                #expect((HubActionMachine.next(state, event) ?? state) == state)
            }
        }
    }

    @Test func rolloutPairs() {
        check(
            """
            draft: start preparing, stop stopped
            preparing: prepared ready, failPreparation failed, stop stopped
            ready: begin running, stop stopped
            running: pause paused, stop stopping, settle completed, exceedErrors failed, rollBack rollingBack
            paused: resume running, stop stopping, exceedErrors failed, rollBack rollingBack
            stopping: settle stopped
            stopped: rollBack rollingBack
            completed: exceedErrors failed, rollBack rollingBack
            failed: correct completed, rollBack rollingBack
            rollingBack: finishRollback rolledBack, failRollback failed
            """, RolloutEvent.allCases, \.rawValue, RolloutMachine.next)
    }

    @Test func wavePairs() {
        check(
            """
            scheduled: begin running, skip skipped
            running: meetThreshold soaking, exceedErrors failed, skip skipped
            soaking: finishSoak succeeded, exceedErrors failed, skip skipped
            succeeded: exceedErrors failed
            failed: correct succeeded
            """, WaveEvent.allCases, \.rawValue, WaveMachine.next)
    }
}
