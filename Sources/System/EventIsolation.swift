/// An error that says whether it is about the store as a whole, so that no other event could be
/// handled either, or about the event at hand alone.
package protocol StoreFailure: Error {
    /// True for a full disk, a failing device, a damaged or locked database.
    var isStoreFailure: Bool { get }
}

/// Handles a batch of events in as few transactions as possible, and keeps an event that cannot be
/// handled apart from the others.
///
/// A daemon handles the events of many peers in one transaction. If one of them fails, the batch is
/// split in halves until the event stands alone; the others are handled as if it had not come.
/// In the good case this costs nothing; one bad event in a batch of n costs about 2·log2(n)
/// transactions more.
package enum EventIsolation {
    /// Handles `events` in their order.
    ///
    /// - Parameters:
    ///   - handle: One transaction over the given events with all its effects. It must leave nothing
    ///     behind when it throws.
    ///   - isolate: Called for an event that failed alone, in its turn. It throws if the event may not
    ///     be passed over.
    /// - Throws: The error of a store that cannot be used, or what `isolate` throws. Events handled
    ///   by then stay handled; the rest of the batch is not looked at.
    package static func run<Event>(
        _ events: [Event], handle: (ArraySlice<Event>) throws -> Void, isolate: (Event, any Error) throws -> Void
    ) throws {
        try run(events[...], handle, isolate)
    }

    private static func run<Event>(
        _ events: ArraySlice<Event>, _ handle: (ArraySlice<Event>) throws -> Void,
        _ isolate: (Event, any Error) throws -> Void
    ) throws {
        guard let first = events.first else { return }
        do {
            return try handle(events)
        } catch let error as any StoreFailure where error.isStoreFailure {
            throw error
        } catch  where events.count == 1 {
            return try isolate(first, error)
        } catch {
            // Looked at again in halves.
        }
        let middle = events.startIndex + events.count / 2
        try run(events[..<middle], handle, isolate)
        try run(events[middle...], handle, isolate)
    }
}
