internal import System

/// Wakes those who wait for something to change; a wait ends with the next signal or its deadline. Safe from any thread.
final class ChangeSignal: Sendable {
    private struct State {
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var last: UInt64 = 0
        /// Waits that were called off before they had begun.
        var cancelled: Set<UInt64> = []
    }

    private let state = NativeLock(State())

    func signal() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for one in waiting { one.resume() }
    }

    /// Waits for the next signal, for at most that long, or until the task is cancelled.
    func wait(atMost time: Duration) async {
        let number = state.withLock { state in
            state.last += 1
            return state.last
        }
        let deadline = Task { [weak self] in
            // Ended early when the signal came first.
            try? await Task.sleep(for: time)
            self?.end(number)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = state.withLock { state in
                    guard state.cancelled.remove(number) == nil else { return true }
                    state.waiting[number] = continuation
                    return false
                }
                if isCancelled { continuation.resume() }
            }
        } onCancel: {
            end(number)
        }
        deadline.cancel()
        state.withLock { _ = $0.cancelled.remove(number) }
    }

    private func end(_ number: UInt64) {
        let waiting = state.withLock { state in
            let found = state.waiting.removeValue(forKey: number)
            if found == nil { state.cancelled.insert(number) }
            return found
        }
        waiting?.resume()
    }
}
