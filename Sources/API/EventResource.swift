package import Model

/// A line of the activity log: `GET /v1/events`.
package struct EventResource: Codable, Hashable, Sendable {
    /// Rises by one with every line; `after` takes it.
    package var sequence: UInt64
    package var time: UnixTime
    package var severity: EventSeverity
    package var code: String
    package var subject: String
    package var text: String
    /// When it happened by the clock of the spoke that told it; absent where the hub saw it itself.
    package var peerTime: UnixTime?
    /// Who caused it: `admin`, `hub`, `spoke/NAME`, `client/NAME` or `joiners`; absent in lines of earlier releases.
    package var actor: String?

    package init(sequence: UInt64, _ event: Event) {
        self.sequence = sequence
        time = event.time
        severity = event.severity
        code = event.code.rawValue
        subject = event.subject
        text = event.text
        peerTime = event.peerTime
        actor = event.actor
    }
}
