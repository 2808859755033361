package import Protocol
internal import System

/// Unauthenticated joiners until they are answered, one question of a connection at a time. Any
/// thread.
///
/// A joiner asks one thing after the other. Whoever asks more at once on a connection is told to
/// wait, so that one connection can neither fill the memory here nor take all the places on the way
/// to the hub.
package final class JoinDesk: Sendable {
    private struct State {
        var last: UInt64 = 0
        var waiting: [JoinID: (link: LinkID, request: RequestID)] = [:]
        var asking: Set<LinkID> = []
    }

    private let state = NativeLock(State())

    package init() {}

    /// A number for what came by `LinkHandler.joinRequest`; nil where the connection waits for an
    /// answer already, which it is told.
    package func enter(_ link: LinkID, _ request: RequestID, over links: Links) -> JoinID? {
        let join = state.withLock { state -> JoinID? in
            guard state.asking.insert(link).inserted else { return nil }
            state.last += 1
            let join = JoinID(state.last)
            state.waiting[join] = (link, request)
            return join
        }
        if join == nil {
            let error = ErrorReply(code: .busy, text: "one question at a time", retryAfterSeconds: 10)
            links.perform(.reply(link, request, .error(error)))
        }
        return join
    }

    /// Answers it, once.
    package func answer(_ join: JoinID, _ message: Message, over links: Links) {
        let asked = state.withLock { state in
            let asked = state.waiting.removeValue(forKey: join)
            if let asked { state.asking.remove(asked.link) }
            return asked
        }
        guard let asked else { return }
        links.perform(.reply(asked.link, asked.request, message))
    }

    /// Forgets all of them, when those who would have answered are gone.
    package func clear() {
        state.withLock { state in
            state.waiting = [:]
            state.asking = []
        }
    }
}
