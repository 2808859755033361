/// Events that wait for a daemon's core: put in from any thread, taken out in batches on the core's
/// queue.
///
/// The bytes that wait are bounded, for each sender and for all together. Each sender owns a floor.
/// What is beyond the floors shares one limit: half of it in even shares among those of whom
/// something waits, and a quarter only for those of whom nothing waits, so that no burst of others
/// takes a sender's first event. An event is refused only where its sender is beyond all of this,
/// so the sender alone waits. What was accepted is never dropped.
package final class EventInbox<Event: Sendable, Sender: Hashable & Sendable>: Sendable {
    /// The most events that are handled in one transaction, by default.
    package static var batchLimit: Int { 512 }
    /// Bytes of one sender that may wait before it is read from no more.
    package static var budget: Int { 256 << 10 }
    /// Bytes of one sender that may always wait.
    package static var floor: Int { 8 << 10 }
    /// Bytes that may wait beyond the floors of all senders, by default.
    package static var sharedLimit: Int { 64 << 20 }
    /// What an event takes beside its bytes.
    package static var eventOverhead: Int { 512 }

    /// What becomes of an event.
    package enum Admission: Sendable {
        /// It waits, and its sender may send more.
        case accepted
        /// It waits. Its sender is to be read from no more until `take` names it.
        case acceptedLast
        /// It does not wait: its sender has more than its share. The sender is to be read from no
        /// more until `take` names it.
        case refused
    }

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
        /// Bytes beyond the floor, of all senders.
        var shared = 0
        var paused: Set<Sender> = []
    }

    private let waiting = NativeLock(Waiting())
    private let batch: Int
    private let sharedLimit: Int

    package init(batch: Int = EventInbox.batchLimit, sharedLimit: Int = EventInbox.sharedLimit) {
        self.batch = batch
        self.sharedLimit = sharedLimit
    }

    /// Adds an event of the daemon's own behind those that wait; true where none did, so that somebody has
    /// to take it out.
    package func put(_ event: Event) -> Bool {
        waiting.withLock { waiting in
            waiting.events.append((event, nil, 0))
            return waiting.events.count == 1
        }
    }

    /// Adds an event that a sender caused with so many bytes, unless the sender has more than its
    /// share.
    package func put(_ event: Event, from sender: Sender, bytes: Int) -> (isFirst: Bool, admission: Admission) {
        waiting.withLock { waiting in
            let bytes = bytes + Self.eventOverhead
            let before = waiting.bytes[sender, default: 0]
            let sum = before + bytes
            let growth = Self.shared(sum) - Self.shared(before)
            guard growth == 0 || mayGrow(waiting, by: growth, from: before) else {
                waiting.paused.insert(sender)
                return (false, .refused)
            }
            waiting.events.append((event, sender, bytes))
            waiting.bytes[sender] = sum
            waiting.shared += growth
            let isLast = sum > most(waiting)
            if isLast { waiting.paused.insert(sender) }
            return (waiting.events.count == 1, isLast ? .acceptedLast : .accepted)
        }
    }

    /// Takes the oldest events out.
    package func take() -> Batch {
        waiting.withLock { waiting in
            let taken = waiting.events.prefix(batch)
            for case (_, let sender?, let bytes) in taken {
                let before = waiting.bytes[sender, default: 0]
                let left = before - bytes
                waiting.bytes[sender] = left > 0 ? left : nil
                waiting.shared -= Self.shared(before) - Self.shared(left)
            }
            let events = taken.map(\.event)
            waiting.events.removeFirst(events.count)
            let half = most(waiting) / 2
            let resumed = waiting.paused.filter { waiting.bytes[$0, default: 0] <= half }
            waiting.paused.subtract(resumed)
            return Batch(events: events, isMore: !waiting.events.isEmpty, resumed: Array(resumed))
        }
    }

    /// Removes what waits; the links of its senders are to be closed.
    package func clear() { waiting.withLock { $0 = Waiting() } }

    /// How much of a sender's bytes is beyond its floor.
    private static func shared(_ bytes: Int) -> Int { max(0, bytes - floor) }

    /// Whether a sender of whom `before` bytes wait may take so many more of what is shared.
    private func mayGrow(_ waiting: Waiting, by growth: Int, from before: Int) -> Bool {
        guard before > 0 else { return waiting.shared + growth <= sharedLimit }
        return waiting.shared + growth <= sharedLimit - sharedLimit / 4
            && Self.shared(before) + growth <= share(waiting)
    }

    /// An even share of half of the limit.
    private func share(_ waiting: Waiting) -> Int { sharedLimit / 2 / (waiting.bytes.count + 1) }

    /// Bytes of a sender that may wait before it is read from no more.
    private func most(_ waiting: Waiting) -> Int { min(Self.budget, Self.floor + share(waiting)) }
}
