package import Model

/// A condition that was noticed by an event and needs a person, where nothing else in the store shows it.
package struct AlarmRecord: Hashable, Sendable {
    /// The member that it is about.
    package var subject: NodeID
    package var code: WarningCode
    /// When it was noticed first and last.
    package var began: UnixTime
    package var seen: UnixTime
    /// What was seen, for a person.
    package var text: String

    package init(subject: NodeID, code: WarningCode, began: UnixTime, seen: UnixTime, text: String) {
        self.subject = subject
        self.code = code
        self.began = began
        self.seen = seen
        self.text = text
    }
}

/// Alarms, one for each member and code.
package protocol AlarmStore: AnyObject {
    /// Adds or replaces an alarm.
    func putAlarm(_ alarm: AlarmRecord) throws
    func alarm(of subject: NodeID, _ code: WarningCode) throws -> AlarmRecord?
    /// The alarms of a code that were seen after a time, in the order of their subjects' ids.
    func alarms(_ code: WarningCode, seenAfter time: UnixTime) throws -> [AlarmRecord]
    func removeAlarms(of subject: NodeID) throws
    func removeAlarms(seenBefore time: UnixTime) throws
}
