package import Codec
package import Model

/// Message 28, `event`. From spoke to hub: a line for the activity log. `ok` = stored durably; a sequence is stored once.
package struct EventMessage: MessageBody {
    package static let number: UInt64 = 28
    package static let name = "event"

    /// Rises with every event of a spoke.
    package var sequence: UInt64
    package var time: UnixTime
    package var severity: EventSeverity
    /// A code of the log; unknown ones are kept.
    package var code: EventCode
    /// What it is about.
    package var subject: String
    package var text: String

    package init(
        sequence: UInt64, time: UnixTime, severity: EventSeverity, code: EventCode, subject: String, text: String
    ) {
        self.sequence = sequence
        self.time = time
        self.severity = severity
        self.code = code
        self.subject = subject
        self.text = text
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        sequence = try fields.unsigned(1)
        time = try fields.time(2)
        severity = try fields.code(3)
        code = try fields.eventCode(4)
        subject = try fields.text(5)
        text = try fields.text(6)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .unsigned(sequence),
            2: .milliseconds(time),
            3: .rawCode(severity),
            4: .text(code.rawValue),
            5: .clipped(subject),
            6: .clipped(text),
        ])
    }
}
