/// Events that wait for a daemon's core: put in from any thread, taken out in batches on the core's queue.
package final class EventInbox<Event: Sendable>: Sendable {
    /// Events handled in one transaction at the most.
    package static var batchLimit: Int { 512 }

    private let waiting = NativeLock<[Event]>([])

    package init() {}

    /// Adds an event behind those that wait; true where none did, so that somebody has to take it out.
    package func put(_ event: Event) -> Bool {
        waiting.withLock { waiting in
            waiting.append(event)
            return waiting.count == 1
        }
    }

    /// The oldest events, in their order, and whether more wait.
    package func take() -> (events: [Event], isMore: Bool) {
        waiting.withLock { waiting in
            let events = Array(waiting.prefix(Self.batchLimit))
            waiting.removeFirst(events.count)
            return (events, !waiting.isEmpty)
        }
    }

    package func clear() { waiting.withLock { $0.removeAll() } }
}
