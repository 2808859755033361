package import Codec
package import Model

/// Message 39, `setLimit`. From hub to spoke: how fast packages may go to the spoke's agents, all together, from when on.
///
/// The hub expands time zones; a spoke knows UTC only. The last step holds until the next message.
package struct SetLimit: MessageBody {
    package static let number: UInt64 = 39
    package static let name = "setLimit"

    package var schedule: RateSchedule

    package init(schedule: RateSchedule) {
        self.schedule = schedule
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        let starts = try fields.times(1, count: RateSchedule.stepLimit)
        let rates = try fields.unsigneds(2, count: RateSchedule.stepLimit)
        guard starts.count == rates.count, !starts.isEmpty else {
            throw .malformed("setLimit: not as many rates as starts")
        }
        var steps: [RateSchedule.Step] = []
        for (start, bits) in zip(starts, rates) {
            do {
                steps.append(.init(start: start, rate: bits == 0 ? nil : try BitRate(bitsPerSecond: bits)))
            } catch {
                throw .malformed("setLimit: \(error)")
            }
        }
        schedule = RateSchedule(steps)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .array(schedule.steps.map { .integer($0.start.milliseconds) }),
            2: .array(schedule.steps.map { .unsigned($0.rate?.bitsPerSecond ?? 0) }),
        ])
    }
}
