package import Model

/// An event of this spoke on its way to the hub's activity log.
package struct CarriedEvent: Hashable, Sendable {
    /// Rises with every event of this spoke and is never used twice.
    package var sequence: UInt64
    package var event: Event

    package init(sequence: UInt64, event: Event) {
        self.sequence = sequence
        self.event = event
    }
}
