package import Storage
import System

/// Counts a pool's steps and ends everything before the one that is chosen: no step is taken from there on, as if the process were gone.
package final class PoolCut: Sendable {
    private let state: NativeLock<State>

    private struct State {
        var count = 0
        let at: Int
        var trace: [PoolStep] = []
    }

    /// Lets `at` steps pass.
    package init(at: Int) {
        state = NativeLock(State(at: at))
    }

    /// Steps that were taken.
    package var trace: [PoolStep] { state.withLock { $0.trace } }

    /// True once a step was refused.
    package var isOver: Bool { state.withLock { $0.count > $0.at } }

    package func step(_ step: PoolStep) throws(StorageError) {
        let isOver = state.withLock { state in
            state.count += 1
            if state.count > state.at { return true }
            state.trace.append(step)
            return false
        }
        if isOver { throw .io("cut") }
    }
}

/// Refuses single steps and lets all others pass: a disk that fails now and then, or is full.
package final class PoolFault: Sendable {
    private let state: NativeLock<(count: Int, at: Set<Int>, error: StorageError)>

    package init(at: Set<Int>, error: StorageError) {
        state = NativeLock((0, at, error))
    }

    package var count: Int { state.withLock { $0.count } }

    package func step(_ step: PoolStep) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            state.count += 1
            guard state.at.contains(state.count) else { return }
            // Removing needs no room.
            if case .remove = step, state.error == .diskFull { return }
            throw state.error
        }
    }
}
