import Codec
package import Model
import TLS

/// A line of the activity log with its place in the chain.
package struct EventRecord: Hashable, Sendable {
    /// 1, 2, 3, … without a gap.
    package var sequence: Int64
    package var event: Event
    /// SHA-256 over the line before's hash and this line.
    package var hash: [UInt8]

    package init(sequence: Int64, event: Event, hash: [UInt8]) {
        self.sequence = sequence
        self.event = event
        self.hash = hash
    }

    /// The hash before the first line: 32 zero bytes.
    package static let origin = [UInt8](repeating: 0, count: 32)

    /// The hash of a line: SHA-256(hash of the previous line ‖ CBOR [sequence, time ms, severity, code,
    /// subject, text, ? peer's time ms, ? actor]).
    package static func hash(_ event: Event, sequence: Int64, after previous: [UInt8]) -> [UInt8] {
        var line: [CBOR] = [
            .integer(sequence), .integer(event.time.milliseconds), .unsigned(UInt64(event.severity.rawValue)),
            .text(event.code.rawValue), .text(event.subject), .text(event.text),
        ]
        if let time = event.peerTime { line.append(.integer(time.milliseconds)) }
        if let actor = event.actor { line.append(.text(actor)) }
        return SHA256.hash(previous + CBOREncoder.encode(.array(line)))
    }
}

/// The activity log: append-only.
package protocol EventStore: AnyObject {
    /// Appends a line and gives it its place and hash.
    @discardableResult
    func appendEvent(_ event: Event) throws -> EventRecord
    /// Lines in order, behind a sequence; with `search`, those whose code, subject, text or actor contain it, whatever the case of ASCII letters.
    func events(after sequence: Int64, search: String?, limit: Int) throws -> [EventRecord]
    /// The last line; nil as long as there is none.
    func lastEvent() throws -> EventRecord?
}

extension EventStore {
    /// Follows the chain from the first line to the last; throws at the first line that does not fit.
    package func verifyEventChain() throws {
        var previous = EventRecord.origin
        var sequence: Int64 = 0
        while true {
            let piece = try events(after: sequence, search: nil, limit: 1000)
            for record in piece {
                guard record.sequence == sequence + 1,
                    record.hash == EventRecord.hash(record.event, sequence: record.sequence, after: previous)
                else { throw HubStoreError.chainBroken(sequence: record.sequence) }
                sequence = record.sequence
                previous = record.hash
            }
            if piece.isEmpty { break }
        }
        guard try (lastEvent()?.sequence ?? 0) == sequence else {
            throw HubStoreError.chainBroken(sequence: sequence)
        }
    }
}
