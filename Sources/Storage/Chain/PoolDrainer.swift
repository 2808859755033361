package import Model
internal import System

/// Empties the pools that are set to `draining` while the daemon runs, and says how that goes.
///
/// A pass at a time, on a queue of its own; what cannot go yet is tried again at the next look. Thread rule: any thread.
package final class PoolDrainer: Sendable {
    /// What is to be told.
    package enum News: Equatable, Sendable {
        /// A package is in another pool now.
        case moved(SHA256Digest)
        /// These are damaged and marked.
        case damaged(Set<SHA256Digest>)
        /// A sentence for people: the pool is empty, or what keeps it from that and what to do.
        case said(String, isEmpty: Bool)
    }

    private struct State {
        var isBusy = false
        /// What went out of each pool since it was set to be emptied, or since the start.
        var sums: [NodeName: PoolChain.Drained] = [:]
        /// What was said of each last.
        var said: [NodeName: String] = [:]
    }

    private let chain: PoolChain
    private let program: String
    private let queue = NamedQueue("drain")
    private let state = NativeLock(State())

    /// `program` is the daemon's, for what is said.
    package init(_ chain: PoolChain, program: String) {
        self.chain = chain
        self.program = program
    }

    /// Begins a pass where a pool is to be emptied and none is under way; returns at once.
    package func look(_ tell: @escaping @Sendable (News) -> Void) {
        let pools = chain.names.filter { chain.isDraining($0) }
        let isDue = state.withLock { state in
            state.sums = state.sums.filter { pools.contains($0.key) }
            state.said = state.said.filter { pools.contains($0.key) }
            guard !pools.isEmpty, !state.isBusy else { return false }
            state.isBusy = true
            return true
        }
        guard isDue else { return }
        queue.submit { [self] in
            for pool in pools { pass(pool, tell) }
            state.withLock { $0.isBusy = false }
        }
    }

    private func pass(_ pool: NodeName, _ tell: (News) -> Void) {
        let drained = chain.drain(pool) { tell(.moved($0.digest)) }
        if !drained.damaged.isEmpty { tell(.damaged(drained.damaged)) }
        guard chain.isDraining(pool) else { return }
        let sum = state.withLock { state in
            state.sums[pool, default: .init()].packages += drained.packages
            state.sums[pool, default: .init()].bytes += drained.bytes
            return state.sums[pool] ?? drained
        }
        guard let text = text(pool, sum, drained.stays) else { return }
        let isNew = state.withLock { state in
            defer { state.said[pool] = text }
            return state.said[pool] != text
        }
        if isNew { tell(.said(text, isEmpty: drained.stays.isEmpty)) }
    }

    /// Nil where there is nothing to be said: what is only being read or fetched goes with the next pass.
    private func text(
        _ pool: NodeName, _ sum: PoolChain.Drained, _ stays: [SHA256Digest: StorageError]
    ) -> String? {
        guard !stays.isEmpty else {
            guard sum.packages > 0 else { return nil }
            return "pool \(pool) is empty: \(sum.packages) packages, \(sum.bytes), are in the other pools now; "
                + "'\(program) remove-pool \(pool)' takes it off the list"
        }
        let reasons = stays.sorted { $0.key < $1.key }.map(\.value).filter { error in
            switch error {
            case .inUse, .inTransfer: false
            default: true
            }
        }
        guard let first = reasons.first else { return nil }
        return "pool \(pool) cannot be emptied yet, \(reasons.count) packages stay: \(first)"
    }
}
