/// Events that wait for a daemon's core: put in from any thread, taken out in batches on the core's queue.
///
/// Each sender has a budget of bytes that wait. One beyond it is named to whoever puts its event in,
/// who stops reading from it; `take` names those that may be read from again. Nothing is dropped.
package final class EventInbox<Event: Sendable, Sender: Hashable & Sendable>: Sendable {
    /// Events handled in one transaction at the most, if nothing else is said.
    package static var batchLimit: Int { 512 }
    /// Bytes of one sender's events that may wait before it is read from no more.
    package static var budget: Int { 256 << 10 }
    /// What an event takes beside its bytes.
    package static var eventOverhead: Int { 512 }

    /// What `take` gives.
    package struct Batch: Sendable {
        /// The oldest events, in their order.
        package let events: [Event]
        /// Whether more wait.
        package let isMore: Bool
        /// Senders that were beyond their budget and may be read from again.
        package let resumed: [Sender]
    }

    private struct Waiting {
        var events: [(event: Event, sender: Sender?, bytes: Int)] = []
        var bytes: [Sender: Int] = [:]
        var paused: Set<Sender> = []
    }

    private let waiting = NativeLock(Waiting())
    private let batch: Int

    package init(batch: Int = EventInbox.batchLimit) {
        self.batch = batch
    }

    /// Adds an event of the daemon's own behind those that wait; true where none did, so that somebody has
    /// to take it out.
    package func put(_ event: Event) -> Bool {
        waiting.withLock { waiting in
            waiting.events.append((event, nil, 0))
            return waiting.events.count == 1
        }
    }

    /// Adds an event that a sender caused with so many bytes; says besides whether it may be read from
    /// on.
    package func put(_ event: Event, from sender: Sender, bytes: Int) -> (isFirst: Bool, mayGoOn: Bool) {
        waiting.withLock { waiting in
            let bytes = bytes + Self.eventOverhead
            waiting.events.append((event, sender, bytes))
            let sum = waiting.bytes[sender, default: 0] + bytes
            waiting.bytes[sender] = sum
            if sum > Self.budget { waiting.paused.insert(sender) }
            return (waiting.events.count == 1, sum <= Self.budget)
        }
    }

    /// Takes the oldest events out.
    package func take() -> Batch {
        waiting.withLock { waiting in
            let taken = waiting.events.prefix(batch)
            for case (_, let sender?, let bytes) in taken {
                let left = waiting.bytes[sender, default: 0] - bytes
                waiting.bytes[sender] = left > 0 ? left : nil
            }
            let events = taken.map(\.event)
            waiting.events.removeFirst(events.count)
            let resumed = waiting.paused.filter { waiting.bytes[$0, default: 0] <= Self.budget / 2 }
            waiting.paused.subtract(resumed)
            return Batch(events: events, isMore: !waiting.events.isEmpty, resumed: Array(resumed))
        }
    }

    /// Removes what waits; the links of its senders are to be closed.
    package func clear() { waiting.withLock { $0 = Waiting() } }
}
