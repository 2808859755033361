package import Protocol
internal import System

/// Strangers who ask to join, until they are answered. Any thread.
package final class JoinDesk: Sendable {
    private struct State {
        var last: UInt64 = 0
        var waiting: [JoinID: (link: LinkID, request: RequestID)] = [:]
    }

    private let state = NativeLock(State())

    package init() {}

    /// A number for what came by `LinkHandler.joinRequest`.
    package func enter(_ link: LinkID, _ request: RequestID) -> JoinID {
        state.withLock { state in
            state.last += 1
            let join = JoinID(state.last)
            state.waiting[join] = (link, request)
            return join
        }
    }

    /// Answers it, once.
    package func answer(_ join: JoinID, _ message: Message, over links: Links) {
        guard let asked = state.withLock({ $0.waiting.removeValue(forKey: join) }) else { return }
        links.perform(.reply(asked.link, asked.request, message))
    }
}
